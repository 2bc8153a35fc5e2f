/* A login on another host by the user's own ssh: what to run, where to send datagrams, and what to
 * do when no tern-server is there. */
#ifndef TERN_CLIENT_LOGIN_H
#define TERN_CLIENT_LOGIN_H

#include "boot/ssh.h"
#include "base/log.h"
#include "base/rng.h"
#include "client/lend.h"
#include "fwd/pass.h"
#include "link/connect.h"

#include <sys/types.h>

struct login;

struct login_config {
    const struct sshargs *args;   /* borrowed, with a host */
    const char *program;          /* --ssh=COMMAND or NULL */
    const char *server;           /* --server=COMMAND or NULL */
    uint16_t port_low, port_high; /* of a mosh-server; 0, 0: its default */
    const char *control_path;     /* ours, to be expanded by ssh (login_conf); NULL: its own */
    bool mosh;                    /* its mosh-server is wanted, not a tern-server */
    const struct log *log;
    struct entropy entropy;
};

/* Asks ssh for its configuration. NULL when ssh refuses (it has said why): *status is its exit
 * status. */
struct login *login_new(const struct login_config *c, int *status);
void login_free(struct login *l); /* NULL is fine; removes the master's socket */

/* Another process has it from now on: its socket is not ours to remove. */
void login_leave(struct login *l);

const struct sshconf *login_conf(const struct login *l);
/* Does this login want a terminal there (openssh-mux.md §2)? */
bool login_wants_tty(const struct login *l, bool stdin_tty);
/* Become plain ssh (--ssh=COMMAND, or NULL) with the user's words; returns only if that failed
 * (said on stderr). */
int login_exec_plain(const char *program, const struct sshargs *a);

/* The same for this login, which is left alone. */
int login_run_alone(const struct login *l);

/* Become an ssh that runs the far tern-server with these words (NULL-terminated); returns only if
 * that failed (said on stderr). */
int login_exec_server(const struct login_config *c, const char *const *words);
const char *login_host(const struct login *l);

/* What its configuration lends to a session, for which its first login asks sshd. Before
 * login_command. What is asked for and is not here is told in a line: for a session, with -A, or
 * with -v, but not with -q. */
void login_lend(struct login *l, struct lend *out, bool session);

/* Texts for sh, owned by l: the first login, and one that opens a pipe again. */
const char *login_command(struct login *l);
const char *login_rejoin_command(struct login *l);
/* The same as a session of the private master, or else a login that asks nothing; NULL: there is no
 * such master. */
const char *login_share_command(struct login *l);
/* "tern-server on HOST". */
const char *login_what(const struct login *l);
/* The remote command as one text for the user's shell there (from the words or RemoteCommand);
 * NULL: a login shell. */
const char *login_remote(struct login *l);
/* SetEnv, and what SendEnv lets through; NULL-terminated, owned by l. */
const char *const *login_env(struct login *l);

/* Where to send, best first (design.md §2.1): the peer of ssh's own connection, the addresses of
 * its HostName, those that the server named; private ones only if ssh itself went to one. `ssh_pid`
 * is the running ssh. Returns how many (at most max). */
size_t login_candidates(const struct login *l, pid_t ssh_pid, const struct connect *c,
                        struct addr *out, size_t max);

/* The remote side said that no tern-server is there: `text` is what it printed. */
bool login_missing(struct login *l, const char *text);
/* Is a stock mosh-server there (after login_missing)? Starts it through the master: 0 with *out and
 * the addresses to try filled in, else a negative err after a complaint on stderr. */
bool login_has_mosh(const struct login *l);
int MUST_USE login_start_mosh(struct login *l, pid_t ssh_pid, struct connect_stock *out,
                              struct addr *addrs, size_t max, size_t *count);
/* The pass that is told at this address or path of the far host, fetched by a forward of the
 * bootstrap ssh; waits for it, LOGIN_ASK_US at most. False: sshd does not allow that, or there is
 * no private master. */
#define LOGIN_ASK_US 15000000u
bool login_pass(struct login *l, const char *at, char out[static PASS_TEXT]);
/* The same for listening there (fwd/proof.h), by way of `at`: asks sshd for any port at `bind`
 * ("*", "localhost") for a moment. *any: it listened at all addresses. */
bool login_listen_pass(struct login *l, const char *at, const char *bind,
                       char out[static PASS_TEXT], bool *any);
/* Removes what a process that was killed while it asked left in our folder. */
void login_clean(const struct login *l, pid_t asked);
/* Have the bootstrap ssh listen for these (options, ssh_forward_command). ERR_STATE: it cannot, for
 * one at least; ssh has said why. `ports`: those that sshd chose, one a line, in order. */
int MUST_USE login_hand_over(struct login *l, const char *const *forwards, size_t n, char *ports,
                             size_t size);
/* And no more. */
int MUST_USE login_take_back(struct login *l, const char *const *forwards, size_t n);
/* Plain ssh as a session of the private master, on this terminal; waits for it. Its exit status. */
int login_run_plain(struct login *l);

#endif
