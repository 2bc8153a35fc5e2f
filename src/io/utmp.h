/* Who is logged in on which terminal (utmp). A plain user may not write that file; libutempter's
 * helper may, and takes our word for our own terminals. */
#ifndef TERN_IO_UTMP_H
#define TERN_IO_UTMP_H

#include "io/loop.h"

/* Zeroed: no entry. Stays where it is while the helper runs, so until utmp_remove. */
struct utmp_entry {
    struct proc *adding;
    bool in;
};

/* The helper, if it is installed where distributions put it. */
bool utmp_helper(char *path, size_t size);
/* Enter the pty whose master side is `master`, as a login from `host`, in place of what was there.
 * Does not wait for the helper: that would be milliseconds of each login. */
void utmp_add(struct utmp_entry *e, struct loop *l, const char *helper, int master,
              const char *host);
/* Take the entry out again, if there is one. Waits for the helper, at most for half a second each
 * to put it in and to take it out. False: it did not. Without a helper (NULL) only a running one is
 * waited for. */
bool utmp_remove(struct utmp_entry *e, const char *helper, int master);

#endif
