/* What -L, -D and -R (LocalForward and their like) ask for: carried by our own channels where sshd
 * restricts nothing, else by the bootstrap ssh, whose sshd judges each connection (docs/adr/0022).
 */
#ifndef TERN_CLIENT_FORWARDS_H
#define TERN_CLIENT_FORWARDS_H

#include "client/login.h"
#include "chan/router.h"
#include "fwd/assoc.h"
#include "fwd/local.h"
#include "fwd/remote.h"

/* Those of our own; NULL: none. */
struct forwards {
    struct local *local;
    struct remote *remote;
    struct assocs *assocs; /* of UDP */
    struct assoc_listener **udp;
    size_t udp_count;
};

void forwards_close(struct forwards *f);

/* Those of UDP, which ssh knows nothing of: texts for spec_udp. */
struct forwards_udp {
    const char *const *local, *const *remote;
    size_t local_count, remote_count;
};

/* Bits of start_record.forwards for these forwards; 0: there are none. */
uint32_t forwards_wanted(const struct sshconf *c, const struct forwards_udp *udp);

/* What sshd allows this login, as far as the server told a way to ask. */
struct forwards_passes {
    char tcp[PASS_TEXT], unix_socket[PASS_TEXT], listen[PASS_TEXT]; /* "": not that */
    bool any, all; /* listening at any address; always at all addresses */
};
/* Asks sshd, by forwards of the bootstrap ssh; waits for it (seconds). */
void forwards_fetch(struct login *l, const struct connect *c, struct forwards_passes *out);

/* How to listen here, as the configuration has it. */
struct listen_config forwards_rules(const struct sshconf *c);

struct forwards_config {
    struct login *login; /* has just been made */
    const struct connect *connect;
    struct forwards_udp udp;
    bool quiet;
    /* There is a screen, so that nobody can leave when the server says no to a remote forward:
     * those are ssh's, which says so at once, with ExitOnForwardFailure. */
    bool session;
    const struct log *log;
};

/* Listen; waits for ssh's answers. 0 with *out filled in; ERR_STATE: some could not be had, and
 * ExitOnForwardFailure is set. What went wrong was said on stderr. */
int MUST_USE forwards_open(struct loop *l, const struct forwards_config *c, struct forwards *out);
/* Those of UDP take datagrams from now on, into channels of `chans`, whose events come by r. */
void forwards_start_udp(struct forwards *f, struct chans_router *r, struct chans *chans,
                        const struct assocs_ops *ops);

#endif
