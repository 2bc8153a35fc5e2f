/* One end of one attachment: a link with the sync of its lane 0 and the event log between them.
 * Both endpoints are made of it; it decides nothing but the order in which things are done. */
#ifndef TERN_SESSION_LANE_H
#define TERN_SESSION_LANE_H

#include "link/link.h"
#include "session/events.h"
#include "session/streams.h"
#include "sync/sync.h"

/* Unread event records of the peer; more wait in sync's log. */
#define LANE_EVENTS_MAX (64u << 10)

struct lane {
    struct link *link;       /* owned */
    struct sync *sync;       /* owned */
    struct streams *streams; /* owned; NULL towards stock */
    struct buf fragment;
    struct buf events; /* the peer's records, not yet read */
    size_t events_cap; /* of our event log */
    bool events_broken;
};

/* Takes over both. */
void lane_init(struct lane *l, struct link *link, struct sync *sync);
/* Natively: the streams beside them, by the same link (c->link is set here). Nothing is started. */
void lane_add_streams(struct lane *l, const struct streams_config *c);
void lane_fini(struct lane *l);

/* A datagram: opens it and hands it to sync. Returns sync_news flags, 0 when it was link control,
 * or a negative err when it was dropped. */
int lane_receive(struct lane *l, const struct path_ref *from, bool congested, const uint8_t *dgram,
                 size_t len, uint64_t now_us);
/* The next datagram due: 1 or 0. Link control first, then screens and keys, then streams. */
int lane_poll(struct lane *l, uint64_t now_us, struct link_datagram *out);
uint64_t lane_deadline(struct lane *l, uint64_t now_us);

/* Append a record to our event log. ERR_CAP: the peer has not taken the earlier ones; ERR_STATE: a
 * stock peer. */
int MUST_USE lane_event_put(struct lane *l, const struct event *e);
/* Bytes of our event log that the peer has not confirmed; another cap for them. */
size_t lane_events_unacked(const struct lane *l);
void lane_events_set_cap(struct lane *l, size_t cap);
/* The peer's next record: 1, or 0 when there is none. */
int lane_event_get(struct lane *l, struct event *e);

size_t lane_memory(const struct lane *l);

#endif
