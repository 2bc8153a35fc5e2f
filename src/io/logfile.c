#include "io/logfile.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct logfile {
    int fd;
    struct log log;
};

static const char *const levels[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

static void put_line(void *ctx, enum log_level level, const char *area, const char *text)
{
    struct logfile *f = ctx;
    struct timespec ts;
    struct tm tm;
    char when[32];
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    dprintf(f->fd, "%s.%03ldZ %ld %-5s %s: %s\n", when, ts.tv_nsec / 1000000, (long)getpid(),
            levels[level], area, text);
}

int logfile_open(const char *path, enum log_level level, struct logfile **out)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return ERR_SYS;
    struct logfile *f = mem_new(1, sizeof *f);
    f->fd = fd;
    f->log = (struct log){.line = put_line, .ctx = f, .level = level};
    *out = f;
    return ERR_OK;
}

void logfile_close(struct logfile *f)
{
    if (!f)
        return;
    close(f->fd);
    free(f);
}

const struct log *logfile_log(const struct logfile *f)
{
    return f ? &f->log : NULL;
}
