#include "session/command_end.h"

#include "base/mem.h"
#include "session/lane.h"

#include <stdlib.h>
#include <string.h>

/* As in client_end.c. */
#define LEAVE_US  3000000u
#define LINGER_US 5000000u
#define FIRST_US  30000000u

struct command_end {
    struct lane lane;
    struct chans *chans; /* the lane's */
    enum command_state state;
    const char *text;
    bool ended; /* the server's word on the end has come */
    uint64_t since_us, leaving_us, over_us;
};

struct command_end *command_end_new(const struct command_end_config *c)
{
    struct command_end *e = mem_new(1, sizeof *e);
    struct keys keys;
    keys_derive(&keys, c->connect->secret);
    struct link *link = link_new(&(struct link_config){
        .role = LINK_CLIENT,
        .keys = &keys,
        .route = c->connect->route,
        .codec = c->null_codec ? SEAL_NULL : SEAL_OCB,
        .entropy = c->entropy,
        .log = c->log,
        .now_us = c->now_us,
    });
    struct sync *sync = sync_new(&(struct sync_config){
        .role = SYNC_CLIENT,
        .native = true,
        .caps = SYNC_CAPS_ALL,
        .peer_caps = c->connect->caps,
        .null_codec = c->null_codec,
        .entropy = c->entropy,
        .log = c->log,
        .cols = 1,
        .rows = 1,
        .now_us = c->now_us,
    });
    lane_init(&e->lane, link, sync);
    struct streams_config streams = {
        .client = true,
        .route = c->connect->route,
        .entropy = c->entropy,
        .log = c->log,
        .ops = c->chans,
        .ctx = c->chans_ctx,
    };
    memcpy(streams.psk, keys.quic, sizeof streams.psk);
    lane_add_streams(&e->lane, &streams);
    mem_wipe(&streams, sizeof streams);
    keys_wipe(&keys);
    e->chans = streams_chans(e->lane.streams, c->now_us);
    sync_user_resize(sync, 1, 1, c->now_us); /* something to say, so that the server knows us */
    e->since_us = c->now_us;
    return e;
}

void command_end_free(struct command_end *e)
{
    if (!e)
        return;
    lane_fini(&e->lane);
    free(e);
}

struct chans *command_end_chans(struct command_end *e)
{
    return e->chans;
}

struct link *command_end_link(struct command_end *e)
{
    return e->lane.link;
}

/* ---- the end ---- */

static void finish(struct command_end *e, const char *text, uint64_t now_us)
{
    if (e->state == COMMAND_OVER)
        return;
    e->state = COMMAND_OVER;
    e->text = text;
    e->over_us = now_us;
}

void command_end_leave(struct command_end *e, uint64_t now_us)
{
    if (e->state == COMMAND_OVER)
        return;
    bool again = e->state == COMMAND_LEAVING;
    e->state = COMMAND_LEAVING;
    e->leaving_us = now_us;
    if (again || !link_heard_us(e->lane.link) || link_quiet(e->lane.link, now_us) ||
        lane_event_put(&e->lane, &(struct event){.kind = EVENT_QUIT}))
        finish(e, NULL, now_us);
}

static void read_events(struct command_end *e)
{
    struct event event;
    while (lane_event_get(&e->lane, &event) == 1)
        e->ended |=
            event.kind == EVENT_EXIT || event.kind == EVENT_ENDED || event.kind == EVENT_DETACHED;
}

static void check_end(struct command_end *e, uint64_t now_us)
{
    bool leaving = e->state == COMMAND_LEAVING;
    if (e->ended && sync_peer_shutdown_acked(e->lane.sync))
        finish(e, leaving ? NULL : "the command was ended from elsewhere", now_us);
    else if (leaving && (now_us - e->leaving_us > LEAVE_US || link_quiet(e->lane.link, now_us)))
        finish(e, NULL, now_us);
    else if (!leaving && !link_heard_us(e->lane.link) && now_us - e->since_us > FIRST_US)
        finish(e, "no answer from the server: is UDP blocked, or did it end?", now_us);
}

enum command_state command_end_state(const struct command_end *e)
{
    return e->state;
}

const char *command_end_text(const struct command_end *e)
{
    return e->text;
}

bool command_end_lingers(const struct command_end *e, uint64_t now_us)
{
    if (e->state == COMMAND_LEAVING)
        return true;
    return e->state == COMMAND_OVER && e->ended && !link_peer_left(e->lane.link) &&
           now_us - e->over_us < LINGER_US;
}

/* ---- datagrams ---- */

void command_end_datagram(struct command_end *e, const struct path_ref *from, bool congested,
                          const uint8_t *dgram, size_t len, uint64_t now_us)
{
    if (quic_packet_is(dgram, len)) {
        streams_receive(e->lane.streams, from, dgram, len, now_us);
        return;
    }
    if (lane_receive(&e->lane, from, congested, dgram, len, now_us) < 0)
        return;
    read_events(e);
    check_end(e, now_us);
}

int command_end_poll(struct command_end *e, uint64_t now_us, struct link_datagram *out)
{
    if (lane_poll(&e->lane, now_us, out) == 1)
        return 1;
    check_end(e, now_us);
    return 0;
}

uint64_t command_end_deadline(struct command_end *e, uint64_t now_us)
{
    uint64_t at = lane_deadline(&e->lane, now_us), own = UINT64_MAX;
    if (e->state == COMMAND_LEAVING)
        own = e->leaving_us + LEAVE_US + 1;
    else if (e->state == COMMAND_LIVE && !link_heard_us(e->lane.link))
        own = e->since_us + FIRST_US + 1;
    else if (e->state == COMMAND_OVER && e->ended)
        own = e->over_us + LINGER_US + 1;
    return own < at ? own : at;
}
