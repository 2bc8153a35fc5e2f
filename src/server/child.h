/* What a session's program is started with: words, environment, folder (design.md §1, issue: TERM
 * is xterm-256color, never the client's; a UTF-8 locale if the host has one). */
#ifndef TERN_SERVER_CHILD_H
#define TERN_SERVER_CHILD_H

#include "link/start.h"

struct child {
    char *file;
    struct start_list argv; /* NULL-terminated on top of count */
    struct start_list env;
    char *home;
};

/* From the record, the passwd entry and our own environment. */
void child_init(struct child *c, const struct start_record *r);
void child_fini(struct child *c);

#endif
