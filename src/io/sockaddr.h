/* struct addr to and from the system's socket addresses. */
#ifndef TERN_IO_SOCKADDR_H
#define TERN_IO_SOCKADDR_H

#include "base/addr.h"
#include "base/err.h"

#include <sys/socket.h>

/* Fills *out for a socket of `family` (ADDR_V4 or ADDR_V6; a v4 address becomes v4-mapped on a v6
 * socket) and returns its length, or 0 if the address cannot be used on that family. */
socklen_t sockaddr_put(const struct addr *a, uint8_t family, struct sockaddr_storage *out);
/* A v4-mapped v6 address becomes ADDR_V4; anything that is not IP gives ERR_SYNTAX. */
int MUST_USE sockaddr_get(const struct sockaddr_storage *ss, struct addr *out);

/* This host's addresses, without loopback and v6 link-local ones, those of up interfaces only;
 * public ones first. Returns how many (at most max). */
size_t sockaddr_local(struct addr *out, size_t max);

#endif
