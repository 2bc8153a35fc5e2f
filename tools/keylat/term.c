#include "keydrv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FNV_START 1469598103934665603u
#define FNV_PRIME 1099511628211u

static int dying_child; /* so that die() leaves nothing behind */

void die(const char *what)
{
    fprintf(stderr, "keydrv: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    if (dying_child > 0)
        kill(dying_child, SIGKILL);
    exit(1);
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void term_open(struct term *t, char **argv)
{
    struct winsize w = {.ws_row = (unsigned short)t->rows, .ws_col = (unsigned short)t->cols};
    t->child = forkpty(&t->fd, NULL, NULL, &w);
    if (t->child < 0)
        die("forkpty");
    if (!t->child) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    dying_child = t->child;
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
    t->vt = vterm_new(t->rows, t->cols);
    vterm_set_utf8(t->vt, 1);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_reset(t->screen, 1);
}

void term_close(struct term *t)
{
    const struct timespec pause = {0, 50000000};
    close(t->fd);
    kill(t->child, SIGHUP);
    for (int i = 0; i < 20; i++) {
        if (waitpid(t->child, NULL, WNOHANG) == t->child)
            return;
        nanosleep(&pause, NULL);
    }
    kill(t->child, SIGKILL);
    waitpid(t->child, NULL, 0);
}

static void keep_tail(struct term *t, const char *bytes, size_t len)
{
    size_t n = len > RAW_TAIL / 2 ? RAW_TAIL / 2 : len;
    if (t->tail_len + n > RAW_TAIL - 1) {
        memmove(t->tail, t->tail + t->tail_len - 1024, 1024);
        t->tail_len = 1024;
    }
    memcpy(t->tail + t->tail_len, bytes + len - n, n);
    t->tail_len += n;
    t->tail[t->tail_len] = '\0';
}

#define SYNC_MOST 0.15 /* seconds that a picture is held */

static const char sync_on[] = "\033[?2026h", sync_off[] = "\033[?2026l",
                  sync_ask[] = "\033[?2026$p";

static void write_all(int fd, const char *bytes, size_t len)
{
    if (len && write(fd, bytes, len) < 0)
        return; /* the client has gone, or does not read: the run will tell */
}

static void give_answers(struct term *t)
{
    char answer[512];
    for (size_t n; (n = vterm_output_read(t->vt, answer, sizeof answer)) > 0;)
        write_all(t->fd, answer, n);
}

/* Bytes that are to be seen; libvterm would say that it does not know the mode. */
static void show(struct term *t, const char *bytes, size_t len)
{
    for (const char *at; (at = memmem(bytes, len, sync_ask, sizeof sync_ask - 1));) {
        size_t n = (size_t)(at - bytes);
        vterm_input_write(t->vt, bytes, n);
        give_answers(t);
        write_all(t->fd, "\033[?2026;2$y", 11);
        n += sizeof sync_ask - 1;
        bytes += n;
        len -= n;
    }
    vterm_input_write(t->vt, bytes, len);
    give_answers(t);
}

/* How many bytes at the end may be the beginning of one of the three, which differ in the last. */
static size_t unfinished(const char *bytes, size_t len)
{
    for (size_t n = sizeof sync_ask - 2; n; n--)
        if (n <= len && !memcmp(bytes + len - n, sync_ask, n))
            return n;
    return 0;
}

static void take(struct term *t, const char *bytes, size_t len)
{
    if (t->held_size - t->held_len < len) {
        t->held_size = t->held_len + len;
        t->held = realloc(t->held, t->held_size);
        if (!t->held)
            die("memory");
    }
    memcpy(t->held + t->held_len, bytes, len);
    t->held_len += len;
    for (const char *at = t->held; at;) {
        at = memmem(t->held, t->held_len, t->sync ? sync_off : sync_on, sizeof sync_on - 1);
        bool late = t->sync && now() - t->sync_since > SYNC_MOST;
        size_t n = at                 ? (size_t)(at - t->held) + sizeof sync_on - 1
                   : t->sync && !late ? 0
                                      : t->held_len - unfinished(t->held, t->held_len);
        show(t, t->held, n);
        t->held_len -= n;
        memmove(t->held, t->held + n, t->held_len);
        if (at)
            t->sync_since = now();
        t->sync = at ? !t->sync : t->sync && !late;
    }
}

int term_pump(struct term *t, double wait)
{
    static char buf[65536];
    struct pollfd p = {t->fd, POLLIN, 0};
    if (wait < 0)
        wait = 0;
    struct timespec ts = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
    if (ppoll(&p, 1, &ts, NULL) <= 0)
        return 0;
    int total = 0;
    for (int i = 0; i < 16; i++) {
        ssize_t got = read(t->fd, buf, sizeof buf);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0)
            return total ? total : -1;
        total += (int)got;
        if (t->raw)
            keep_tail(t, buf, (size_t)got);
        else
            take(t, buf, (size_t)got);
    }
    t->out_bytes += (uint64_t)total;
    return total;
}

void term_pump_for(struct term *t, double seconds)
{
    double end = now() + seconds;
    for (double left; (left = end - now()) > 0;)
        if (term_pump(t, left) < 0)
            break;
}

void term_type(struct term *t, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(t->fd, bytes, len);
        if (n < 0 && errno == EAGAIN) {
            term_pump(t, 0.001);
            continue;
        }
        if (n < 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

void term_row(const struct term *t, int row, char out[static ROW_TEXT])
{
    VTermRect rect = {row, row + 1, 0, t->cols};
    size_t len = vterm_screen_get_text(t->screen, out, ROW_TEXT - 1, rect);
    if (len > ROW_TEXT - 1)
        len = ROW_TEXT - 1;
    while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '\n' || !out[len - 1]))
        len--;
    out[len] = '\0';
}

int term_cursor_row(const struct term *t)
{
    VTermPos p;
    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &p);
    return p.row;
}

struct picture term_picture(const struct term *t)
{
    struct picture s = {FNV_START, FNV_START, 0, 0, false};
    char text[ROW_TEXT];
    VTermPos p;
    for (int r = 0; r < t->rows; r++) {
        term_row(t, r, text);
        if (r == 0 && !strncmp(text, t->overlay, strlen(t->overlay)))
            s.covered = true;
        uint64_t h = FNV_START;
        for (const char *c = text; *c; c++)
            h = (h ^ (unsigned char)*c) * FNV_PRIME;
        h = (h ^ (uint64_t)r) * FNV_PRIME;
        h ^= h >> 29;
        s.all = (s.all ^ h) * FNV_PRIME;
        if (r > 0)
            s.below = (s.below ^ h) * FNV_PRIME;
    }
    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &p);
    s.row = p.row;
    s.col = p.col;
    return s;
}

static bool marker_shows(const struct term *t)
{
    char text[ROW_TEXT];
    for (int r = 0; r < t->rows; r++) {
        term_row(t, r, text);
        if (strstr(text, t->marker))
            return true;
    }
    return false;
}

double term_wait_marker(struct term *t, double timeout)
{
    double start = now();
    while (now() - start < timeout) {
        int got = term_pump(t, 0.2);
        if (got < 0)
            break;
        if (got > 0 && marker_shows(t))
            return now() - start;
    }
    return -1;
}

bool term_at_prompt(struct term *t)
{
    char text[ROW_TEXT];
    if (!t->raw) {
        term_row(t, term_cursor_row(t), text);
        return !strcmp(text, t->marker);
    }
    size_t n = strlen(t->marker); /* an unparsed flood: does it end in the prompt? */
    while (t->tail_len > 0 && t->tail[t->tail_len - 1] == ' ')
        t->tail[--t->tail_len] = '\0';
    return t->tail_len >= n && !memcmp(t->tail + t->tail_len - n, t->marker, n);
}

double term_wait_prompt(struct term *t, double limit, double quiet)
{
    double start = now(), since = term_at_prompt(t) ? start : -1;
    while (now() - start < limit) {
        int got = term_pump(t, 0.02);
        if (got < 0)
            return -1;
        if (got > 0 && !term_at_prompt(t))
            since = -1;
        else if (got > 0 && since < 0)
            since = now(); /* a later write that changes nothing to see does not count */
        if (since > 0 && now() - since > quiet)
            return since;
    }
    return -1;
}

void term_dump(const struct term *t)
{
    char text[ROW_TEXT];
    for (int r = 0; r < t->rows; r++) {
        term_row(t, r, text);
        fprintf(stderr, "%2d|%s\n", r, text);
    }
}
