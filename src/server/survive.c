#include "server/survive.h"

#include "io/loop.h"
#include "io/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tells the moved process its end of the socket. */
#define SCOPE_VARIABLE "TERN_SCOPE"
#define READY          'r'
#define WORDS_MAX      64

/* ---- is there anything to do? ---- */

/* The scope of a login is called session-NUMBER.scope. */
static bool in_session_scope(const char *cgroup)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen(cgroup, "re");
    while (f && !found && fgets(line, sizeof line, f))
        for (const char *p = line; !found && (p = strstr(p, "/session-")); p++) {
            const char *end = p + 1 + strcspn(p + 1, "/\n");
            found = end - p > 6 && !strncmp(end - 6, ".scope", 6);
        }
    if (f)
        fclose(f);
    return found;
}

/* The value of NAME in lines NAME=value; "" if it is not there. */
static const char *value_of(const char *properties, const char *name, size_t *len)
{
    size_t n = strlen(name);
    for (const char *p = properties; p && *p; p = strchr(p, '\n'), p += p != NULL)
        if (!strncmp(p, name, n) && p[n] == '=') {
            *len = strcspn(p + n + 1, "\n");
            return p + n + 1;
        }
    *len = 0;
    return "";
}

static bool says_yes(const char *properties, const char *name)
{
    size_t len;
    const char *v = value_of(properties, name, &len);
    return len == 3 && !strncmp(v, "yes", 3);
}

static bool has_word(const char *words, size_t len, const char *word)
{
    const char *end = words + len;
    while (words < end) {
        size_t n = strcspn(words, " \n");
        if (n == strlen(word) && !strncmp(words, word, n))
            return true;
        words += n + 1;
    }
    return false;
}

bool survive_kills(const char *properties, const char *user)
{
    size_t only_len, except_len;
    const char *only = value_of(properties, "KillOnlyUsers", &only_len);
    const char *except = value_of(properties, "KillExcludeUsers", &except_len);
    return says_yes(properties, "KillUserProcesses") && !has_word(except, except_len, user) &&
           (!only_len || has_word(only, only_len, user));
}

static uint64_t left_us(uint64_t end_us)
{
    uint64_t now = clock_boot_us();
    return now < end_us ? end_us - now : 0;
}

static bool ask(const char *const *argv, uint64_t end_us, char *text, size_t size)
{
    struct run r = {.argv = argv, .fds = {-1, -1, -1}};
    return run_ask(&r, left_us(end_us), text, size) == 0;
}

static bool logind_kills(const char *user, uint64_t end_us)
{
    char text[4096];
    return ask((const char *const[]){"loginctl", "show-session", "-p", "KillUserProcesses", "-p",
                                     "KillOnlyUsers", "-p", "KillExcludeUsers", NULL},
               end_us, text, sizeof text) &&
           survive_kills(text, user);
}

static bool user_lingers(const char *user, uint64_t end_us)
{
    char text[256];
    return ask((const char *const[]){"loginctl", "show-user", user, "-p", "Linger", NULL}, end_us,
               text, sizeof text) &&
           says_yes(text, "Linger");
}

/* ---- moving ---- */

/* systemd-run makes a scope, enters it and becomes our program: stdin and stdout stay. */
static pid_t start_moved(const struct survive_config *c, int give_fd)
{
    const char *words[WORDS_MAX] = {"systemd-run",       "--user", "--scope", "--quiet",
                                    "--no-ask-password", "--",     c->self};
    size_t n = 7;
    for (char *const *a = c->argv + 1; c->argv[0] && *a; a++) {
        if (n == WORDS_MAX - 1)
            return -1;
        words[n++] = *a;
    }
    char text[16];
    snprintf(text, sizeof text, "%d", give_fd);
    setenv(SCOPE_VARIABLE, text, 1);
    struct run r = {.argv = words, .fds = {0, 1, 2}, .give_fd = give_fd};
    pid_t pid = run_start(&r);
    unsetenv(SCOPE_VARIABLE);
    return pid;
}

static bool is_ready(int fd, uint64_t end_us)
{
    char c = 0;
    for (;;) {
        uint64_t left = left_us(end_us);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, (int)(left / 1000));
        if (n < 0 && errno == EINTR)
            continue;
        return n == 1 && recv(fd, &c, 1, MSG_DONTWAIT) == 1 && c == READY;
    }
}

static bool give_record(int fd, const struct start_record *r)
{
    struct buf b;
    buf_init(&b, START_HEAD + START_RECORD_MAX);
    bool ok = start_put(&b, r) == ERR_OK;
    while (ok && buf_len(&b)) {
        ssize_t n = send(fd, buf_data(&b), buf_len(&b), MSG_NOSIGNAL);
        if (n > 0)
            buf_skip(&b, (size_t)n);
        else
            ok = n < 0 && errno == EINTR;
    }
    buf_fini(&b);
    return ok;
}

/* We stay behind only because sshd must not see its child end: the streams are not ours now. */
static int wait_for(pid_t pid)
{
    int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; null >= 0 && i <= 2; i++)
        dup2(null, i);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool move(const struct survive_config *c, const struct start_record *r, uint64_t end_us,
                 int *status)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return false;
    pid_t pid = start_moved(c, pair[1]);
    close(pair[1]);
    /* Until it has the record it touches nothing of ours. */
    bool moved = pid > 0 && is_ready(pair[0], end_us);
    if (moved && !give_record(pair[0], r))
        moved = false;
    close(pair[0]);
    if (moved) {
        *status = wait_for(pid);
        return true;
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return false;
}

enum survive survive_logout(const struct survive_config *c, const struct start_record *r,
                            int *status)
{
    uint64_t end_us = clock_boot_us() + c->limit_us;
    if (!in_session_scope(c->cgroup) || !logind_kills(c->user, end_us))
        return SURVIVE_SAFE;
    if (!user_lingers(c->user, end_us)) {
        log_line(c->log, LOG_WARN, "server", "logout will end this session: no linger");
        return SURVIVE_DOOMED;
    }
    if (c->self && c->argv && move(c, r, end_us, status))
        return SURVIVE_MOVED;
    log_line(c->log, LOG_WARN, "server", "logout will end this session: systemd-run failed");
    return SURVIVE_DOOMED;
}

/* ---- moved ---- */

int survive_adopt(void)
{
    const char *text = getenv(SCOPE_VARIABLE);
    struct stat st;
    char *end;
    if (!text)
        return -1;
    long fd = strtol(text, &end, 10);
    bool valid =
        *text && !*end && fd > 2 && fd < 65536 && !fstat((int)fd, &st) && S_ISSOCK(st.st_mode);
    unsetenv(SCOPE_VARIABLE);
    if (!valid)
        return -1;
    fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    if (send((int)fd, &(char){READY}, 1, MSG_NOSIGNAL) == 1)
        return (int)fd;
    close((int)fd);
    return -1;
}
