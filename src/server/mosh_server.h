/* A server for stock mosh clients, under the name mosh-server: one session, one UDP port, one key,
 * told by the line MOSH CONNECT (mosh-protocol.md §1.2). */
#ifndef TERN_SERVER_MOSH_SERVER_H
#define TERN_SERVER_MOSH_SERVER_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOSH_LOCALES_MAX 64

struct mosh_server_options {
    int (*width)(void *ctx, uint32_t cp);
    bool bind_ssh;                         /* -s: the server's address of the ssh login */
    const char *bind;                      /* -i; NULL: any. A host name is taken too */
    uint16_t port_low, port_high;          /* -p; 0, 0: the kernel's choice */
    int colours;                           /* -c */
    unsigned verbose;                      /* -v */
    const char *locales[MOSH_LOCALES_MAX]; /* -l NAME=VALUE */
    size_t locale_count;
    char *const *command; /* NULL: the login shell */
};

/* What --version prints, and what is printed at the start: what scripts look for, and the truth. */
extern const char mosh_version_text[];

/* Print the connect line and serve from a child process; the parent's exit status. In the child
 * it returns too, once all is over. Complaints go to stderr. */
int mosh_server_run(const struct mosh_server_options *o);

#endif
