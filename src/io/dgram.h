/* Datagrams of others on sockets that are not the link's: of any length, answered from the address
 * that was spoken to. */
#ifndef TERN_IO_DGRAM_H
#define TERN_IO_DGRAM_H

#include "base/addr.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Longest that UDP carries over IPv4 and IPv6, rounded up. */
#define DGRAM_MAX 65536

/* A non-blocking socket for datagrams of this family, that tells for each which address of ours it
 * was sent to. -1 with errno. Close it. */
int dgram_socket(int af);
/* The same, for one peer only. -1 with errno. */
int dgram_connect(const struct addr *to);

/* Where one came from and went to; ADDR_NONE: not told (a connected socket). `here` has no port. */
struct dgram_ends {
    struct addr from, here;
};

/* The next one, cut to size bytes; its length, or -1 with errno (EAGAIN: none now; ECONNREFUSED and
 * its like: what became of one that was sent). ends may be NULL. */
ssize_t dgram_recv(int fd, void *buf, size_t size, struct dgram_ends *ends);
/* Back to where another came from; ends NULL: to the peer of a connected socket. 0, or ERR_SYS with
 * errno: it is lost, as datagrams are. */
int MUST_USE dgram_send(int fd, const void *bytes, size_t len, const struct dgram_ends *ends);

#endif
