#include "server/xdisplay.h"

#include "base/mem.h"
#include "io/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TELL_US 10000000u

bool xdisplay_parse(const char *text, struct xdisplay *out)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (!colon || colon == text || colon - text >= XDISPLAY_HOST || *text == '/' ||
        colon[1] < '0' || colon[1] > '9')
        return false;
    *out = (struct xdisplay){0};
    memcpy(out->host, text, (size_t)(colon - text));
    unsigned long n = strtoul(colon + 1, &end, 10), s = 0;
    if (*end == '.' && end[1] >= '0' && end[1] <= '9')
        s = strtoul(end + 1, &end, 10);
    out->number = (unsigned)n;
    out->screen = (unsigned)s;
    return !*end && n <= UINT16_MAX - XDISPLAY_PORTS && s <= UINT16_MAX;
}

void xdisplay_text(const struct xdisplay *d, char out[static XDISPLAY_TEXT])
{
    snprintf(out, XDISPLAY_TEXT, "%s:%u.%u", d->host, d->number, d->screen);
}

bool xdisplay_listened(const char *table, uint16_t port, uint32_t uid)
{
    for (const char *line = table; line; line = strchr(line, '\n'), line += line != NULL) {
        char local[48];
        unsigned state, owner;
        if (sscanf(line, "%*u: %47s %*s %x %*s %*s %*s %u", local, &state, &owner) != 3)
            continue;
        const char *colon = strrchr(local, ':');
        if (state == 0x0a && colon && strtoul(colon + 1, NULL, 16) == port &&
            (owner == uid || !owner))
            return true;
    }
    return false;
}

/* ---- the cookie ------------------------------------------------------------------------------ */

static void put_hex(char *out, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* Run it with that on its stdin. Its exit status, or negative. */
static int run_with(const char *const *argv, const char *text)
{
    int in[2];
    if (pipe2(in, O_CLOEXEC))
        return -1;
    ssize_t n = write(in[1], text, strlen(text)); /* an empty pipe takes it */
    close(in[1]);
    int status =
        n < 0 ? -1 : run_ask(&(struct run){.argv = argv, .fds = {in[0], -1, -1}}, TELL_US, NULL, 0);
    close(in[0]);
    return status;
}

/* The file that takes xauth's part, or NULL. */
static const char *rc_file(char path[static 4096])
{
    const char *home = getenv("HOME");
    snprintf(path, 4096, "%s/.ssh/rc", home ? home : "");
    if (!access(path, R_OK))
        return path;
    return access("/etc/ssh/sshrc", R_OK) ? NULL : "/etc/ssh/sshrc";
}

static void tell_rc(const struct xdisplay *d, const char *rc, const char *hex,
                    const struct log *log)
{
    char text[XDISPLAY_TEXT], line[128];
    const char *const argv[] = {"/bin/sh", rc, NULL};
    xdisplay_text(d, text);
    snprintf(line, sizeof line, X11_COOKIE " %s\n", hex);
    setenv("DISPLAY", text, 1);
    if (run_with(argv, line) < 0)
        log_line(log, LOG_WARN, "forward", "%s did not end well", rc);
    unsetenv("DISPLAY");
    mem_wipe(line, sizeof line);
}

static void tell_xauth(const struct xdisplay *d, const char *hex, const struct log *log)
{
    char name[XDISPLAY_TEXT], text[3 * XDISPLAY_TEXT];
    const char *const argv[] = {"xauth", "-q", "-", NULL};
    struct xdisplay as = *d;
    if (!strcmp(d->host, "localhost"))
        snprintf(as.host, sizeof as.host, "unix");
    xdisplay_text(&as, name);
    snprintf(text, sizeof text, "remove %s\nadd %s " X11_COOKIE " %s\n", name, name, hex);
    if (run_with(argv, text) != 0)
        log_line(log, LOG_WARN, "forward", "xauth did not take the cookie; is it installed?");
    mem_wipe(text, sizeof text);
}

void xdisplay_tell(const struct xdisplay *d, const uint8_t cookie[static X11_FAKE],
                   const struct log *log)
{
    char path[4096], hex[2 * X11_FAKE + 1];
    const char *rc = rc_file(path);
    put_hex(hex, cookie, X11_FAKE);
    if (rc)
        tell_rc(d, rc, hex, log);
    else
        tell_xauth(d, hex, log);
    mem_wipe(hex, sizeof hex);
}
