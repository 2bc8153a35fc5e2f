/* Shared connections from the command line's side: ControlMaster, ControlPath, ControlPersist and
 * -M, -S, -O (docs/adr/0023). Decides whether this call uses a connection that is there, makes one
 * that others may use, or neither. */
#ifndef TERN_CMD_SHARE_H
#define TERN_CMD_SHARE_H

#include "boot/sshargs.h"
#include "boot/sshconf.h"
#include "client/mux_client.h"
#include "client/mux_owner.h"
#include "cmd/options.h"

enum share_master { SHARE_NO, SHARE_YES, SHARE_ASK, SHARE_AUTO, SHARE_AUTOASK };

struct share {
    enum share_master master;
    const char *path; /* NULL: none */
    bool quiet; /* the path is of ssh's configuration only: nothing is said of what is there */
    uint64_t persist_us; /* or OWNER_FOREVER */
};

/* What -M, -S and -o say, as options of ours that are not set yet; before the configuration file is
 * read. ERR_SYNTAX with one line in err. */
int MUST_USE share_adopt(struct options *o, const struct sshargs *a, char err[static OPTION_ERROR]);
/* All of it together; conf is what ssh says of the host, with our path (login_config). The texts
 * are borrowed. ERR_SYNTAX with one line in err. */
int MUST_USE share_settings(const struct options *o, const struct sshconf *conf, struct share *out,
                            char err[static OPTION_ERROR]);

struct share_run {
    const struct share *share;
    const struct mux_use *use;
    bool keep_stderr;
    /* In a child process: log in, and own the connection. Its exit status. */
    int (*own)(void *ctx, const struct owner_request *r);
    /* In this process, once there is that child. */
    void (*forked)(void *ctx);
    void *ctx;
};

/* True: *status is what to exit with (also in the child). False: a connection of our own is the
 * way. */
bool share_connection(const struct share_run *r, int *status);

#endif
