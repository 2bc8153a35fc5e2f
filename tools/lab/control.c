/* The control socket: one command a line, one line of answer. */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    return a;
}

void control_init(struct control *c, struct lab *lab, const char *path)
{
    memset(c, 0, sizeof *c);
    c->lab = lab;
    c->listener = -1;
    if (!path)
        return;
    if (strlen(path) >= sizeof c->path)
        lab_die(lab, "control socket: %s: path too long", path);
    strcpy(c->path, path);
    struct sockaddr_un a = address(path);
    unlink(path);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&a, sizeof a) ||
        listen(c->listener, 8))
        lab_die(lab, "control socket %s: %s", path, strerror(errno));
}

void control_fini(struct control *c)
{
    for (size_t i = 0; i < c->clients; i++)
        close(c->client[i].fd);
    if (c->listener >= 0) {
        close(c->listener);
        unlink(c->path);
    }
}

/* ---- commands ---- */

/* "at SECONDS command...": words[2] on, as they stood in the line. */
static int add_timer(struct control *c, const char *line)
{
    char *end;
    double in = strtod(line, &end);
    bool number = end != line;
    end += strspn(end, " \t");
    if (!number || !(in >= 0 && in < 1e9) || !*end || c->timers == LAB_TIMERS ||
        strlen(end) >= sizeof c->timer[0].line)
        return -1;
    struct control_timer *t = &c->timer[c->timers++];
    t->at_us = lab_now() + (uint64_t)(in * 1e6);
    strcpy(t->line, end);
    return 0;
}

void control_line(struct control *c, const char *line, char *out, size_t size)
{
    char copy[LAB_LINE], *words[8] = {0}, *save = NULL;
    size_t n = 0;
    snprintf(out, size, "ok\n");
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok_r(copy, " \t\r\n=", &save); w && n < 7;
         w = strtok_r(NULL, " \t\r\n=", &save))
        words[n++] = w;
    if (n == 0)
        return;
    if (!strcmp(words[0], "stats")) {
        lab_stats(c->lab, out, size);
    } else if (!strcmp(words[0], "reset")) {
        lab_reset_stats(c->lab);
    } else if (!strcmp(words[0], "quit")) {
        c->quit = true;
    } else if (!strcmp(words[0], "at")) {
        if (n < 3 || add_timer(c, strstr(line, "at") + 2))
            snprintf(out, size, "err at SECONDS COMMAND\n");
    } else if (n > 2 || lab_set(c->lab, words[0], words[1])) {
        snprintf(out, size, "err bad command: %.100s\n", words[0]);
        if (c->command)
            c->command(c->ctx, words, n, out, size);
    }
}

void control_run_due(struct control *c, uint64_t now_us)
{
    for (size_t i = 0; i < c->timers;) {
        if (c->timer[i].at_us > now_us) {
            i++;
            continue;
        }
        char line[sizeof c->timer[0].line], out[LAB_ANSWER];
        strcpy(line, c->timer[i].line);
        c->timers--;
        /* The rest keep their order: commands for one moment run as they were given. */
        memmove(&c->timer[i], &c->timer[i + 1], (c->timers - i) * sizeof c->timer[0]);
        control_line(c, line, out, sizeof out);
        if (!strncmp(out, "err", 3))
            fprintf(stderr, "%s: at: %s", c->lab->name, out);
    }
}

uint64_t control_deadline(const struct control *c)
{
    uint64_t when = DAMAGE_NEVER;
    for (size_t i = 0; i < c->timers; i++)
        when = c->timer[i].at_us < when ? c->timer[i].at_us : when;
    return when;
}

/* ---- the socket ---- */

size_t control_polls(const struct control *c, struct pollfd *out)
{
    size_t n = 0;
    if (c->listener < 0)
        return 0;
    out[n++] = (struct pollfd){c->listener, c->clients < LAB_CLIENTS ? POLLIN : 0, 0};
    for (size_t i = 0; i < c->clients; i++)
        out[n++] = (struct pollfd){c->client[i].fd, POLLIN, 0};
    return n;
}

/* False: the client is gone. */
static bool serve_client(struct control *c, struct control_client *cl)
{
    ssize_t got = read(cl->fd, cl->line + cl->len, sizeof cl->line - 1 - cl->len);
    if (got <= 0)
        return false;
    cl->len += (size_t)got;
    cl->line[cl->len] = '\0';
    char *start = cl->line;
    for (char *nl; (nl = strchr(start, '\n')); start = nl + 1) {
        char out[LAB_ANSWER];
        *nl = '\0';
        control_line(c, start, out, sizeof out);
        if (send(cl->fd, out, strlen(out), MSG_NOSIGNAL) < 0)
            return false;
    }
    cl->len -= (size_t)(start - cl->line);
    memmove(cl->line, start, cl->len);
    return cl->len < sizeof cl->line - 1; /* a line that never ends is no command */
}

void control_serve(struct control *c, const struct pollfd *polls, size_t count)
{
    for (size_t i = count; i-- > 1;) {
        struct control_client *cl = &c->client[i - 1];
        if (!polls[i].revents || serve_client(c, cl))
            continue;
        close(cl->fd);
        *cl = c->client[--c->clients];
    }
    if (count > 0 && polls[0].revents & POLLIN && c->clients < LAB_CLIENTS) {
        int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            c->client[c->clients].fd = fd;
            c->client[c->clients++].len = 0;
        }
    }
}

int control_ask(const char *path, size_t count, char **words)
{
    struct sockaddr_un a = address(path);
    char text[LAB_ANSWER];
    size_t len = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < count && len < LAB_LINE; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", words[i]);
    if (len >= LAB_LINE - 1) {
        fprintf(stderr, "command too long\n");
        return 1;
    }
    text[len++] = '\n';
    if (write(fd, text, len) != (ssize_t)len) {
        perror("write");
        return 1;
    }
    len = 0;
    for (ssize_t got;
         len < sizeof text - 1 && (got = read(fd, text + len, sizeof text - 1 - len)) > 0;) {
        len += (size_t)got;
        if (text[len - 1] == '\n')
            break;
    }
    text[len] = '\0';
    close(fd);
    fputs(text, stdout);
    return len == 0 || !strncmp(text, "err", 3);
}
