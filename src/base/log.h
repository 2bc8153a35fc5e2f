/* Log lines for --log FILE: a level, a fixed area word, printf text. Pure code hands lines to a
 * sink that the edge supplies. Safe to post: never a key, never a typed or printed byte (counts and
 * sizes only). */
#ifndef TERN_BASE_LOG_H
#define TERN_BASE_LOG_H

#include "base/err.h"

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    void (*line)(void *ctx, enum log_level level, const char *area, const char *text);
    void *ctx;
    enum log_level level; /* lines above it are not even formatted */
};

/* log may be NULL: nothing happens. Lines are cut at 500 bytes. */
void log_line(const struct log *log, enum log_level level, const char *area, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#endif
