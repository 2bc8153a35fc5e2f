/* The link's own conversation: link control messages waiting to be sent, and questions waiting for
 * their answers. Private to the link. */
#ifndef TERN_LINK_TALK_H
#define TERN_LINK_TALK_H

#include "link/control.h"
#include "link/link.h"

/* Messages waiting; more are dropped (each kind is asked again or not needed again). */
#define TALK_QUEUE 64
/* Questions remembered; the oldest is forgotten. */
#define TALK_ASKED 128

struct talk_item {
    struct control msg;
    int path;
    uint32_t serial;
};

struct talk_question {
    uint64_t token; /* 0 = free entry */
    uint64_t sent_us;
    uint64_t upto; /* path's `sent` with this datagram in it */
    size_t size;   /* bytes of the datagram, if that was the question */
    int path;
    uint32_t serial;
    enum control_kind kind;
};

struct talk {
    struct talk_item queue[TALK_QUEUE];
    size_t first, count;
    struct talk_question asked[TALK_ASKED];
    size_t next; /* entry to be used next */
    uint64_t id; /* fragment ids of lane 0xFFFF */
};

/* Queue a message for the path. */
void talk_say(struct link *l, int index, const struct control *msg);
/* Queue a question (PROBE, HEARTBEAT or SWITCH) for the path. */
void talk_ask(struct link *l, int index, enum control_kind kind, enum control_hint hint);
/* A well-formed message came over the path. Negative if it is not for us to get. */
int MUST_USE talk_receive(struct link *l, int index, const struct control *msg, uint64_t now_us);
/* Seal the next waiting message: 1 with *out filled, 0 if none waits. */
int MUST_USE talk_poll(struct link *l, uint64_t now_us, struct link_datagram *out);
/* A random number, not 0. */
uint64_t talk_token(struct link *l);

#endif
