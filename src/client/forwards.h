/* What -L and -D (LocalForward, DynamicForward) ask for: carried by our own channels where sshd
 * restricts nothing, else by the bootstrap ssh, whose sshd judges each connection (docs/adr/0022).
 */
#ifndef TERN_CLIENT_FORWARDS_H
#define TERN_CLIENT_FORWARDS_H

#include "client/login.h"
#include "fwd/local.h"

/* Bits of start_record.forwards for these forwards; 0: there are none. */
uint32_t forwards_wanted(const struct sshconf *c);

/* Listen, through the login that has just been made; waits for ssh's answers. 0 with *out (NULL:
 * none are ours); ERR_STATE: some could not be had, and ExitOnForwardFailure is set. What went
 * wrong was said on stderr. */
int MUST_USE forwards_open(struct loop *l, struct login *login, const struct connect *c, bool quiet,
                           const struct log *log, struct local **out);

#endif
