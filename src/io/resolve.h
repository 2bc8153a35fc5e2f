/* Names to addresses without holding up the loop: getaddrinfo in libuv's threads. */
#ifndef TERN_IO_RESOLVE_H
#define TERN_IO_RESOLVE_H

#include "base/addr.h"
#include "io/loop.h"

#include <stddef.h>

/* Addresses of one name that are used; more are left out. */
#define RESOLVE_MAX 16

struct resolve;

/* done is called once, in a later turn: why is NULL and n > 0, or why says what was wrong
 * ("Name or service not known") and n is 0. The addresses, with `port`, are valid during the call,
 * and the object is gone after it. ERR_SYS when no thread can be had. */
int MUST_USE resolve_new(struct loop *l, const char *host, uint16_t port,
                         void (*done)(void *ctx, const char *why, const struct addr *a, size_t n),
                         void *ctx, struct resolve **out);
/* Forget it before it is done. NULL is allowed. loop_free waits for what still runs. */
void resolve_free(struct resolve *r);

#endif
