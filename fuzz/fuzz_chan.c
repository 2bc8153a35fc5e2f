/* Channels: whatever a peer sends on its streams breaks no rule of ours. The input is a row of
 * pieces: a byte that says on which of four streams and whether it ends there, a length, bytes. The
 * first two streams are ours (opened as exec), the others the peer's. */
#include "chan/chans.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define STREAMS 4

struct world {
    struct chans *chans;
    struct chan *chan[STREAMS]; /* as the edge knows it; NULL: not yet, or gone */
    void *user[STREAMS];
    bool stopped[STREAMS], ended[STREAMS];
    size_t given[STREAMS], credited[STREAMS];
    int64_t next;
    bool refuse;
};

/* ---- the transport ---- */

static int op_open(void *t, void *user, int64_t *id)
{
    struct world *w = t;
    w->user[w->next] = user;
    *id = w->next++;
    return ERR_OK;
}

static void op_wake(void *t, int64_t id)
{
}

static void op_class(void *t, int64_t id, enum stream_class c)
{
    BUG_ON(c >= STREAM_CLASSES);
}

static void op_credit(void *t, int64_t id, size_t len)
{
    struct world *w = t;
    w->credited[id] += len;
    BUG_ON(w->credited[id] > w->given[id]);
}

static void op_reset(void *t, int64_t id, uint64_t code)
{
    BUG_ON(code > STREAM_INTERNAL);
}

static void op_stop(void *t, int64_t id, uint64_t code)
{
    struct world *w = t;
    w->stopped[id] = true;
}

static const struct stream_ops transport = {op_open,   op_wake,  op_class,
                                            op_credit, op_reset, op_stop};

/* ---- the edge ---- */

static int slot_of(const struct world *w, const struct chan *c)
{
    for (int i = 0; i < STREAMS; i++)
        if (w->chan[i] == c)
            return i;
    return -1;
}

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct world *w = ctx;
    BUG_ON(o->env_count > OPEN_ENV_MAX || o->command.len > OPEN_COMMAND_MAX);
    if (w->refuse) {
        *why = "no";
        return REFUSAL_PROHIBITED;
    }
    for (int i = 2; i < STREAMS; i++)
        if (w->user[i] == c)
            w->chan[i] = c;
    chan_accept(c);
    return 0;
}

static void on_accepted(void *ctx, struct chan *c)
{
    BUG_ON(slot_of(ctx, c) < 0);
}

static void on_refused(void *ctx, struct chan *c, uint32_t code, const char *text)
{
    struct world *w = ctx;
    for (const char *p = text; *p; p++)
        BUG_ON((unsigned char)*p < ' ');
    BUG_ON(slot_of(w, c) < 0);
    w->chan[slot_of(w, c)] = NULL;
}

static void on_readable(void *ctx, struct chan *c)
{
    struct world *w = ctx;
    int i = slot_of(w, c);
    BUG_ON(i < 0);
    for (int s = 0; s < CHAN_STREAMS; s++) {
        size_t len;
        chan_peek(c, (enum chan_stream)s, &len);
        BUG_ON(len > CHAN_WINDOW_MAX);
        chan_consume(c, (enum chan_stream)s, len & ~(size_t)1); /* sometimes not all */
    }
    if (!chan_over(c))
        return;
    w->chan[i] = NULL;
    chan_release(c);
}

static void on_writable(void *ctx, struct chan *c)
{
    BUG_ON(!chan_room(c));
}

static void on_stopped(void *ctx, struct chan *c, enum chan_stream s)
{
    BUG_ON(s >= CHAN_STREAMS);
    chan_eof(c);
}

static void on_request(void *ctx, struct chan *c, const struct message *m)
{
    struct world *w = ctx;
    BUG_ON(strlen(m->name) > SIGNAL_NAME_MAX);
    if (m->kind == MESSAGE_BREAK && m->value == 7) { /* an edge may give up in a call */
        w->chan[slot_of(w, c)] = NULL;
        chan_abandon(c, STREAM_DONE);
    }
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    struct world *w = ctx;
    int i = slot_of(w, c);
    BUG_ON(i < 0);
    w->chan[i] = NULL;
}

static const struct chans_ops ops = {on_opened,   on_accepted, on_refused, on_readable,
                                     on_writable, on_stopped,  on_request, on_broken};

/* ---- a run ---- */

static void piece(struct world *w, int i, const uint8_t *p, size_t len, bool fin)
{
    if (!w->user[i] && i >= 2)
        w->user[i] = chans_events.opened(w->chans, i);
    if (!w->user[i] || w->stopped[i] || w->ended[i])
        return;
    w->given[i] += len;
    w->ended[i] = fin;
    chans_events.data(w->chans, w->user[i], p, len, fin);
}

static void drain(struct world *w, int i)
{
    struct stream_vec v[STREAM_VECS];
    bool fin;
    if (!w->user[i])
        return;
    size_t n = chans_events.pull(w->chans, w->user[i], v, &fin), all = 0;
    for (size_t k = 0; k < n; k++)
        all += v[k].len;
    chans_events.taken(w->chans, w->user[i], all, fin);
    chans_events.acked(w->chans, w->user[i], all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct world w = {.refuse = len && data[0] & 1};
    struct open_request o = {.kind = OPEN_EXEC, .command = {"x", 1}};
    w.chans = chans_new(&(struct chans_config){.ops = &ops, .ctx = &w});
    chans_set_transport(w.chans, &(struct stream_transport){&transport, &w});
    for (int i = 0; i < 2; i++)
        BUG_ON(chan_open(w.chans, &o, NULL, &w.chan[i]));
    for (size_t at = 1; at + 2 < len;) {
        size_t n = data[at + 1] ? data[at + 1] : (size_t)data[at + 2] << 8;
        uint8_t *copy = mem_new(n + 1, 1); /* repeated: long messages from short inputs */
        for (size_t k = 0; k < n; k++)
            copy[k] = data[at + 2 + k % (len - at - 2)];
        piece(&w, data[at] & 3, copy, n, data[at] & 4);
        if (data[at] & 8)
            drain(&w, data[at] & 3);
        free(copy);
        at += 2 + (data[at + 1] ? data[at + 1] : 1);
    }
    chans_free(w.chans);
    for (int i = 0; i < STREAMS; i++)
        BUG_ON(w.chan[i]);
    return 0;
}
