#include "client/forwards.h"

#include "base/mem.h"
#include "io/harden.h"
#include "link/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIVEN_MAX (2 * SSHCONF_LIST_MAX)

enum kind { LOCAL, DYNAMIC, REMOTE, KINDS };

static const char *const keywords[KINDS] = {"LocalForward", "DynamicForward", "RemoteForward"};

struct plan {
    struct loop *loop;
    const struct forwards_config *c;
    const struct sshconf *conf;
    struct forwards out;
    bool pass[2]; /* TCP, unix sockets: they are ours */
    char tcp_pass[PASS_TEXT];
    bool listen, any, all; /* remote ones; at any address; all of them at all addresses */
    char listen_pass[PASS_TEXT];
    char *given[GIVEN_MAX]; /* to ssh: options, owned */
    size_t given_n;
    bool failed;
};

/* One forward. */
struct item {
    enum kind kind;
    const char *value;
    struct spec spec;
    bool known; /* we can serve such a one */
};

static bool is_artefact(const struct sshconf *c, const char *value)
{
    for (size_t i = 0; i < c->local.count; i++)
        if (spec_is_artefact(value, c->local.item[i]))
            return true;
    return false;
}

static void read_item(struct item *t)
{
    struct spec *s = &t->spec;
    if (t->kind == DYNAMIC)
        t->known = !spec_dynamic(t->value, s);
    else if (t->kind == LOCAL) /* what a relative path means there is for sshd to say */
        t->known = !spec_local(t->value, s) && (!s->to.path[0] || s->to.path[0] == '/');
    else
        t->known = !spec_remote(t->value, s) && !s->listen.path[0];
}

/* The next, from *at on; false past the last. */
static bool next_item(const struct sshconf *c, size_t *at, struct item *out)
{
    const struct sshconf_list *lists[KINDS] = {&c->local, &c->dynamic, &c->back};
    for (;; ++*at) {
        size_t i = *at, kind = 0;
        while (kind < KINDS && i >= lists[kind]->count)
            i -= lists[kind++]->count;
        if (kind == KINDS)
            return false;
        *out = (struct item){.kind = (enum kind)kind, .value = lists[kind]->item[i]};
        if (kind == DYNAMIC && is_artefact(c, out->value))
            continue;
        read_item(out);
        ++*at;
        return true;
    }
}

uint32_t forwards_wanted(const struct sshconf *c, const struct forwards_udp *udp)
{
    struct item t;
    uint32_t bits =
        (udp->local_count ? START_FORWARD_TCP : 0) | (udp->remote_count ? START_FORWARD_LISTEN : 0);
    for (size_t at = 0; next_item(c, &at, &t);)
        bits |= t.kind == REMOTE               ? START_FORWARD_LISTEN
                : t.known && t.spec.to.path[0] ? START_FORWARD_UNIX
                                               : START_FORWARD_TCP;
    return bits;
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* Where sshd listens at all addresses if asked, it does so always (GatewayPorts yes) or only then
 * (clientspecified). */
static void fetch_listen_pass(struct login *l, const char *at, struct forwards_passes *p)
{
    bool good = login_listen_pass(l, at, "*", p->listen, &p->any);
    if (good && p->any && !login_listen_pass(l, at, "localhost", p->listen, &p->all))
        good = false;
    if (good && p->any && !p->all) /* the pass that was told last is for loopback only */
        good = login_listen_pass(l, at, "*", p->listen, &p->any);
    if (!good)
        p->listen[0] = 0;
}

void forwards_fetch(struct login *l, const struct connect *c, struct forwards_passes *out)
{
    char at[ADDR_TEXT];
    *out = (struct forwards_passes){0};
    if (c->pass_tcp.family != ADDR_NONE) {
        addr_format(&c->pass_tcp, at);
        if (!login_pass(l, at, out->tcp))
            out->tcp[0] = 0;
    }
    if (c->pass_unix[0] && !login_pass(l, c->pass_unix, out->unix_socket))
        out->unix_socket[0] = 0;
    if (c->pass_listen.family != ADDR_NONE) {
        addr_format(&c->pass_listen, at);
        fetch_listen_pass(l, at, out);
    }
}

static void fetch_passes(struct plan *p)
{
    struct forwards_passes got;
    forwards_fetch(p->c->login, p->c->connect, &got);
    p->pass[0] = got.tcp[0] != 0;
    p->pass[1] = got.unix_socket[0] != 0;
    p->listen = got.listen[0] != 0;
    p->any = got.any;
    p->all = got.all;
    memcpy(p->listen_pass, got.listen, sizeof p->listen_pass);
    memcpy(p->tcp_pass, got.tcp, sizeof p->tcp_pass);
    if (p->pass[0])
        local_pass(p->out.local, false, got.tcp);
    if (p->pass[1])
        local_pass(p->out.local, true, got.unix_socket);
    mem_wipe(&got, sizeof got);
}

/* ---- ours ------------------------------------------------------------------------------------ */

static uint8_t family_of(const struct sshconf *c)
{
    const char *family = c->address_family ? c->address_family : "any";
    return !strcmp(family, "inet") ? ADDR_V4 : !strcmp(family, "inet6") ? ADDR_V6 : ADDR_NONE;
}

struct listen_config forwards_rules(const struct sshconf *c)
{
    return (struct listen_config){.gateway = c->gateway_ports,
                                  .family = family_of(c),
                                  .mask = (mode_t)c->bind_mask,
                                  .unlink = c->bind_unlink};
}

static void listen_here(struct plan *p, const struct spec *s)
{
    struct listen_config rules = forwards_rules(p->conf);
    char why[LISTEN_ERROR];
    int err = local_listen(p->out.local, s, &rules, why);
    if (why[0])
        fprintf(stderr, "%s\n", why);
    if (!err)
        return;
    fprintf(stderr, "Could not request local forwarding.\n");
    p->failed = true;
}

static void listen_there(struct plan *p, struct spec *s, bool udp)
{
    if (!p->out.remote)
        p->out.remote = remote_new(p->loop, p->c->log, p->listen_pass);
    if (p->all) {
        s->listen.named = true;
        s->listen.host[0] = 0;
    }
    if (remote_add(p->out.remote, s, udp)) {
        fprintf(stderr, "tern: more than %d remote forwards\n", REMOTE_FORWARDS_MAX);
        p->failed = true;
    }
}

/* ---- UDP ------------------------------------------------------------------------------------- */

static int lead(void *ctx, const struct open_request *o, char host[static SPEC_HOST],
                uint16_t *port, const char **why)
{
    const struct remote *r = ctx;
    const struct spec_end *to = r ? remote_udp(r, o->forward) : NULL;
    (void)why;
    if (!to)
        return REFUSAL_PROHIBITED;
    snprintf(host, SPEC_HOST, "%s", to->host);
    *port = to->port;
    return 0;
}

static void udp_here(struct plan *p, const struct spec *s)
{
    struct assoc_place at = {.at = &s->listen,
                             .gateway = p->conf->gateway_ports,
                             .family = family_of(p->conf),
                             .to = &s->to,
                             .pass = p->tcp_pass};
    char why[LISTEN_ERROR];
    int err = assoc_listen(p->out.assocs, &at, why, &p->out.udp[p->out.udp_count]);
    if (why[0])
        fprintf(stderr, "%s\n", why);
    if (!err) {
        p->out.udp_count++;
        return;
    }
    fprintf(stderr, "Could not request local forwarding.\n");
    p->failed = true;
}

/* sshd knows nothing of UDP, so what it says of TCP counts. */
static void open_udp(struct plan *p)
{
    const struct forwards_udp *u = &p->c->udp;
    struct spec s;
    if (!u->local_count && !u->remote_count)
        return;
    if ((u->local_count && !p->pass[0]) || (u->remote_count && !p->listen)) {
        fprintf(stderr, "tern: UDP is not forwarded: sshd restricts forwards there, or the "
                        "tern-server does not serve them\n");
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < u->remote_count; i++)
        if (!spec_udp(u->remote[i], &s))
            listen_there(p, &s, true);
    p->out.assocs = assocs_new(
        p->loop, &(struct assocs_config){.lead = lead, .ctx = p->out.remote, .log = p->c->log});
    p->out.udp = mem_new(u->local_count + 1, sizeof(struct assoc_listener *));
    for (size_t i = 0; i < u->local_count; i++)
        if (!spec_udp(u->local[i], &s))
            udp_here(p, &s);
}

void forwards_start_udp(struct forwards *f, struct chans_router *r, struct chans *chans,
                        const struct assocs_ops *ops)
{
    if (!f->assocs)
        return;
    assocs_tell(f->assocs, ops);
    chans_route(r, OPEN_UDP, &assocs_chans_ops, f->assocs);
    for (size_t i = 0; i < f->udp_count; i++)
        if (assoc_listener_start(f->udp[i], chans))
            ops->say(ops->ctx, "a forward does not take datagrams: too many open files");
}

static bool is_ours(const struct plan *p, const struct item *t)
{
    if (!t->known)
        return false;
    if (t->kind != REMOTE)
        return p->pass[t->spec.to.path[0] != 0];
    return p->listen && !(p->c->session && p->conf->exit_on_forward_failure);
}

/* ---- ssh's ----------------------------------------------------------------------------------- */

/* GatewayPorts is not told to a master (openssh-mux.md §1.3), so the address is named. */
static void give_to_ssh(struct plan *p, const struct item *t)
{
    const struct spec_end *at = &t->spec.listen;
    char text[2 * SPEC_TEXT + 64];
    bool all = t->kind != REMOTE && t->known && !at->path[0] &&
               (at->named ? !at->host[0] : p->conf->gateway_ports);
    const char *to = strchr(t->value, ' ');
    if (all)
        snprintf(text, sizeof text, "%s=[*]:%u%s", keywords[t->kind], at->port, to ? to : "");
    else
        snprintf(text, sizeof text, "%s=%s", keywords[t->kind], t->value);
    if (p->given_n < GIVEN_MAX)
        p->given[p->given_n++] = mem_text(text, strlen(text));
}

/* ssh names only the ports, in the order of the forwards. */
static void tell_ports(char *ports)
{
    char *save = NULL;
    for (char *line = strtok_r(ports, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        fprintf(stderr, "Allocated port %.5s for remote forward\n", line);
}

static void hand_over(struct plan *p)
{
    const struct connect *c = p->c->connect;
    bool asked =
        c->pass_tcp.family != ADDR_NONE || c->pass_listen.family != ADDR_NONE || c->pass_unix[0];
    char ports[4096] = "";
    if (!p->given_n)
        return;
    if (!p->c->quiet)
        fprintf(stderr, "tern: %s: ssh's own connection carries these, and they end with it\n",
                asked ? "sshd restricts forwards there, or they are of a kind that is ssh's"
                      : "the tern-server there does not serve forwards");
    if (login_hand_over(p->c->login, (const char *const *)p->given, p->given_n, ports,
                        sizeof ports)) {
        fprintf(stderr, "Could not request forwarding.\n");
        p->failed = true;
    }
    tell_ports(ports);
    for (size_t i = 0; i < p->given_n; i++)
        free(p->given[i]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

int forwards_open(struct loop *l, const struct forwards_config *c, struct forwards *out)
{
    struct plan p = {.loop = l, .c = c, .conf = login_conf(c->login)};
    struct item t;
    bool any = false;
    *out = (struct forwards){0};
    if (!forwards_wanted(p.conf, &c->udp))
        return ERR_OK;
    harden_many_files();
    p.out.local = local_new(l, c->log);
    fetch_passes(&p);
    for (size_t at = 0; next_item(p.conf, &at, &t);) {
        if (!is_ours(&p, &t))
            give_to_ssh(&p, &t);
        else if (t.kind == REMOTE)
            listen_there(&p, &t.spec, false);
        else
            listen_here(&p, &t.spec);
        any |= is_ours(&p, &t) && t.kind != REMOTE;
    }
    open_udp(&p);
    any |= p.out.udp_count != 0; /* it keeps the connection open */
    log_line(c->log, LOG_INFO, "forward",
             "passes: TCP %d, unix %d, listen %d%s; %zu forwards left to ssh", p.pass[0], p.pass[1],
             p.listen,
             p.all   ? " at all addresses"
             : p.any ? " anywhere"
                     : "",
             p.given_n);
    hand_over(&p);
    mem_wipe(p.listen_pass, sizeof p.listen_pass);
    mem_wipe(p.tcp_pass, sizeof p.tcp_pass);
    if (!any) {
        local_free(p.out.local);
        p.out.local = NULL;
    }
    *out = p.out;
    if (!p.failed || !p.conf->exit_on_forward_failure)
        return ERR_OK;
    forwards_close(out);
    return ERR_STATE;
}

void forwards_close(struct forwards *f)
{
    for (size_t i = 0; i < f->udp_count; i++)
        assoc_listener_free(f->udp[i]);
    free(f->udp);
    assocs_free(f->assocs);
    local_free(f->local);
    remote_free(f->remote);
    *f = (struct forwards){0};
}
