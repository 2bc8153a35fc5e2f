/* What the main files of both programs share. */
#ifndef TERN_CMD_PROGRAM_H
#define TERN_CMD_PROGRAM_H

#include "cmd/options.h"
#include "predict/predict.h"

#define STATUS_USAGE 2

/* "tern: TEXT" or "tern-server: TEXT" to the standard error; returns STATUS_USAGE. */
int program_complain(enum program p, const char *text);

/* What `make` writes (--help, --version) to the standard output; returns the exit status. */
int program_print(enum program p, void (*make)(struct buf *out, enum program p));

/* Descriptors 0..2 must be taken, or the first file opened would become one of them. */
void program_open_std_fds(void);

/* MOSH_PREDICTION_DISPLAY and MOSH_PREDICTION_OVERWRITE, as mosh has them; what is not set stays.
 * 0, or 1 after a complaint on the standard error. */
int program_mosh_prediction(enum predict_when *when, bool *overwrite);

/* Is this flag given, and not as "no"? */
bool program_flag(const struct options *o, enum option_id id);

#endif
