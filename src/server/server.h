/* tern-server: started on the far host, or on this one by --local. It has exactly the rights of who
 * started it. */
#ifndef TERN_SERVER_SERVER_H
#define TERN_SERVER_SERVER_H

#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_PORT_LOW  60001 /* mosh-protocol.md §1.2 */
#define SERVER_PORT_HIGH 60999
#define SERVER_DETACH_S  864000u /* DetachTimeout: ten days */

struct server_options {
    const struct log *log;
    int (*width)(void *ctx, uint32_t cp);
    uint16_t port_low, port_high; /* 0: what the start record says, else the default range */
    bool detach_set;              /* detach_timeout_s counts, over the start record's */
    uint64_t detach_timeout_s;    /* 0 = none */
    const char *attach;           /* --attach NAME: over the start record's action; or NULL */
    const char *command;          /* over the start record's: the only one to be run; or NULL */
    char *const *argv;            /* our own command line; NULL: cannot be run once more */
};

/* Serve: read the start record from stdin and do what it says. Returns the exit status; complaints
 * are one line on stderr. */
int server_run(const struct server_options *o);
/* --ls, --kill NAME, --join SESSION.ROUTE. */
int server_ls(void);
int server_kill(const char *name);
int server_join(const char *id, const struct log *log);

#endif
