#include "session/lane.h"

#include "base/mem.h"

static struct sync_link facts_of(const struct lane *l, uint64_t now_us)
{
    return (struct sync_link){
        .srtt_us = link_srtt_us(l->link),
        .rto_us = link_rto_us(l->link),
        .floor_us = link_rtt_floor_us(l->link),
        .loss = link_loss(l->link, now_us),
        .mtu_payload = link_mtu_payload(l->link) + LINK_FRAGMENT,
        .quiet = link_quiet(l->link, now_us),
        .proven_us = link_proven_us(l->link),
        .bulk_room = link_room(l->link, LINK_BULK),
        .can_send = link_has_peer(l->link) && link_room(l->link, LINK_SCREEN) > 0,
    };
}

void lane_init(struct lane *l, struct link *link, struct sync *sync)
{
    *l = (struct lane){.link = link, .sync = sync, .events_cap = SYNC_LOG_SEND_MAX};
    buf_init(&l->fragment, SYNC_MTU_MAX);
    buf_init(&l->events, LANE_EVENTS_MAX);
}

void lane_add_streams(struct lane *l, const struct streams_config *c)
{
    struct streams_config own = *c;
    own.link = l->link;
    l->streams = streams_new(&own);
    mem_wipe(&own, sizeof own);
}

void lane_fini(struct lane *l)
{
    streams_free(l->streams);
    sync_free(l->sync);
    link_free(l->link);
    buf_fini(&l->fragment);
    buf_fini(&l->events);
}

/* Move what came of the peer's event log into our buffer, as far as it has room. */
static void fetch_events(struct lane *l)
{
    size_t len;
    const uint8_t *p = sync_log_read(l->sync, SYNC_LOG_EVENTS, &len);
    if (len > buf_room(&l->events))
        len = buf_room(&l->events);
    if (!len)
        return;
    if (!l->events_broken)
        buf_put(&l->events, p, len);
    sync_log_skip(l->sync, SYNC_LOG_EVENTS, len);
}

int lane_receive(struct lane *l, const struct path_ref *from, bool congested, const uint8_t *dgram,
                 size_t len, uint64_t now_us)
{
    if (l->streams && quic_packet_is(dgram, len)) {
        streams_receive(l->streams, from, dgram, len, now_us);
        return 0;
    }
    bool was_quiet = link_quiet(l->link, now_us);
    struct link_payload payload;
    int got = link_receive(l->link, from, congested, dgram, len, now_us, &payload);
    if (got < 0)
        return got;
    bool moved = got == 1 && payload.peer_moved;
    int news = 0;
    if (got == 1 && payload.lane == 0) {
        struct sync_link facts = facts_of(l, now_us);
        news = sync_receive(l->sync, payload.data, payload.len, now_us, &facts);
    }
    if (news > 0 && (news & SYNC_NEWS_ACK))
        link_acked(l->link, sync_acked_us(l->sync), now_us);
    if (news > 0 && (news & SYNC_NEWS_LOG))
        fetch_events(l);
    link_set_owed(l->link, sync_owed(l->sync), now_us);
    if (moved || (was_quiet && !link_quiet(l->link, now_us)))
        sync_link_proven(l->sync, now_us);
    return news;
}

int lane_poll(struct lane *l, uint64_t now_us, struct link_datagram *out)
{
    link_set_owed(l->link, sync_owed(l->sync), now_us);
    if (link_poll(l->link, now_us, out) == 1)
        return 1;
    struct sync_link facts = facts_of(l, now_us);
    if (!facts.can_send || sync_send(l->sync, now_us, &facts, &l->fragment) != 1)
        return l->streams ? streams_poll(l->streams, now_us, out) : 0;
    int err = link_send(l->link, 0, buf_data(&l->fragment), buf_len(&l->fragment),
                        sync_sent_bulk(l->sync) ? LINK_BULK : LINK_SCREEN, now_us, out);
    if (err && l->streams)
        return streams_poll(l->streams, now_us, out);
    return err ? 0 : 1;
}

uint64_t lane_deadline(struct lane *l, uint64_t now_us)
{
    struct sync_link facts = facts_of(l, now_us);
    uint64_t link = link_deadline(l->link, now_us);
    uint64_t sync = facts.can_send ? sync_deadline(l->sync, now_us, &facts) : SYNC_NEVER;
    uint64_t streams = l->streams ? streams_deadline(l->streams, now_us) : UINT64_MAX;
    uint64_t at = link < sync ? link : sync;
    return at < streams ? at : streams;
}

int lane_event_put(struct lane *l, const struct event *e)
{
    struct buf b;
    buf_init(&b, EVENT_MAX);
    event_put(&b, e);
    int err = buf_err(&b);
    if (!err)
        err = sync_log_append(l->sync, SYNC_LOG_EVENTS, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    return err;
}

size_t lane_events_unacked(const struct lane *l)
{
    return l->events_cap - sync_log_room(l->sync, SYNC_LOG_EVENTS);
}

void lane_events_set_cap(struct lane *l, size_t cap)
{
    l->events_cap = cap;
    sync_log_set_cap(l->sync, SYNC_LOG_EVENTS, cap);
}

int lane_event_get(struct lane *l, struct event *e)
{
    fetch_events(l);
    if (l->events_broken)
        return 0;
    int got = event_get(&l->events, e);
    if (got < 0) { /* nothing after it can be read; the screen goes on without */
        l->events_broken = true;
        buf_release(&l->events);
        return 0;
    }
    return got;
}

size_t lane_memory(const struct lane *l)
{
    return sync_memory(l->sync) + l->events.size + l->fragment.size;
}
