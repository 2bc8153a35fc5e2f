#include "cmd/share.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- settings -------------------------------------------------------------------------------- */

int share_adopt(struct options *o, const struct sshargs *a, char err[static OPTION_ERROR])
{
    const struct {
        enum option_id id;
        const char *value, *name;
    } all[] = {{OPTION_CONTROL_MASTER, a->control_master, "ControlMaster"},
               {OPTION_CONTROL_PATH, a->control_path, "ControlPath"},
               {OPTION_CONTROL_PERSIST, a->control_persist, "ControlPersist"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char why[OPTION_ERROR];
        if (!all[i].value || o->v[all[i].id].set)
            continue;
        const char *value = all[i].value;
        if (all[i].id == OPTION_CONTROL_MASTER && !strcasecmp(value, "true"))
            value = "yes";
        if (all[i].id == OPTION_CONTROL_MASTER && !strcasecmp(value, "false"))
            value = "no";
        if (option_set(o, all[i].id, value, why)) {
            snprintf(err, OPTION_ERROR, "%s %.60s: %.200s; see tern --help", all[i].name,
                     all[i].value, why);
            return ERR_SYNTAX;
        }
    }
    return ERR_OK;
}

/* ssh_config(5): no, yes, 0 (for ever), or a time. */
static int read_persist(const char *text, uint64_t *out)
{
    struct options time = {0};
    char why[OPTION_ERROR];
    if (!strcasecmp(text, "no") || !strcasecmp(text, "false")) {
        *out = 0;
        return ERR_OK;
    }
    *out = OWNER_FOREVER;
    if (!strcasecmp(text, "yes") || !strcasecmp(text, "true"))
        return ERR_OK;
    int err = option_set(&time, OPTION_DETACH_TIMEOUT, text, why);
    if (!err && time.v[OPTION_DETACH_TIMEOUT].number)
        *out = time.v[OPTION_DETACH_TIMEOUT].number * 1000000;
    options_fini(&time);
    return err;
}

int share_settings(const struct options *o, const struct sshconf *conf, struct share *out,
                   char err[static OPTION_ERROR])
{
    const char *persist = options_text(o, OPTION_CONTROL_PERSIST, "no");
    const char *own = options_text(o, OPTION_CONTROL_PATH, NULL);
    *out = (struct share){.master =
                              (enum share_master)options_number(o, OPTION_CONTROL_MASTER, SHARE_NO),
                          .path = own && !strcasecmp(own, "none") ? NULL : conf->control_path};
    out->quiet = !own && out->master == SHARE_NO;
    if (!read_persist(persist, &out->persist_us))
        return ERR_OK;
    snprintf(err, OPTION_ERROR, "ControlPersist %.60s: must be yes, no, or a time such as 10m",
             persist);
    return ERR_SYNTAX;
}

/* ---- using one ------------------------------------------------------------------------------- */

enum tried {
    TRIED_DONE,   /* *status */
    TRIED_DIRECT, /* by a connection of our own, which is not shared */
    TRIED_FREE,   /* nobody lives there */
};

/* Another program's connection is neither used, since it would not roam, nor broken. */
static enum tried use_owner(const struct share_run *r, int *status)
{
    const struct share *s = r->share;
    struct mux_client m;
    bool dead, direct;
    switch (mux_client_reach(s->path, &m, &dead)) {
    case MUX_NOBODY:
        if (dead && s->master == SHARE_NO && !s->quiet)
            fprintf(stderr, "Control socket connect(%s): Connection refused\n", s->path);
        return TRIED_FREE;
    case MUX_BROKEN:
        return TRIED_DIRECT;
    case MUX_REACHED:
        break;
    }
    if (!m.tern) {
        if (!s->quiet)
            fprintf(stderr,
                    "tern: %s is the connection of an ssh, which does not roam: it is left alone, "
                    "and this goes by one of its own\n",
                    s->path);
        mux_client_close(&m);
        return TRIED_DIRECT;
    }
    *status = mux_client_run(&m, r->use, &direct);
    mux_client_close(&m);
    return direct ? TRIED_DIRECT : TRIED_DONE;
}

/* ---- making one ------------------------------------------------------------------------------ */

static int wait_for(pid_t pid)
{
    int how = 0;
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(how) ? WEXITSTATUS(how) : CLIENT_STATUS_LOST;
}

/* The child logs in with the terminal that we both have, and leaves it then; we are its first
 * client, by a socket of our own, so that we are even where the path cannot be had. */
static bool make_owner(const struct share_run *r, int *status)
{
    const struct command_request *c = r->use->command;
    struct mux_use use = *r->use;
    struct mux_client m;
    int fds[2];
    bool direct;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct owner_request own = {
            .path = r->share->path,
            .ask = r->share->master == SHARE_ASK || r->share->master == SHARE_AUTOASK,
            .persist_us = r->share->persist_us,
            .first = fds[1],
            .keep_stderr = r->keep_stderr,
        };
        if (c && c->nothing && c->background && !own.persist_us)
            own.persist_us = OWNER_FOREVER; /* -fN -M is what it is there for */
        close(fds[0]);
        *status = r->own(r->ctx, &own);
        return true;
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return false;
    }
    r->forked(r->ctx);
    use.own = true;
    if (!mux_client_take(fds[0], &m)) { /* no login, or no tern-server there: it has said so */
        *status = wait_for(pid);
        return true;
    }
    *status = mux_client_run(&m, &use, &direct);
    mux_client_close(&m);
    return true;
}

bool share_connection(const struct share_run *r, int *status)
{
    const struct share *s = r->share;
    enum tried tried = TRIED_FREE;
    if (!s->path)
        return false;
    if (s->master != SHARE_YES && s->master != SHARE_ASK)
        tried = use_owner(r, status);
    if (tried == TRIED_DONE)
        return true;
    return tried == TRIED_FREE && s->master != SHARE_NO && make_owner(r, status);
}
