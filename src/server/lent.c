#include "server/lent.h"

#include "base/list.h"
#include "base/mem.h"
#include "fwd/offer_far.h"
#include "io/sockdir.h"
#include "server/word.h"
#include "server/xdisplay.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "agent-PID-" and so many random bytes as hexadecimal digits. */
#define AGENT_PREFIX "agent-"
#define AGENT_RANDOM 8

struct lent {
    struct loop *loop;
    struct lent_config config;
    struct offer_far *offers;
    struct list sessions;
    struct xdisplay sshd; /* its display: ours are made like it */
};

struct lent_session {
    struct list node;
    uint32_t sid;
    char agent[SPEC_PATH]; /* "": not lent */
    char display[XDISPLAY_TEXT];
};

/* ---- whose channels they are ----------------------------------------------------------------- */

static bool on_client(void *ctx, const struct chans *set, struct offer_client *out)
{
    const struct lent *s = ctx;
    struct client_info info;
    if (!server_client(s->config.end, set, loop_now_us(s->loop), &info))
        return false;
    *out = (struct offer_client){
        .sid = info.sid, .present = info.present, .typist = info.typist, .active = info.heard_us};
    return true;
}

static void on_wake(void *ctx)
{
    const struct lent *s = ctx;
    s->config.wake(s->config.ctx);
}

uint32_t lent_session(const struct lent *s, const struct chan *c)
{
    struct client_info info;
    return server_client(s->config.end, chan_set(c), loop_now_us(s->loop), &info) ? info.sid : 0;
}

/* ---- the agent ------------------------------------------------------------------------------- */

/* Sockets of processes that were killed. */
static void remove_left(const struct sockdir *d)
{
    DIR *folder = opendir(d->path);
    struct dirent *e;
    while (folder && (e = readdir(folder))) {
        int pid = 0;
        if (sscanf(e->d_name, AGENT_PREFIX "%d-", &pid) == 1 && pid > 1 && kill(pid, 0) &&
            errno == ESRCH)
            unlinkat(dirfd(folder), e->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

/* False: the path is too long. */
static bool agent_path(const struct lent *s, const struct sockdir *d, char out[static SPEC_PATH])
{
    uint8_t random[AGENT_RANDOM];
    s->config.entropy.fill(s->config.entropy.ctx, random, sizeof random);
    int n = snprintf(out, SPEC_PATH, "%s/" AGENT_PREFIX "%d-", d->path, (int)getpid());
    for (size_t i = 0; i < sizeof random; i++)
        n += snprintf(n < SPEC_PATH ? out + n : NULL, n < SPEC_PATH ? SPEC_PATH - (size_t)n : 0,
                      "%02x", random[i]);
    return n < SPEC_PATH;
}

static void open_agent(struct lent *s, struct lent_session *q)
{
    struct sockdir d;
    struct spec_end at = {0};
    struct listen_config rules = {.at = &at, .mask = 0177};
    char why[LISTEN_ERROR] = "the path is too long";
    _Static_assert(LISTEN_ERROR >= SOCKDIR_ERROR, "one text for both");
    if (sockdir_open(&d, why)) {
        log_line(s->config.log, LOG_WARN, "forward", "no agent: %s", why);
        return;
    }
    remove_left(&d);
    if (!agent_path(s, &d, at.path) ||
        offer_far_place(s->offers, q->sid, OPEN_AGENT, &rules, NULL, why)) {
        log_line(s->config.log, LOG_WARN, "forward", "no agent: %s", why);
        return;
    }
    memcpy(q->agent, at.path, sizeof q->agent);
}

/* ---- the display ----------------------------------------------------------------------------- */

/* The first free one from sshd's on. False: none. */
static bool bind_display(struct lent *s, uint32_t sid, struct xdisplay *d, const uint8_t *cookie)
{
    bool local = !strcmp(d->host, "localhost");
    struct spec_end at = {.named = true};
    struct listen_config rules = {.at = &at, .whole = true};
    char why[LISTEN_ERROR];
    snprintf(at.host, sizeof at.host, "%s", local ? "localhost" : "*");
    for (unsigned i = 0; i < XDISPLAY_MOST && XDISPLAY_PORTS + d->number <= UINT16_MAX; i++) {
        at.port = (uint16_t)(XDISPLAY_PORTS + d->number);
        int err = offer_far_place(s->offers, sid, OPEN_X11, &rules, cookie, why);
        if (err == ERR_OK)
            return true;
        if (err == ERR_CAP)
            return false;
        d->number++;
    }
    return false;
}

static void open_display(struct lent *s, struct lent_session *q, uint16_t screen)
{
    uint8_t cookie[X11_FAKE];
    struct xdisplay d = s->sshd;
    d.screen = screen;
    s->config.entropy.fill(s->config.entropy.ctx, cookie, sizeof cookie);
    if (bind_display(s, q->sid, &d, cookie)) {
        xdisplay_tell(&d, cookie, s->config.log);
        xdisplay_text(&d, q->display);
    } else {
        log_line(s->config.log, LOG_WARN, "forward", "no free display");
    }
    mem_wipe(cookie, sizeof cookie);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static struct lent_session *session_of(const struct lent *s, uint32_t sid)
{
    LIST_EACH(n, &s->sessions)
    {
        struct lent_session *q = LIST_ITEM(n, struct lent_session, node);
        if (q->sid == sid)
            return q;
    }
    return NULL;
}

void lent_open(struct lent *s, uint32_t sid, const struct start_record *r)
{
    if (!(r->forwards & (START_FORWARD_AGENT | START_FORWARD_X11)))
        return;
    struct lent_session *q = mem_new(1, sizeof *q);
    *q = (struct lent_session){.sid = sid};
    list_add_tail(&s->sessions, &q->node);
    if (r->forwards & START_FORWARD_AGENT)
        open_agent(s, q);
    if (r->forwards & START_FORWARD_X11)
        open_display(s, q, r->screen);
}

void lent_expect(struct lent *s, uint32_t sid, uint32_t forwards)
{
    if (forwards & START_FORWARD_AGENT)
        offer_far_expect(s->offers, sid, OPEN_AGENT);
    if (forwards & START_FORWARD_X11)
        offer_far_expect(s->offers, sid, OPEN_X11);
}

void lent_dress(const struct lent *s, uint32_t sid, struct child *c)
{
    const struct lent_session *q = session_of(s, sid);
    if (q && q->agent[0])
        child_set(c, "SSH_AUTH_SOCK", q->agent);
    if (q && q->display[0])
        child_set(c, "DISPLAY", q->display);
}

static void session_free(struct lent *s, struct lent_session *q)
{
    offer_far_forget(s->offers, q->sid);
    list_del(&q->node);
    free(q);
}

void lent_forget(struct lent *s, uint32_t sid)
{
    struct lent_session *q = session_of(s, sid);
    if (q)
        session_free(s, q);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct lent *lent_new(struct loop *l, const struct lent_config *c)
{
    struct lent *s = mem_new(1, sizeof *s);
    s->loop = l;
    s->config = *c;
    list_init(&s->sessions);
    const char *sshd = getenv(WORD_DISPLAY);
    if (!sshd || !xdisplay_parse(sshd, &s->sshd))
        s->sshd = (struct xdisplay){.host = "localhost", .number = XDISPLAY_FIRST};
    unsetenv(WORD_DISPLAY);
    s->offers = offer_far_new(
        l, &(struct offer_far_config){
               .passes = c->passes, .wake = on_wake, .client = on_client, .ctx = s, .log = c->log});
    return s;
}

void lent_free(struct lent *s)
{
    if (!s)
        return;
    while (!list_empty(&s->sessions))
        session_free(s, LIST_ITEM(s->sessions.next, struct lent_session, node));
    offer_far_free(s->offers);
    free(s);
}

void lent_route(struct lent *s, struct chans_router *r)
{
    chans_route(r, OPEN_AGENT, &offer_far_ops, s->offers);
    chans_route(r, OPEN_X11, &offer_far_ops, s->offers);
}
