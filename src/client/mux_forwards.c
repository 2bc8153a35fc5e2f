#include "client/mux_forwards.h"

#include "base/list.h"
#include "base/mem.h"
#include "io/aside.h"
#include "io/harden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORWARD_TEXT (2 * SPEC_TEXT + 64)

enum state {
    WAITS, /* for sshd's word on what it allows */
    ASKED, /* the far side, or ssh */
    STANDS,
};

/* One forward, or (kind 0) somebody who waits for sshd's word. */
struct entry {
    struct list node;
    struct mux_forwards *set;
    uint32_t kind;
    enum state state;
    struct spec spec;
    bool socks;      /* remote: SOCKS there, which ssh alone serves */
    bool by_ssh;     /* the bootstrap's */
    bool dead;       /* cancelled while ssh was asked */
    uint32_t number; /* remote, ours */
    uint16_t port;   /* remote: the one that it got */
    struct aside *aside;
    mux_forwards_done *done; /* NULL: nobody waits */
    void *ctx;
};

struct mux_forwards {
    struct mux_forwards_config config;
    const struct sshconf *conf;
    struct local *local;
    struct remote *remote;
    struct list entries;
    size_t count;
    struct connect connect; /* where passes are told; its secret is not kept */
    struct aside *fetch;    /* NULL: known */
    struct forwards_passes passes;
};

static void settle(struct entry *e, bool good, uint16_t port, const char *why)
{
    mux_forwards_done *done = e->done;
    void *ctx = e->ctx;
    e->done = NULL;
    if (done)
        done(ctx, good, port, why);
}

static void entry_free(struct entry *e)
{
    list_del(&e->node);
    if (e->kind)
        e->set->count--;
    aside_free(e->aside);
    free(e);
}

static void fail(struct entry *e, const char *why)
{
    mux_forwards_done *done = e->done;
    void *ctx = e->ctx;
    log_line(e->set->config.log, LOG_INFO, "forward", "refused: %s", why);
    entry_free(e);
    if (done)
        done(ctx, false, 0, "Port forwarding failed");
}

static void stands(struct entry *e, uint16_t port)
{
    e->state = STANDS;
    e->port = port;
    settle(e, true, port, "");
}

/* ---- ssh's ----------------------------------------------------------------------------------- */

static void put_end(struct buf *b, const struct spec_end *e, bool all)
{
    char text[SPEC_TEXT];
    struct spec_end at = *e;
    if (all) {
        at.named = true;
        snprintf(at.host, sizeof at.host, "*");
    }
    spec_end_text(&at, text);
    buf_put_text(b, text);
}

/* As an option for -o. GatewayPorts is not told to a master (openssh-mux.md §1.3), so the address
 * is named. */
static void forward_text(const struct entry *e, char out[static FORWARD_TEXT])
{
    static const char *const keywords[] = {[MUX_LOCAL] = "LocalForward",
                                           [MUX_REMOTE] = "RemoteForward",
                                           [MUX_DYNAMIC] = "DynamicForward"};
    const struct spec_end *at = &e->spec.listen;
    bool all = e->kind != MUX_REMOTE && !at->path[0] &&
               (at->named ? !at->host[0] : e->set->conf->gateway_ports);
    struct buf b;
    buf_init(&b, FORWARD_TEXT - 1);
    buf_printf(&b, "%s=", keywords[e->kind]);
    put_end(&b, at, all);
    if (e->kind != MUX_DYNAMIC && !e->socks) {
        buf_put_u8(&b, ' ');
        put_end(&b, &e->spec.to, false);
    }
    snprintf(out, FORWARD_TEXT, "%.*s", (int)buf_len(&b), (const char *)buf_data(&b));
    buf_fini(&b);
}

/* In a child. */
static bool ask_ssh(void *arg, int fd)
{
    const struct entry *e = arg;
    char text[FORWARD_TEXT], ports[64] = "";
    const char *const list[] = {text};
    forward_text(e, text);
    if (e->dead)
        return !login_take_back(e->set->config.login, list, 1);
    if (login_hand_over(e->set->config.login, list, 1, ports, sizeof ports))
        return false;
    return dprintf(fd, "%s\n", ports) > 0;
}

static void on_port(void *ctx, const char *line)
{
    struct entry *e = ctx;
    unsigned long port = strtoul(line, NULL, 10);
    if (port && port <= UINT16_MAX)
        e->port = (uint16_t)port;
}

static void tell_ssh(struct entry *e);

static void on_ssh(void *ctx, bool good)
{
    struct entry *e = ctx;
    e->aside = NULL;
    if (e->state == STANDS) { /* it was taken back */
        entry_free(e);
        return;
    }
    if (!good) {
        fail(e, "ssh could not have it");
        return;
    }
    e->state = STANDS;
    if (e->dead) {
        tell_ssh(e);
        return;
    }
    stands(e, e->port);
}

static void tell_ssh(struct entry *e)
{
    struct aside_config c = {.work = ask_ssh, .arg = e, .line = on_port, .done = on_ssh, .ctx = e};
    e->by_ssh = true;
    if (aside_new(e->set->config.loop, &c, &e->aside))
        fail(e, "no process for ssh");
}

/* ---- ours ------------------------------------------------------------------------------------ */

static void on_answer(void *ctx, uint16_t port, const char *why)
{
    struct entry *e = ctx;
    if (!port)
        fail(e, why);
    else
        stands(e, e->spec.listen.port ? 0 : port);
}

static void listen_here(struct entry *e)
{
    struct listen_config rules = forwards_rules(e->set->conf);
    char why[LISTEN_ERROR];
    int err = local_listen(e->set->local, &e->spec, &rules, why);
    if (err)
        fail(e, why[0] ? why : "too many forwards");
    else
        stands(e, 0);
}

static void listen_there(struct entry *e)
{
    struct mux_forwards *f = e->set;
    struct spec spec = e->spec;
    if (f->passes.all) {
        spec.listen.named = true;
        spec.listen.host[0] = 0;
    }
    if (remote_open(f->remote, f->config.chans, &spec, on_answer, e, &e->number))
        fail(e, "no more remote forwards");
}

static bool is_ours(const struct entry *e)
{
    const struct forwards_passes *p = &e->set->passes;
    const struct spec *s = &e->spec;
    if (e->kind == MUX_REMOTE)
        return p->listen[0] && !e->socks && !s->listen.path[0];
    if (s->to.path[0]) /* what a relative path means there is for sshd to say */
        return p->unix_socket[0] && s->to.path[0] == '/';
    return p->tcp[0] != 0;
}

static void begin(struct entry *e)
{
    e->state = ASKED;
    if (!e->set->config.login)
        fail(e, "nothing is forwarded to this machine");
    else if (!is_ours(e))
        tell_ssh(e);
    else if (e->kind == MUX_REMOTE)
        listen_there(e);
    else
        listen_here(e);
}

/* ---- passes ---------------------------------------------------------------------------------- */

static bool fetch(void *arg, int fd)
{
    struct mux_forwards *f = arg;
    struct forwards_passes p;
    forwards_fetch(f->config.login, &f->connect, &p);
    dprintf(fd, "tcp %s\nunix %s\nlisten %s\n%s%s", p.tcp, p.unix_socket, p.listen,
            p.any ? "any\n" : "", p.all ? "all\n" : "");
    return true;
}

static void on_pass(void *ctx, const char *line)
{
    struct mux_forwards *f = ctx;
    struct forwards_passes *p = &f->passes;
    const struct {
        const char *word;
        char *to;
    } words[] = {{"tcp ", p->tcp}, {"unix ", p->unix_socket}, {"listen ", p->listen}};
    for (size_t i = 0; i < 3; i++)
        if (!strncmp(line, words[i].word, strlen(words[i].word)))
            snprintf(words[i].to, PASS_TEXT, "%s", line + strlen(words[i].word));
    p->any |= !strcmp(line, "any");
    p->all |= !strcmp(line, "all");
}

static void on_fetched(void *ctx, bool good)
{
    struct mux_forwards *f = ctx;
    struct forwards_passes *p = &f->passes;
    (void)good;
    f->fetch = NULL;
    local_pass(f->local, false, p->tcp);
    local_pass(f->local, true, p->unix_socket);
    remote_pass(f->remote, p->listen);
    log_line(f->config.log, LOG_INFO, "forward", "passes: TCP %d, unix %d, listen %d%s",
             p->tcp[0] != 0, p->unix_socket[0] != 0, p->listen[0] != 0,
             p->all   ? " at all addresses"
             : p->any ? " anywhere"
                      : "");
    LIST_EACH_SAFE(n, tmp, &f->entries)
    {
        struct entry *e = LIST_ITEM(n, struct entry, node);
        if (!e->kind) {
            settle(e, p->tcp[0] != 0, 0, "sshd restricts forwards there");
            entry_free(e);
        } else if (e->state == WAITS) {
            begin(e);
        }
    }
}

static void say(void *ctx, const char *text)
{
    struct mux_forwards *f = ctx;
    log_line(f->config.log, LOG_INFO, "forward", "%s", text);
}

static void wake(void *ctx)
{
    struct mux_forwards *f = ctx;
    f->config.wake(f->config.ctx);
}

struct mux_forwards *mux_forwards_new(const struct mux_forwards_config *c)
{
    struct mux_forwards *f = mem_new(1, sizeof *f);
    f->config = *c;
    f->conf = c->login ? login_conf(c->login) : NULL;
    f->connect = *c->connect;
    mem_wipe(f->connect.secret, sizeof f->connect.secret);
    list_init(&f->entries);
    f->local = local_new(c->loop, c->log);
    f->remote = remote_new(c->loop, c->log, "");
    harden_many_files();
    local_start(f->local, c->chans, false, &(struct local_ops){wake, say, f});
    remote_serve(f->remote, &(struct remote_ops){.wake = wake, .say = say, .ctx = f});
    struct aside_config work = {
        .work = fetch, .arg = f, .line = on_pass, .done = on_fetched, .ctx = f};
    if (!c->login || aside_new(c->loop, &work, &f->fetch))
        f->fetch = NULL;
    return f;
}

void mux_forwards_free(struct mux_forwards *f)
{
    if (!f)
        return;
    if (f->fetch) {
        pid_t asked = aside_pid(f->fetch);
        aside_free(f->fetch);
        login_clean(f->config.login, asked);
    }
    while (!list_empty(&f->entries))
        entry_free(LIST_ITEM(f->entries.next, struct entry, node));
    local_free(f->local);
    remote_free(f->remote);
    mem_wipe(&f->passes, sizeof f->passes);
    free(f);
}

struct local *mux_forwards_local(struct mux_forwards *f)
{
    return f->local;
}

struct remote *mux_forwards_remote(struct mux_forwards *f)
{
    return f->remote;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool get_end(const struct mux_end *m, bool listens, struct spec_end *out)
{
    *out = (struct spec_end){0};
    if (m->port == MUX_UNIX)
        return mux_text_copy(m->host, out->path, sizeof out->path) && out->path[0];
    out->port = (uint16_t)m->port;
    out->named = !listens || m->host.len;
    return mux_text_copy(m->host, out->host, sizeof out->host);
}

static bool get_spec(const struct mux_forward *m, struct spec *out)
{
    *out = (struct spec){.dynamic = m->kind == MUX_DYNAMIC};
    return get_end(&m->listen, true, &out->listen) &&
           (m->kind == MUX_DYNAMIC || get_end(&m->connect, false, &out->to));
}

static struct entry *find(const struct mux_forwards *f, uint32_t kind, const struct spec *spec)
{
    LIST_EACH(n, &f->entries)
    {
        struct entry *e = LIST_ITEM(n, struct entry, node);
        if (e->kind == kind && !e->dead && spec_equal(&e->spec, spec))
            return e;
    }
    return NULL;
}

static struct entry *add(struct mux_forwards *f, uint32_t kind, mux_forwards_done *done, void *ctx)
{
    struct entry *e = mem_new(1, sizeof *e);
    *e = (struct entry){.set = f, .kind = kind, .done = done, .ctx = ctx};
    list_add_tail(&f->entries, &e->node);
    f->count += kind != 0;
    return e;
}

void mux_forwards_open(struct mux_forwards *f, const struct mux_forward *m, mux_forwards_done *done,
                       void *ctx)
{
    struct spec spec;
    struct entry *e;
    if (!get_spec(m, &spec) || f->count >= MUX_FORWARDS_MAX) {
        done(ctx, false, 0, "Port forwarding failed");
        return;
    }
    e = find(f, m->kind, &spec);
    if (e && e->state == STANDS) {
        done(ctx, true, e->port, "");
        return;
    }
    if (e) { /* somebody else is waiting for the same */
        done(ctx, false, 0, "Port forwarding failed");
        return;
    }
    e = add(f, m->kind, done, ctx);
    e->spec = spec;
    e->socks = m->kind == MUX_REMOTE && !m->connect.port;
    if (!f->fetch)
        begin(e);
}

bool mux_forwards_has(const struct mux_forwards *f, const struct mux_forward *m)
{
    struct spec spec;
    return get_spec(m, &spec) && find(f, m->kind, &spec);
}

bool mux_forwards_close(struct mux_forwards *f, const struct mux_forward *m)
{
    struct spec spec;
    struct entry *e = get_spec(m, &spec) ? find(f, m->kind, &spec) : NULL;
    if (!e)
        return false;
    settle(e, false, 0, "Port forwarding failed"); /* cancelled before it stood */
    if (e->by_ssh) {
        e->dead = true;
        if (e->state == STANDS)
            tell_ssh(e);
        return true;
    }
    if (e->number)
        remote_close(f->remote, e->number);
    else if (e->state == STANDS)
        (void)!local_cancel(f->local, &e->spec);
    entry_free(e);
    return true;
}

void mux_forwards_forget(struct mux_forwards *f, void *ctx)
{
    LIST_EACH(n, &f->entries)
    {
        struct entry *e = LIST_ITEM(n, struct entry, node);
        if (e->ctx == ctx)
            e->done = NULL;
    }
}

void mux_forwards_when_known(struct mux_forwards *f, mux_forwards_done *done, void *ctx)
{
    if (f->fetch)
        add(f, 0, done, ctx);
    else
        done(ctx, f->passes.tcp[0] != 0, 0, "sshd restricts forwards there");
}

const char *mux_forwards_tcp_pass(const struct mux_forwards *f)
{
    return f->passes.tcp;
}

bool mux_forwards_busy(const struct mux_forwards *f)
{
    return local_busy(f->local) || remote_busy(f->remote);
}

void mux_forwards_tell(const struct mux_forwards *f, struct buf *out)
{
    static const char *const states[] = {"waiting", "asked", "open"};
    static const char letters[] = "?LRD";
    char text[SPEC_TEXT];
    LIST_EACH(n, &f->entries)
    {
        const struct entry *e = LIST_ITEM(n, struct entry, node);
        if (!e->kind || e->dead)
            continue;
        spec_end_text(&e->spec.listen, text);
        buf_printf(out, "forward -%c %s", letters[e->kind], text);
        if (e->kind != MUX_DYNAMIC && !e->socks) {
            spec_end_text(&e->spec.to, text);
            buf_printf(out, " to %s", text);
        }
        if (e->port)
            buf_printf(out, " (port %u)", e->port);
        buf_printf(out, ": %s%s\r\n", states[e->state], e->by_ssh ? ", by ssh" : "");
    }
}
