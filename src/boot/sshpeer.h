/* Whom a running ssh talks to: the best candidate for our own datagrams (design.md §2.1). */
#ifndef TERN_BOOT_SSHPEER_H
#define TERN_BOOT_SSHPEER_H

#include "base/addr.h"
#include "base/err.h"

#include <sys/types.h>

/* The remote address (its port is ssh's) of the established TCP connection that process pid holds.
 * ERR_STATE when it has none, as with ProxyCommand and ProxyJump, or several. */
int MUST_USE sshpeer_of(pid_t pid, struct addr *out);

/* One line of /proc/net/tcp or tcp6: inode and remote address of an established connection; false
 * for any other line. */
bool sshpeer_line(const char *line, unsigned long *inode, struct addr *remote);

#endif
