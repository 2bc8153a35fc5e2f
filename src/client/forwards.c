#include "client/forwards.h"

#include "base/mem.h"
#include "io/harden.h"
#include "link/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan {
    struct loop *loop;
    struct login *login;
    const struct sshconf *conf;
    struct local *local;
    bool pass[2];                    /* TCP, unix sockets: they are ours */
    char *given[LOCAL_FORWARDS_MAX]; /* to ssh: options, owned */
    size_t given_n;
    bool failed;
};

static bool is_dynamic(const struct sshconf *c, const char *value)
{
    for (size_t i = 0; i < c->local.count; i++)
        if (spec_is_artefact(value, c->local.item[i]))
            return false;
    return true;
}

/* Their i-th; false past the last. *ours: we can read it. */
static bool spec_at(const struct sshconf *c, size_t i, struct spec *out, bool *ours,
                    const char **value)
{
    if (i < c->local.count) {
        *value = c->local.item[i];
        *ours = !spec_local(*value, out) && (!out->to.path[0] || out->to.path[0] == '/');
        return true;
    }
    i -= c->local.count;
    if (i >= c->dynamic.count)
        return false;
    *value = c->dynamic.item[i];
    *ours = !spec_dynamic(*value, out);
    return true;
}

static bool skip(const struct sshconf *c, size_t i, const char *value)
{
    return i >= c->local.count && !is_dynamic(c, value);
}

uint32_t forwards_wanted(const struct sshconf *c)
{
    struct spec s;
    const char *value;
    bool ours;
    uint32_t bits = 0;
    for (size_t i = 0; spec_at(c, i, &s, &ours, &value); i++)
        if (!skip(c, i, value))
            bits |= ours && s.to.path[0] ? START_FORWARD_UNIX : START_FORWARD_TCP;
    return bits;
}

/* ---- ours or ssh's --------------------------------------------------------------------------- */

static void fetch_passes(struct plan *p, const struct connect *c)
{
    char at[ADDR_TEXT], pass[PASS_TEXT];
    if (c->pass_tcp.family != ADDR_NONE) {
        addr_format(&c->pass_tcp, at);
        p->pass[0] = login_pass(p->login, at, pass);
        if (p->pass[0])
            local_pass(p->local, false, pass);
    }
    if (c->pass_unix[0]) {
        p->pass[1] = login_pass(p->login, c->pass_unix, pass);
        if (p->pass[1])
            local_pass(p->local, true, pass);
    }
    mem_wipe(pass, sizeof pass);
}

static void listen_here(struct plan *p, const struct spec *s)
{
    const struct sshconf *c = p->conf;
    const char *family = c->address_family ? c->address_family : "any";
    struct listen_config rules = {.gateway = c->gateway_ports,
                                  .family = !strcmp(family, "inet")    ? ADDR_V4
                                            : !strcmp(family, "inet6") ? ADDR_V6
                                                                       : ADDR_NONE,
                                  .mask = (mode_t)c->bind_mask,
                                  .unlink = c->bind_unlink};
    char why[LISTEN_ERROR];
    int err = local_listen(p->local, s, &rules, why);
    if (why[0])
        fprintf(stderr, "%s\n", why);
    if (!err)
        return;
    fprintf(stderr, "Could not request local forwarding.\n");
    p->failed = true;
}

/* GatewayPorts is not told to a master (openssh-mux.md §1.3), so the address is named. */
static void give_to_ssh(struct plan *p, const struct spec *s, bool known, const char *value)
{
    char text[2 * SPEC_TEXT + 64];
    const char *keyword = s->dynamic ? "DynamicForward" : "LocalForward";
    bool all = known && !s->listen.path[0] &&
               (s->listen.named ? !s->listen.host[0] : p->conf->gateway_ports);
    const char *to = strchr(value, ' ');
    if (all)
        snprintf(text, sizeof text, "%s=[*]:%u%s", keyword, s->listen.port, to ? to : "");
    else
        snprintf(text, sizeof text, "%s=%s", keyword, value);
    if (p->given_n < LOCAL_FORWARDS_MAX)
        p->given[p->given_n++] = mem_text(text, strlen(text));
}

static void hand_over(struct plan *p, const struct connect *c, bool quiet)
{
    bool asked = c->pass_tcp.family != ADDR_NONE || c->pass_unix[0];
    if (!p->given_n)
        return;
    if (!quiet)
        fprintf(stderr, "tern: %s: ssh's own connection carries these, and they end with it\n",
                asked ? "sshd restricts forwards there"
                      : "the tern-server there does not serve forwards");
    if (login_hand_over(p->login, (const char *const *)p->given, p->given_n)) {
        fprintf(stderr, "Could not request local forwarding.\n");
        p->failed = true;
    }
    for (size_t i = 0; i < p->given_n; i++)
        free(p->given[i]);
}

int forwards_open(struct loop *l, struct login *login, const struct connect *c, bool quiet,
                  const struct log *log, struct local **out)
{
    struct plan p = {.loop = l, .login = login, .conf = login_conf(login)};
    struct spec s;
    const char *value;
    bool known, any = false;
    *out = NULL;
    if (!forwards_wanted(p.conf))
        return ERR_OK;
    harden_many_files();
    p.local = local_new(l, log);
    fetch_passes(&p, c);
    for (size_t i = 0; spec_at(p.conf, i, &s, &known, &value); i++) {
        if (skip(p.conf, i, value))
            continue;
        bool ours = known && p.pass[s.to.path[0] != 0];
        if (ours)
            listen_here(&p, &s);
        else
            give_to_ssh(&p, &s, known, value);
        any |= ours;
    }
    log_line(log, LOG_INFO, "forward", "passes: TCP %d, unix %d; %zu forwards left to ssh",
             p.pass[0], p.pass[1], p.given_n);
    hand_over(&p, c, quiet);
    if (any)
        *out = p.local;
    else
        local_free(p.local);
    if (!p.failed || !p.conf->exit_on_forward_failure)
        return ERR_OK;
    if (any)
        local_free(p.local);
    *out = NULL;
    return ERR_STATE;
}
