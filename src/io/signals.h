/* Signals as events of the loop. */
#ifndef TERN_IO_SIGNALS_H
#define TERN_IO_SIGNALS_H

#include "io/loop.h"

struct sigwatch;

/* ERR_SYS: errno. More than one watch of one signal is possible. A watch alone does not keep
 * loop_run going. */
int MUST_USE sigwatch_new(struct loop *l, int signum, void (*fire)(void *ctx, int signum),
                          void *ctx, struct sigwatch **out);
void sigwatch_keep(struct sigwatch *s, bool keep); /* does keep it going */
void sigwatch_free(struct sigwatch *s);            /* NULL is allowed */

/* In a child before exec: every handler to the default, nothing blocked. Async-signal-safe. */
void signals_reset(void);
/* "TERM" for SIGTERM, "?" if it has no name. */
const char *signal_name(int signum);
/* And back, 0 if unknown. */
int signal_number(const char *name);

#endif
