/* Which names of sessions are taken by the other tern-servers of this user, asked of all of them at
 * once while our own sessions go on (admin.h does the same at a start, and waits). */
#ifndef TERN_SERVER_NAMES_H
#define TERN_SERVER_NAMES_H

#include "io/loop.h"
#include "io/sockdir.h"
#include "session/server_end.h"

#define NAMES_MAX 4096 /* that are kept; more count as free */
/* A server that does not answer within this is not waited for. */
#define NAMES_WAIT_US 3000000u

struct names;

/* done is called once, never from within this call; until names_free the names stay taken by
 * nobody else (admin_lock). own: name of our own socket, which is not asked. */
struct names *names_new(struct loop *l, const struct sockdir *dir, const char *own,
                        void (*done)(void *ctx), void *ctx);
void names_free(struct names *n); /* NULL is allowed */

/* After done. */
bool names_has(const struct names *n, const char *name);

#endif
