#include "session/streams.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Before the link knows: what is lost at the start is sent again after three times this. */
#define FIRST_SRTT_US 100000u

struct streams {
    struct streams_config config;
    struct quic *quic; /* NULL before the start */
    struct chans *chans;
    bool failed;        /* it could not even start */
    struct path_ref on; /* the path in use, last seen, and which one it was */
    uint64_t path;
    struct quic_facts facts; /* of the newest turn in which packets came, */
    uint64_t facts_us;       /* and when that was */
    const char *why;
};

struct streams *streams_new(const struct streams_config *c)
{
    struct streams *s = mem_new(1, sizeof *s);
    s->config = *c;
    s->facts_us = UINT64_MAX;
    return s;
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    if (s->chans)
        chans_set_transport(s->chans, &(struct stream_transport){NULL, NULL});
    quic_free(s->quic);
    chans_free(s->chans);
    mem_wipe(&s->config, sizeof s->config);
    free(s);
}

static void start(struct streams *s, const uint8_t *first_id, uint64_t now_us)
{
    struct link *link = s->config.link;
    struct quic_config q = {
        .client = s->config.client,
        .route = s->config.route,
        .srtt_us = link_proven_us(link) ? link_srtt_us(link) : FIRST_SRTT_US,
        .events = &chans_events,
        .entropy = s->config.entropy,
        .log = s->config.log,
        .now_us = now_us,
    };
    s->chans = chans_new(&(struct chans_config){.ops = s->config.ops,
                                                .ctx = s->config.ctx,
                                                .log = s->config.log,
                                                .client = s->config.client});
    q.ctx = s->chans;
    memcpy(q.psk, s->config.psk, sizeof q.psk);
    if (first_id)
        memcpy(q.first_id, first_id, sizeof q.first_id);
    s->quic = quic_new(&q, &s->why);
    mem_wipe(&q, sizeof q);
    if (!s->quic) {
        log_line(s->config.log, LOG_WARN, "session", "no streams: %s", s->why);
        s->failed = true;
        return;
    }
    struct stream_transport t = quic_transport(s->quic);
    chans_set_transport(s->chans, &t);
    if (s->config.client)
        link_streams_announce(link, quic_first_id(s->quic), now_us);
}

struct chans *streams_chans(struct streams *s, uint64_t now_us)
{
    if (!s->chans && s->config.client && s->config.ops)
        start(s, NULL, now_us);
    return s->chans;
}

bool streams_started(const struct streams *s)
{
    return s->quic != NULL;
}

struct chans *streams_list(const struct streams *s)
{
    return s->chans;
}

const char *streams_over(const struct streams *s)
{
    return s->failed ? s->why : s->quic ? quic_over(s->quic) : NULL;
}

/* The server's connection is made for the id that was announced first. */
static bool ready(struct streams *s, uint64_t now_us)
{
    const uint8_t *id = s->config.client ? NULL : link_streams_id(s->config.link);
    if (!s->quic && id && !s->failed && s->config.ops)
        start(s, id, now_us);
    return s->quic != NULL;
}

/* Is another path in use than at the last turn? */
static void look_at_path(struct streams *s)
{
    struct path_ref now;
    if (!link_path(s->config.link, &now) || (s->path && path_ref_equal(&s->on, &now)))
        return;
    s->on = now;
    s->path++;
}

static struct quic_facts facts_of(const struct streams *s)
{
    const struct link *link = s->config.link;
    return (struct quic_facts){
        .proven_us = link_path_proven_us(link),
        .floor_us = link_rtt_floor_us(link),
        .mtu = link_streams_mtu(link),
        .room = link_room(link, LINK_BULK),
        .path = s->path,
    };
}

static void tell_link(struct streams *s, const struct quic_facts *f, uint64_t now_us)
{
    enum link_wait wait = LINK_WAIT_NONE;
    if (quic_owed(s->quic))
        wait = quic_stands(s->quic)              ? LINK_WAIT_STANDS
               : quic_silent(s->quic, f, now_us) ? LINK_WAIT_LONG
                                                 : LINK_WAIT;
    link_streams_wait(s->config.link, wait, now_us);
}

void streams_close(struct streams *s, uint64_t now_us)
{
    if (!s->quic)
        return;
    quic_close(s->quic, now_us);
    link_streams_wait(s->config.link, LINK_WAIT_NONE, now_us);
}

bool streams_owns(const struct streams *s, const struct quic_packet *p)
{
    if (s->quic)
        return quic_owns(s->quic, p);
    const uint8_t *id = link_streams_id(s->config.link);
    return id && !s->config.client && p->is_long && p->id_len == LINK_STREAM_ID &&
           !memcmp(p->id, id, LINK_STREAM_ID);
}

void streams_receive(struct streams *s, const struct path_ref *from, const uint8_t *dgram,
                     size_t len, uint64_t now_us)
{
    if (!ready(s, now_us))
        return;
    bool first = now_us != s->facts_us; /* of a row, which comes at one time */
    if (first) {
        look_at_path(s);
        s->facts = facts_of(s);
        s->facts_us = now_us;
    }
    link_streams_received(s->config.link, from, len);
    (void)!quic_receive(s->quic, dgram, len, &s->facts, now_us); /* streams_over tells */
    if (first) /* after the row streams_poll does */
        tell_link(s, &s->facts, now_us);
}

int streams_poll(struct streams *s, uint64_t now_us, struct link_datagram *out)
{
    struct path_ref to;
    struct quic_batch batch;
    if (!ready(s, now_us) || !link_path(s->config.link, &to))
        return 0;
    look_at_path(s);
    struct quic_facts f = facts_of(s);
    if (s->config.client && !link_streams_known(s->config.link)) {
        quic_turn(s->quic, &f, now_us);
        bool due = quic_deadline(s->quic, &f, now_us) <= now_us;
        if (due && link_streams_repeat(s->config.link, now_us) &&
            link_poll(s->config.link, now_us, out) == 1)
            return 1; /* packets that come before it are dropped */
    }
    if (!quic_silent(s->quic, &f, now_us))
        chans_age(s->chans, now_us);
    int got = quic_poll(s->quic, &f, now_us, &batch);
    tell_link(s, &f, now_us);
    if (!got)
        return 0;
    link_streams_sent(s->config.link, batch.len, now_us);
    *out = (struct link_datagram){
        .to = to, .data = batch.data, .len = batch.len, .segment = batch.segment};
    return 1;
}

uint64_t streams_deadline(const struct streams *s, uint64_t now_us)
{
    if (!s->quic)
        return UINT64_MAX;
    struct quic_facts f = facts_of(s);
    uint64_t at = quic_deadline(s->quic, &f, now_us);
    uint64_t age = quic_silent(s->quic, &f, now_us) ? UINT64_MAX : chans_age_due(s->chans);
    return age < at ? age : at;
}

struct quic_counters streams_counters(const struct streams *s)
{
    return s->quic ? quic_counters(s->quic) : (struct quic_counters){0};
}

bool streams_stand(const struct streams *s)
{
    return s->quic && quic_stands(s->quic);
}
