/* The bootstrap by the user's own ssh (design.md §1, openssh-mux.md §2): texts for `sh -c` that log
 * in, find tern-server there and run it, with ssh as a private master, so that falling back needs
 * no second login. */
#ifndef TERN_BOOT_SSH_H
#define TERN_BOOT_SSH_H

#include "base/buf.h"
#include "boot/sshargs.h"
#include "boot/sshconf.h"

#define SSH_MARK 32
#define SSH_PATH 108 /* sun_path */

/* How to reach one host. Texts are borrowed. */
struct ssh {
    const char *program; /* "ssh", or --ssh=COMMAND (words for sh) */
    const struct sshargs *args;
    bool skip_server;         /* do not look for tern-server: a mosh-server is wanted */
    const char *control_path; /* for ssh -G: stands before the user's; NULL: none */
    const char *server;       /* --server=COMMAND, or NULL: look for tern-server */
    char mark[SSH_MARK + 1];  /* random; the remote script's word that no server is there */
    char socket[SSH_PATH];    /* of the private master; "" = none */
    const char *agent;     /* the first login asks sshd for it: a value of ForwardAgent; or NULL */
    bool x11, x11_trusted; /* the same for X11 */
};

/* How to log in: as the private master; later by a connection of its own that must not ask
 * questions; or as a session of the master, and like the second where that is gone. */
enum ssh_login { SSH_FIRST, SSH_AGAIN, SSH_SHARED };
/* `program` logging in and running the server's command with words that are appended behind
 * (boot_config.args). */
void ssh_command(struct buf *out, const struct ssh *s, enum ssh_login how);

/* When the server is not there the remote script prints "TERN-NONE <mark> <path of mosh-server or
 * none>" and waits for the end of its stdin, so that the master lives on. True if text has that
 * line; *mosh is the path ("" = none). */
bool ssh_none(const struct ssh *s, const char *text, char *mosh, size_t size);

/* `program` as a session of the private master: with tty options and words as plain ssh has them
 * (`remote` NULL), or running `remote` without a tty. */
void ssh_shared_command(struct buf *out, const struct ssh *s, const char *remote);

/* Does the master have another session for us (MaxSessions)? Succeeds if so; never logs in. */
void ssh_probe_command(struct buf *out, const struct ssh *s);

/* `program` joining its stdin and stdout to a listener at this address of the far host, through the
 * master. */
void ssh_pass_command(struct buf *out, const struct ssh *s, const char *at);

/* `program` having the master listen (or, `cancel`, no more) for these: options for -o, such as
 * "LocalForward=8080 [host]:80". */
void ssh_forward_command(struct buf *out, const struct ssh *s, bool cancel,
                         const char *const *forwards, size_t n);

/* `program` running the server's command there with these words, which end with NULL (--ls,
 * --kill): a login of its own, without a tty. */
void ssh_server_command(struct buf *out, const struct ssh *s, const char *const *words);

/* `ssh -G` with the user's words. ERR_SYS, or ERR_STATE with ssh's exit status in *status (it has
 * complained itself). */
int MUST_USE ssh_config(const struct ssh *s, struct sshconf *out, int *status);

/* Does this call want a terminal (openssh-mux.md §2, TTY decision)? */
bool ssh_wants_tty(const struct sshargs *a, const struct sshconf *c, bool stdin_tty);

/* For sh: 'word', with each ' as '\''. */
void ssh_quote(struct buf *out, const char *word);

#endif
