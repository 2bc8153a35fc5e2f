/* Signals as events of the loop. */
#ifndef TERN_IO_SIGNALS_H
#define TERN_IO_SIGNALS_H

#include "io/loop.h"

struct sigwatch;

/* ERR_SYS: errno. More than one watch of one signal is possible. */
int MUST_USE sigwatch_new(struct loop *l, int signum, void (*fire)(void *ctx, int signum),
                          void *ctx, struct sigwatch **out);
void sigwatch_free(struct sigwatch *s); /* NULL is allowed */

/* Ignore SIGPIPE (a broken pipe is an error of the write). Children get the default back. */
void signals_ignore_pipe(void);
/* In a child before exec: every handler to the default, nothing blocked. Async-signal-safe. */
void signals_reset(void);
/* "SIGTERM" without the SIG, or "?"; and back, 0 if unknown. */
const char *signal_name(int signum);

#endif
