#include "server/motd.h"

#include <fcntl.h>
#include <lastlog.h>
#include <paths.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

/* ---- message of the day ---- */

bool motd_hushed(const char *home)
{
    char hush[4096];
    int n = snprintf(hush, sizeof hush, "%s/.hushlogin", home);
    return n > 0 && (size_t)n < sizeof hush && !access(hush, F_OK);
}

static bool put_file(const char *path, struct buf *out)
{
    char text[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    while (buf_room(out) > 2 * sizeof text && (n = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] == '\n')
                buf_put_u8(out, '\r');
            buf_put_u8(out, (uint8_t)text[i]);
        }
    close(fd);
    return true;
}

void motd_read(struct buf *out)
{
    if (!put_file("/run/motd.dynamic", out))
        put_file("/var/run/motd.dynamic", out);
    put_file("/etc/motd", out);
}

/* ---- last login ---- */

/* So far back, at most, is the last login looked for in wtmp. */
#define WTMP_RECORDS 8192
#define WTMP_BATCH   64

const struct lastlogin_files lastlogin_files = {_PATH_LASTLOG, _PATH_WTMP};

struct lastlogin {
    time_t time;
    char host[UT_HOSTSIZE + 1];
};

static int open_file(const char *path, off_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    if (fd >= 0)
        *size = st.st_size;
    return fd;
}

/* False: there is no such file, so that another may be asked. */
static bool ask_lastlog(const char *path, uid_t uid, struct lastlogin *l)
{
    struct lastlog entry;
    off_t size;
    int fd = open_file(path, &size);
    if (fd < 0)
        return false;
    if (pread(fd, &entry, sizeof entry, (off_t)uid * (off_t)sizeof entry) == sizeof entry) {
        l->time = entry.ll_time;
        snprintf(l->host, sizeof l->host, "%.*s", (int)sizeof entry.ll_host, entry.ll_host);
    }
    close(fd);
    return true;
}

static bool is_login(const struct utmp *u, const char *user)
{
    return u->ut_type == USER_PROCESS && !strncmp(u->ut_user, user, sizeof u->ut_user);
}

static void ask_wtmp(const char *path, const char *user, struct lastlogin *l)
{
    struct utmp batch[WTMP_BATCH];
    off_t size;
    int fd = open_file(path, &size);
    if (fd < 0)
        return;
    off_t at = size / (off_t)sizeof *batch, end = at > WTMP_RECORDS ? at - WTMP_RECORDS : 0;
    while (at > end && !l->time) {
        off_t first = at - end > WTMP_BATCH ? at - WTMP_BATCH : end;
        size_t bytes = (size_t)(at - first) * sizeof *batch;
        if (pread(fd, batch, bytes, first * (off_t)sizeof *batch) != (ssize_t)bytes)
            break;
        for (off_t i = at - first; i-- && !l->time;) {
            if (!is_login(&batch[i], user))
                continue;
            l->time = batch[i].ut_tv.tv_sec;
            snprintf(l->host, sizeof l->host, "%.*s", (int)sizeof batch[i].ut_host,
                     batch[i].ut_host);
        }
        at = first;
    }
    close(fd);
}

void lastlogin_read(const struct lastlogin_files *f, uid_t uid, const char *user, struct buf *out)
{
    struct lastlogin l = {0};
    struct tm tm;
    char date[64];
    if (!ask_lastlog(f->lastlog, uid, &l))
        ask_wtmp(f->wtmp, user, &l);
    if (!l.time || !localtime_r(&l.time, &tm) ||
        !strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm))
        return;
    for (char *p = l.host; *p; p++) /* written by others: no control characters */
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            *p = '?';
    buf_put_text(out, "Last login: ");
    buf_put_text(out, date);
    if (*l.host) {
        buf_put_text(out, " from ");
        buf_put_text(out, l.host);
    }
    buf_put_text(out, "\r\n");
}
