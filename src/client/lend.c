#include "client/lend.h"

#include "link/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the agent ------------------------------------------------------------------------------- */

/* A path, "$NAME", or "SSH_AUTH_SOCK" and "yes" for the usual variable; NULL: not set. *name: of
 * the variable, or NULL. */
static const char *socket_of(const char *value, char *(*env)(const char *name), const char **name)
{
    *name = NULL;
    if (!strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcmp(value, "SSH_AUTH_SOCK"))
        *name = "SSH_AUTH_SOCK";
    else if (*value == '$')
        *name = value + 1;
    const char *path = *name ? env(*name) : value;
    return path && *path ? path : NULL;
}

/* 0, or errno. */
static int try_connect(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int e = connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EAGAIN ? errno : 0;
    close(fd);
    return e;
}

bool lend_agent(const char *forward_agent, const char *identity_agent,
                char *(*env)(const char *name), struct spec_end *out, char why[static LEND_WHY])
{
    const char *name;
    bool usual = !strcasecmp(forward_agent, "yes") || !strcasecmp(forward_agent, "true");
    const char *path =
        socket_of(usual && identity_agent ? identity_agent : forward_agent, env, &name);
    *out = (struct spec_end){0};
    if (usual && identity_agent && !strcasecmp(identity_agent, "none")) {
        snprintf(why, LEND_WHY, "IdentityAgent is none");
        return false;
    }
    if (!path) {
        snprintf(why, LEND_WHY, "%.100s is not set; is an ssh-agent running?", name);
        return false;
    }
    if (strlen(path) >= sizeof out->path) {
        snprintf(why, LEND_WHY, "the path of its socket is longer than %zu bytes",
                 sizeof out->path - 1);
        return false;
    }
    int e = try_connect(path);
    if (e) {
        snprintf(why, LEND_WHY, "%.120s: %s", path, strerror(e));
        return false;
    }
    snprintf(out->path, sizeof out->path, "%s", path);
    return true;
}

/* ---- what is there --------------------------------------------------------------------------- */

static void find_agent(struct lend *l, const struct sshconf *c, bool tell)
{
    char why[LEND_WHY];
    /* ssh asks sshd only where the usual agent is there, too, whatever socket it is to forward. */
    struct spec_end usual;
    if (lend_agent(c->agent_socket, c->identity_agent, getenv, &l->agent, why) &&
        lend_agent("yes", c->identity_agent, getenv, &usual, why))
        l->wanted |= START_FORWARD_AGENT;
    else if (tell)
        fprintf(stderr, "tern: no agent to forward: %s\n", why);
}

static void find_display(struct lend *l, const struct sshconf *c, bool tell)
{
    char why[DISPLAY_WHY];
    struct display_config d = {.display = getenv("DISPLAY"),
                               .xauth = c->xauth,
                               .trusted = c->x11_trusted,
                               .timeout_s = c->x11_timeout};
    if (!display_find(&d, &l->display, why)) {
        l->wanted |= START_FORWARD_X11;
        if (!d.trusted && d.timeout_s)
            l->until_us = clock_boot_us() + d.timeout_s * (uint64_t)1000000;
    } else if (tell) {
        fprintf(stderr, "tern: no display to forward: %s\n", why);
    }
}

void lend_find(struct lend *l, const struct sshconf *c, bool tell)
{
    *l = (struct lend){0};
    if (c->agent)
        find_agent(l, c, tell);
    if (c->x11)
        find_display(l, c, tell);
}

/* ---- what is allowed ------------------------------------------------------------------------- */

static struct offer *make(struct loop *l, const struct offer_config *c, const char *host,
                          const char *what, bool tell)
{
    if (*c->pass)
        return offer_new(l, c);
    if (tell)
        fprintf(stderr, "tern: %s does not allow %s forwarding for this login\n",
                host ? host : "the server", what);
    return NULL;
}

void lend_make(struct loop *l, const struct lend *lend, const struct connect *c, const char *host,
               bool tell, const struct log *log, struct lend_made *out)
{
    *out = (struct lend_made){0};
    if (lend->wanted & START_FORWARD_AGENT)
        out->agent =
            make(l,
                 &(struct offer_config){
                     .kind = OPEN_AGENT, .pass = c->pass_agent, .to = &lend->agent, .log = log},
                 host, "agent", tell);
    if (lend->wanted & START_FORWARD_X11)
        out->x11 = make(l,
                        &(struct offer_config){.kind = OPEN_X11,
                                               .pass = c->pass_x11,
                                               .to = &lend->display.at,
                                               .auth = lend->display.auth,
                                               .until_us = lend->until_us,
                                               .log = log},
                        host, "X11", tell && !host); /* ssh has said it */
}

bool lend_any(const struct lend_made *m)
{
    return m && (m->agent || m->x11);
}

void lend_route(const struct lend_made *m, struct chans_router *r)
{
    if (m->agent)
        chans_route(r, OPEN_AGENT, &offer_chans_ops, m->agent);
    if (m->x11)
        chans_route(r, OPEN_X11, &offer_chans_ops, m->x11);
}

void lend_start(const struct lend_made *m, struct chans *chans, const struct offer_ops *ops)
{
    if (m->agent)
        offer_start(m->agent, chans, ops);
    if (m->x11)
        offer_start(m->x11, chans, ops);
}

void lend_close(struct lend_made *m)
{
    offer_free(m->agent);
    offer_free(m->x11);
    *m = (struct lend_made){0};
}
