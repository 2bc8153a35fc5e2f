/* Who is logged in on which terminal (utmp). A plain user may not write that file; libutempter's
 * helper may, and takes our word for our own terminals. */
#ifndef TERN_IO_UTMP_H
#define TERN_IO_UTMP_H

#include <stdbool.h>
#include <stddef.h>

/* The helper, if it is installed where distributions put it. */
bool utmp_helper(char *path, size_t size);
/* Enter the pty whose master side is `master`, as a login from `host`, or take the entry out again.
 * Waits for the helper, at most for half a second. False: it did not. */
bool utmp_add(const char *helper, int master, const char *host);
bool utmp_remove(const char *helper, int master);

#endif
