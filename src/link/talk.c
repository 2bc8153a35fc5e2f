#include "link/talk.h"

#include "base/wire.h"
#include "link/link_priv.h"

#include <string.h>

#define TALK_STAMPS 4 /* before every payload (mosh-protocol.md §2) */

uint64_t talk_token(struct link *l)
{
    uint64_t v = 0;
    for (int i = 0; i < 8 && !v; i++)
        l->entropy.fill(l->entropy.ctx, &v, sizeof v);
    return v ? v : 1;
}

void talk_say(struct link *l, int index, const struct control *msg)
{
    struct talk *t = &l->talk;
    if (t->count == TALK_QUEUE)
        return;
    struct talk_item *item = &t->queue[(t->first + t->count++) % TALK_QUEUE];
    *item = (struct talk_item){*msg, index, link_path_at(l, index)->serial};
}

void talk_ask(struct link *l, int index, enum control_kind kind, enum control_hint hint)
{
    talk_say(l, index, &(struct control){.kind = kind, .hint = hint});
}

static bool is_question(enum control_kind kind)
{
    return kind == CONTROL_PROBE || kind == CONTROL_HEARTBEAT || kind == CONTROL_SWITCH ||
           kind == CONTROL_STREAMS;
}

/* What is known only when the message leaves. */
static void complete(struct link *l, struct path *p, struct control *msg)
{
    if (is_question(msg->kind))
        msg->token = talk_token(l);
    if (is_question(msg->kind) || msg->kind == CONTROL_REPLY)
        msg->loss = 1 + (uint32_t)(p->rtt.loss_in * 1000);
    if (!l->client && !p->valid && (msg->kind == CONTROL_REPLY || msg->kind == CONTROL_CHALLENGE)) {
        if (!p->challenge)
            p->challenge = talk_token(l);
        msg->challenge = p->challenge;
    }
    if (msg->kind == CONTROL_SWITCH || msg->kind == CONTROL_ANSWER)
        msg->answer = p->answer;
    if (msg->kind == CONTROL_STREAMS) {
        msg->has_id = true;
        memcpy(msg->id, l->carry.id, sizeof msg->id);
    }
}

static void remember(struct link *l, int index, const struct control *msg, uint64_t now_us)
{
    struct talk *t = &l->talk;
    struct path *p = link_path_at(l, index);
    t->asked[t->next] = (struct talk_question){
        .token = msg->token,
        .sent_us = now_us,
        .upto = p->sent,
        .size = msg->size,
        .path = index,
        .serial = p->serial,
        .kind = msg->kind,
    };
    t->next = (t->next + 1) % TALK_ASKED;
    if (p->ref.kind == PATH_PIPE)
        path_pipe_asked(p, now_us);
}

static int seal_item(struct link *l, struct talk_item *item, uint64_t now_us,
                     struct link_datagram *out)
{
    struct buf b;
    complete(l, link_path_at(l, item->path), &item->msg);
    buf_init(&b, LINK_FRAGMENT + CONTROL_MAX + item->msg.size);
    buf_put_u64(&b, l->talk.id++);
    buf_put_u16(&b, 0x8000);
    control_put(&b, &item->msg);
    if (item->msg.size)
        control_pad(&b, item->msg.size - SEAL_OVERHEAD - TALK_STAMPS);
    int err = buf_err(&b);
    if (!err)
        err = link_seal(l, item->path, LINK_LANE_CONTROL, buf_data(&b), buf_len(&b), now_us, out);
    buf_fini(&b);
    if (err)
        return err;
    l->counters.control_sent++;
    if (is_question(item->msg.kind))
        remember(l, item->path, &item->msg, now_us);
    return ERR_OK;
}

int talk_poll(struct link *l, uint64_t now_us, struct link_datagram *out)
{
    struct talk *t = &l->talk;
    while (t->count) {
        struct talk_item *item = &t->queue[t->first];
        t->first = (t->first + 1) % TALK_QUEUE;
        t->count--;
        const struct path *p = link_path_at(l, item->path);
        if (p->used && p->serial == item->serial && !seal_item(l, item, now_us, out))
            return 1;
    }
    return 0;
}

/* An answer to one of our questions: it proves the path that was asked, whichever it came by. */
static int take_reply(struct link *l, const struct control *msg, uint64_t now_us)
{
    struct talk_question q = {0};
    for (size_t i = 0; i < TALK_ASKED && msg->token; i++)
        if (l->talk.asked[i].token == msg->token) {
            q = l->talk.asked[i];
            l->talk.asked[i].token = 0;
            break;
        }
    if (!q.token)
        return ERR_STATE;
    struct path *p = link_path_at(l, q.path);
    if (!p->used || p->serial != q.serial)
        return ERR_STATE;
    uint64_t took = now_us - q.sent_us;
    if (took < RTT_SAMPLE_MAX)
        rtt_sample(&p->rtt, took, now_us);
    if (msg->loss)
        rtt_reported(&p->rtt, msg->loss - 1, now_us);
    if (p->ref.kind == PATH_PIPE)
        path_pipe_acked(p, q.upto, took);
    p->unanswered = 0;
    if (q.size)
        carry_fits(p, q.size);
    if (q.kind == CONTROL_STREAMS)
        carry_answered(l);
    if (l->client && q.kind == CONTROL_SWITCH && q.path == l->current)
        l->roam.switching = false;
    link_prove(l, q.path, q.sent_us, true, now_us);
    return ERR_OK;
}

/* The server wants to know whether we receive on this path. */
static void take_challenge(struct link *l, int index, const struct control *msg)
{
    struct path *p = link_path_at(l, index);
    if (!l->client || !msg->challenge)
        return;
    p->answer = msg->challenge;
    /* A REPLY on a path not in use needs no answer: the SWITCH to it would carry it. */
    if (msg->kind == CONTROL_CHALLENGE || index == l->current)
        talk_say(l, index, &(struct control){.kind = CONTROL_ANSWER});
}

int talk_receive(struct link *l, int index, const struct control *msg, uint64_t now_us)
{
    struct path *p = link_path_at(l, index);
    if (msg->kind == CONTROL_STREAMS && (!msg->has_id || !carry_announced(l, msg->id)))
        return ERR_STATE;
    if (is_question(msg->kind)) {
        if (msg->loss)
            rtt_reported(&p->rtt, msg->loss - 1, now_us);
        talk_say(l, index, &(struct control){.kind = CONTROL_REPLY, .token = msg->token});
    }
    switch (msg->kind) {
    case CONTROL_PROBE:
        if (l->client && msg->hint == CONTROL_QUIET && index != l->current)
            roam_hint(l, now_us);
        return ERR_OK;
    case CONTROL_HEARTBEAT:
    case CONTROL_STREAMS:
        return ERR_OK;
    case CONTROL_REPLY: {
        int err = take_reply(l, msg, now_us);
        if (!err)
            take_challenge(l, index, msg);
        return err;
    }
    case CONTROL_CHALLENGE:
        take_challenge(l, index, msg);
        return ERR_OK;
    case CONTROL_ANSWER:
    case CONTROL_SWITCH:
        if (!l->client)
            peer_answered(l, index, msg->answer, now_us);
        return ERR_OK;
    case CONTROL_BYE:
        return ERR_OK; /* link.c minds its order */
    }
    return ERR_SYNTAX;
}
