#include "keydrv.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

/* ---- what every mode does ---- */

void run_lab(const struct run *r, const char *commands)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char line[4096], *save = NULL;
    if (!r->lab)
        return;
    snprintf(a.sun_path, sizeof a.sun_path, "/run/linklab-%s.sock", r->lab);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        die("linklab's socket");
    char *copy = strdup(commands);
    for (char *c = strtok_r(copy, ";", &save); c; c = strtok_r(NULL, ";", &save)) {
        int len = snprintf(line, sizeof line, "%s\n", c);
        if (write(fd, line, (size_t)len) != len)
            die("linklab");
        ssize_t got = read(fd, line, sizeof line - 1);
        if (got <= 0)
            die("linklab");
        line[got] = '\0';
        if (!strncmp(line, "err", 3))
            fprintf(stderr, "keydrv: linklab %s: %s", c, line);
    }
    free(copy);
    close(fd);
}

static void hold(const struct run *r)
{
    char c;
    fflush(stdout);
    if (r->hold)
        while (read(0, &c, 1) > 0 && c != '\n')
            ;
}

void run_ready(struct run *r)
{
    puts("{\"event\":\"ready\"}");
    hold(r);
    if (r->after_ready)
        run_lab(r, r->after_ready);
    if (r->hook) {
        char sh[] = "sh", dash_c[] = "-c", *argv[] = {sh, dash_c, (char *)(uintptr_t)r->hook, NULL};
        pid_t pid; /* it ends with its namespace */
        if (posix_spawnp(&pid, sh, NULL, NULL, argv, environ))
            fputs("keydrv: the hook failed\n", stderr);
    }
}

void run_start(struct run *r)
{
    if (term_wait_marker(&r->term, r->timeout) < 0) {
        errno = 0;
        die("no prompt");
    }
    run_ready(r);
    term_pump_for(&r->term, r->settle);
}

void run_finish(struct run *r)
{
    hold(r);
    term_close(&r->term);
}

/* ---- options ---- */

static const struct mode {
    const char *name;
    void (*go)(struct run *r);
} modes[] = {
    {"ref", mode_ref},   {"type", mode_type},       {"ctrlc", mode_ctrlc},     {"bulk", mode_bulk},
    {"idle", mode_idle}, {"startup", mode_startup}, {"recover", mode_recover},
};

/* 1: took the option and its value, 0: there is none of this name. */
static int take_value(struct run *r, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
        double *number;
    } row[] = {
        {"--keys", &r->keys, NULL},
        {"--ref", &r->ref, NULL},
        {"--after-ready", &r->after_ready, NULL},
        {"--hook", &r->hook, NULL},
        {"--ctl", &r->lab, NULL},
        {"--roam", &r->roam, NULL},
        {"--bulk", &r->bulk, NULL},
        {"--marker", &r->term.marker, NULL},
        {"--overlay", &r->term.overlay, NULL},
        {"--settle", NULL, &r->settle},
        {"--timeout", NULL, &r->timeout},
        {"--secs", NULL, &r->secs},
        {"--outage", NULL, &r->outage},
        {"--tail", NULL, &r->tail},
        {"--fresh", NULL, &r->fresh_ms},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (strcmp(row[i].name, name) != 0)
            continue;
        if (row[i].text)
            *row[i].text = value;
        else
            *row[i].number = strtod(value, NULL);
        return 1;
    }
    if (strcmp(name, "--reps") != 0)
        return 0;
    r->reps = strtol(value, NULL, 10);
    return 1;
}

static int take_flag(struct run *r, const char *name)
{
    if (!strcmp(name, "--hold"))
        r->hold = true;
    else if (!strcmp(name, "--raw"))
        r->raw = true;
    else if (!strcmp(name, "--type"))
        r->type_during = true;
    else
        return 0;
    return 1;
}

static int usage(void)
{
    fputs("usage: keydrv [options] ref|type|ctrlc|bulk|idle|startup|recover -- command...\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static struct run r = {
        .settle = 2,
        .timeout = 60,
        .secs = 60,
        .outage = 5,
        .tail = 60,
        .fresh_ms = 300,
        .reps = 3,
        .bulk = "",
        .term = {.cols = 80, .rows = 24, .marker = "READY>", .overlay = "mosh:"}};
    const struct mode *mode = NULL;
    int i = 1;
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (take_flag(&r, argv[i]))
            continue;
        if (i + 1 < argc && take_value(&r, argv[i], argv[i + 1])) {
            i++;
            continue;
        }
        for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
            if (!strcmp(modes[m].name, argv[i]))
                mode = &modes[m];
        if (argv[i][0] == '-')
            return usage();
    }
    if (!mode || i + 1 >= argc)
        return usage();
    term_open(&r.term, argv + i + 1);
    mode->go(&r);
    return 0;
}
