/* Channels of kind SESSION: a client asks for another session, or an attachment to one of ours, on
 * a link of its own (docs/PROTOCOL.md §9.1). It may have what its login could: the same checks as
 * for a start record on stdin. */
#include "base/mem.h"
#include "link/start.h"
#include "server/names.h"
#include "server/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asked for and not yet answered; each may hold a start record. */
#define SIBLINGS_MAX 32

struct sibling {
    struct list node;
    struct serve *serve;
    struct chan *chan;
    bool read;
    struct start_record record; /* once read */
    struct names *names;        /* looks for a free one; NULL: not so */
};

static void sibling_free(struct sibling *b)
{
    list_del(&b->node);
    b->serve->sibling_count--;
    names_free(b->names);
    if (b->read)
        start_fini(&b->record);
    free(b);
}

static void refuse(struct sibling *b, enum refusal code, const char *why)
{
    struct serve *s = b->serve;
    log_line(s->o->log, LOG_INFO, "server", "another session: refused: %s", why);
    chan_refuse(b->chan, code, why);
    sibling_free(b);
    serve_wake(s);
}

static void answer(struct sibling *b, struct connect *c)
{
    struct serve *s = b->serve;
    struct buf line;
    buf_init(&line, CONNECT_LINE_MAX);
    connect_put(&line, b->record.nonce, c);
    log_line(s->o->log, LOG_INFO, "server", "another link: session %s, route %u", c->session,
             c->route);
    connect_wipe(c);
    chan_accept(b->chan);
    (void)!chan_write(b->chan, CHAN_DATA, buf_data(&line), buf_len(&line)); /* fits any window */
    chan_release(b->chan);
    mem_wipe(line.mem, line.size);
    buf_fini(&line);
    sibling_free(b);
    serve_wake(s);
}

/* ---- a new session --------------------------------------------------------------------------- */

static bool name_taken(const struct sibling *b, const char *name)
{
    return server_session_find(b->serve->end, name) || names_has(b->names, name);
}

/* Every name that is known is one of so many. */
#define NUMBERS (NAMES_MAX + SERVER_SESSIONS + 1)

static bool choose_name(const struct sibling *b, char name[static SESSION_NAME_MAX + 1])
{
    const char *wish = b->record.session;
    if (*wish) {
        snprintf(name, SESSION_NAME_MAX + 1, "%s", wish);
        return !name_taken(b, name);
    }
    for (unsigned i = 1; i <= NUMBERS; i++) {
        snprintf(name, SESSION_NAME_MAX + 1, "%u", i);
        if (!name_taken(b, name))
            return true;
    }
    return false;
}

static void on_names(void *ctx)
{
    struct sibling *b = ctx;
    struct connect c;
    char name[SESSION_NAME_MAX + 1], why[SERVE_WHY];
    if (!choose_name(b, name)) {
        snprintf(why, sizeof why, "a session named %.64s is running", b->record.session);
        refuse(b, REFUSAL_PROHIBITED, why);
    } else if (serve_session(b->serve, &b->record, name, &c, why)) {
        refuse(b, REFUSAL_RESOURCES, why);
    } else {
        answer(b, &c);
    }
}

/* ---- an attachment --------------------------------------------------------------------------- */

static void attach(struct sibling *b)
{
    struct serve *s = b->serve;
    uint32_t sid = server_session_find(s->end, b->record.session);
    struct connect c;
    char why[SERVE_WHY];
    if (!sid || server_session_bare(s->end, sid)) {
        snprintf(why, sizeof why, "no session named %.64s runs in this server", b->record.session);
        refuse(b, REFUSAL_CONNECT_FAILED, why);
    } else if (serve_link(s, sid, &b->record, &c)) {
        refuse(b, REFUSAL_RESOURCES, "cannot attach");
    } else {
        answer(b, &c);
    }
}

/* ---- the record ------------------------------------------------------------------------------ */

static void judge(struct sibling *b)
{
    struct serve *s = b->serve;
    const struct start_record *r = &b->record;
    const char *why = serve_refusal(s->o, r);
    if (!connect_nonce_valid(r->nonce) || (r->session[0] && !connect_session_valid(r->session)))
        refuse(b, REFUSAL_PROHIBITED, "malformed request");
    else if (why)
        refuse(b, REFUSAL_PROHIBITED, why);
    else if (s->quitting)
        refuse(b, REFUSAL_RESOURCES, "the server is about to end");
    else if (!server_link_room(s->end))
        refuse(b, REFUSAL_RESOURCES, "too many clients");
    else if (r->action == START_ATTACH)
        attach(b);
    else if (r->action != START_NEW)
        refuse(b, REFUSAL_UNKNOWN, "the server does not know this request");
    else
        b->names = names_new(s->loop, &s->dir, s->socket_name, on_names, b);
}

/* It stays in the channel until it is whole: with what is consumed the window would be opened, and
 * nothing may be sent before OPENED or REFUSED. So a longer one than the first window never is. */
static void on_readable(void *ctx, struct chan *c)
{
    struct sibling *b = chan_owner(c);
    size_t len, used;
    (void)ctx;
    if (b->read)
        return;
    const uint8_t *p = chan_peek(c, CHAN_DATA, &len);
    int got = start_get(p, len, &b->record, &used);
    if (got < 0 || (!got && (len >= CHAN_WINDOW_FIRST || chan_complete(c)))) {
        refuse(b, REFUSAL_PROHIBITED, "malformed request");
    } else if (got) {
        b->read = true;
        b->record.forwards = serve_lendable(b->serve, b->record.forwards);
        judge(b);
    }
}

/* ---- what channels tell ---------------------------------------------------------------------- */

static int on_opened(void *ctx, struct chan *c, const struct open_request *o, const char **why)
{
    struct serve *s = ctx;
    (void)o;
    if (s->sibling_count == SIBLINGS_MAX) {
        *why = "too many sessions are asked for at once";
        return REFUSAL_RESOURCES;
    }
    struct sibling *b = mem_new(1, sizeof *b);
    *b = (struct sibling){.serve = s, .chan = c};
    list_add_tail(&s->siblings, &b->node);
    s->sibling_count++;
    chan_set_owner(c, b);
    return 0;
}

static void on_broken(void *ctx, struct chan *c, uint64_t code)
{
    (void)ctx;
    (void)code;
    sibling_free(chan_owner(c));
}

const struct chans_ops siblings_ops = {
    .opened = on_opened,
    .readable = on_readable,
    .broken = on_broken,
};
