#include "client/display.h"

#include "base/mem.h"
#include "io/run.h"
#include "io/sockdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_US    5000000u /* for xauth */
#define SLACK_S   60       /* the cookie lives longer than connections are taken */
#define PORT_BASE 6000

/* ---- DISPLAY --------------------------------------------------------------------------------- */

static bool harmless(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  ":/.-_[]";
    return text[strspn(text, allowed)] == 0;
}

/* "N" or "N.S" to the end. */
static bool numbers(const char *p, unsigned *display, unsigned *screen)
{
    char *end;
    *screen = 0;
    if (*p < '0' || *p > '9')
        return false;
    unsigned long n = strtoul(p, &end, 10), s = 0;
    if (*end == '.' && end[1] >= '0' && end[1] <= '9')
        s = strtoul(end + 1, &end, 10);
    *display = (unsigned)n;
    *screen = (unsigned)s;
    return !*end && n <= UINT16_MAX - PORT_BASE && s <= UINT16_MAX;
}

/* A path, with ":N" as part of the name, or behind it. */
static int parse_path(const char *text, struct display *out)
{
    struct stat st;
    size_t len = strlen(text);
    unsigned number;
    const char *colon = strrchr(text, ':');
    if (colon && stat(text, &st) && numbers(colon + 1, &number, &out->screen))
        len = (size_t)(colon - text);
    if (len >= sizeof out->at.path)
        return ERR_SYNTAX;
    snprintf(out->at.path, sizeof out->at.path, "%.*s", (int)len, text);
    return ERR_OK;
}

int display_parse(const char *text, struct display *out, char name[static DISPLAY_TEXT])
{
    unsigned number;
    const char *colon = strrchr(text, ':');
    *out = (struct display){0};
    if (strlen(text) >= DISPLAY_TEXT || !harmless(text))
        return ERR_SYNTAX;
    snprintf(name, DISPLAY_TEXT, "%s", text);
    if (*text == '/')
        return parse_path(text, out);
    if (!colon || !numbers(colon + 1, &number, &out->screen))
        return ERR_SYNTAX;
    size_t len = (size_t)(colon - text);
    if (!len || (len == 4 && !memcmp(text, "unix", 4))) {
        snprintf(out->at.path, sizeof out->at.path, "/tmp/.X11-unix/X%u", number);
        return ERR_OK;
    }
    if (len == 9 && !memcmp(text, "localhost", 9))
        snprintf(name, DISPLAY_TEXT, "unix:%s", colon + 1);
    if (text[0] == '[' && text[len - 1] == ']' && len > 2) {
        text++;
        len -= 2;
    }
    out->at.named = true;
    out->at.port = (uint16_t)(PORT_BASE + number);
    snprintf(out->at.host, sizeof out->at.host, "%.*s", (int)len, text);
    return ERR_OK;
}

/* ---- the cookie ------------------------------------------------------------------------------ */

static void list(const struct display_config *c, const char *file, const char *name,
                 struct x11_auth *out)
{
    char text[2048];
    const char *const with[] = {c->xauth, "-q", "-f", file, "list", name, NULL};
    const char *const without[] = {c->xauth, "-q", "list", name, NULL};
    struct run r = {.argv = file ? with : without, .fds = {-1, -1, -1}};
    if (run_ask(&r, ASK_US, text, sizeof text) != 0 || !x11_auth_read(text, out))
        *out = (struct x11_auth){0};
    mem_wipe(text, sizeof text);
}

/* The X server makes it, in a file of our private folder that is gone at once. */
static bool generate(const struct display_config *c, const char *name, struct x11_auth *out,
                     char why[static DISPLAY_WHY])
{
    struct sockdir dir;
    char file[SOCKDIR_PATH + 32], timeout[16];
    _Static_assert(DISPLAY_WHY >= SOCKDIR_ERROR, "one text for both");
    if (sockdir_open(&dir, why))
        return false;
    snprintf(file, sizeof file, "%s/x-%d", dir.path, (int)getpid());
    unlink(file);
    snprintf(timeout, sizeof timeout, "%u", c->timeout_s ? c->timeout_s + SLACK_S : 0);
    const char *const argv[] = {c->xauth,   "-q",        "-f",      file,    "generate", name,
                                X11_COOKIE, "untrusted", "timeout", timeout, NULL};
    struct run r = {.argv = argv, .fds = {-1, -1, -1}};
    *out = (struct x11_auth){0};
    if (run_ask(&r, ASK_US, NULL, 0) == 0)
        list(c, file, name, out);
    unlink(file);
    if (!out->name[0])
        snprintf(why, DISPLAY_WHY, "the display %.100s makes no untrusted cookie; -Y does without",
                 name);
    return out->name[0] != 0;
}

int display_find(const struct display_config *c, struct display *out, char why[static DISPLAY_WHY])
{
    char name[DISPLAY_TEXT];
    if (!c->display || !*c->display) {
        snprintf(why, DISPLAY_WHY, "DISPLAY is not set");
        return ERR_STATE;
    }
    if (display_parse(c->display, out, name)) {
        snprintf(why, DISPLAY_WHY, "DISPLAY is %.100s, which is no name of a display", c->display);
        return ERR_STATE;
    }
    if (!c->xauth || access(c->xauth, X_OK)) {
        snprintf(why, DISPLAY_WHY, "%.200s is not there; install xauth, or set XAuthLocation",
                 c->xauth ? c->xauth : "xauth");
        return ERR_STATE;
    }
    if (!c->trusted)
        return generate(c, name, &out->auth, why) ? ERR_OK : ERR_STATE;
    list(c, NULL, name, &out->auth);
    return ERR_OK;
}
