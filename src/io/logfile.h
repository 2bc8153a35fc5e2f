/* --log FILE: where log lines go. */
#ifndef TERN_IO_LOGFILE_H
#define TERN_IO_LOGFILE_H

#include "base/log.h"

struct logfile;

/* Appends to path (made with 0600; a symbolic link is refused). ERR_SYS: errno. Lines are
 * "2024-05-01T12:00:00.123Z 4711 info  link: text". */
int MUST_USE logfile_open(const char *path, enum log_level level, struct logfile **out);
void logfile_close(struct logfile *f); /* NULL is allowed */
/* Valid until logfile_close; NULL for NULL, which log_line takes. */
const struct log *logfile_log(const struct logfile *f);

#endif
