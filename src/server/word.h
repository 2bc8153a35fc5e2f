/* What sshd said when the bootstrap ssh asked it for the agent and for X11 (docs/adr/0027): it
 * listens for this login and tells where, in our environment, or it does not. */
#ifndef TERN_SERVER_WORD_H
#define TERN_SERVER_WORD_H

#include <stdbool.h>
#include <stdint.h>

/* The variable that keeps the name of sshd's display, for where and how ours listens. */
#define WORD_DISPLAY "TERN_X11"

/* START_FORWARD_* without the agent or X11 where sshd did not allow it; what was started without
 * ssh has nobody to ask. Takes what led to sshd's own sockets out of our environment: they end with
 * the login's connection. To be called in the process that the login started. */
uint32_t word_of_sshd(uint32_t forwards);

/* Does the name of this unix socket, which exists, tell that the sshd that we descend from made it?
 */
bool word_is_named_so(const char *path);
/* Does a process that we descend from listen at this unix socket? */
bool word_is_ancestors(const char *path);

#endif
