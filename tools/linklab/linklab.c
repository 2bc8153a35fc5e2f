/* A network link between two namespaces, in user space: for kernels without netem. Needs root,
 * /dev/net/tun and iproute2. See ../README.md. */
#include "linklab.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BURST 64 /* packets read from one device before the others have their turn */

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    stopped = 1;
}

/* ---- packets ---- */

static void deliver(struct linklab *l, size_t p, size_t dir)
{
    struct damage *d = &l->lab.dir[p][dir];
    struct damage_pkt pkt;
    while (damage_get(d, lab_now(), &pkt)) {
        uint16_t shift = l->path[p].natport;
        if (shift)
            packet_shift_port(pkt.data, pkt.len, dir == LAB_S2C,
                              dir == LAB_C2S ? shift : (uint16_t)-shift);
        (void)!write(dir == LAB_C2S ? l->server_fd : l->path[p].fd, pkt.data, pkt.len);
    }
}

static void deliver_all(struct linklab *l)
{
    for (size_t p = 0; p < l->lab.paths; p++) {
        deliver(l, p, LAB_C2S);
        deliver(l, p, LAB_S2C);
    }
}

/* device: 0 the server's, else the client's of path device - 1 */
static void read_device(struct linklab *l, size_t device)
{
    static uint8_t bytes[DAMAGE_PACKET];
    int fd = device == 0 ? l->server_fd : l->path[device - 1].fd;
    for (int i = 0; i < BURST; i++) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0)
            return;
        size_t len = (size_t)got;
        size_t p = device > 0 ? device - 1 : l->lab.paths > 1 ? packet_path(bytes, len) : 0;
        size_t dir = device > 0 ? LAB_C2S : LAB_S2C;
        damage_put(&l->lab.dir[p][dir], lab_now(), bytes, len, 0);
        deliver(l, p, dir);
    }
}

static void run(struct linklab *l)
{
    while (!stopped && !l->control.quit) {
        struct pollfd polls[1 + LAB_PATHS + LAB_POLLS];
        size_t devices = 1 + l->lab.paths;
        uint64_t when = control_deadline(&l->control), due = lab_deadline(&l->lab);
        polls[0] = (struct pollfd){l->server_fd, POLLIN, 0};
        for (size_t p = 0; p < l->lab.paths; p++)
            polls[1 + p] = (struct pollfd){l->path[p].fd, POLLIN, 0};
        size_t n = control_polls(&l->control, polls + devices);
        lab_wait(polls, devices + n, due < when ? due : when);
        control_run_due(&l->control, lab_now());
        deliver_all(l);
        for (size_t i = 0; i < devices; i++)
            if (polls[i].revents & POLLIN)
                read_device(l, i);
        control_serve(&l->control, polls + devices, n);
    }
}

/* ---- settings ---- */

static int set_natport(struct linklab *l, const char *key, const char *value)
{
    int paths = lab_select_paths(&l->lab, &key);
    char *end;
    if (paths < 0 || strcmp(key, "natport") != 0 || !value)
        return ERR_SYNTAX;
    long by = strtol(value, &end, 10);
    if (end == value || *end || by < -65535 || by > 65535)
        return ERR_SYNTAX;
    for (size_t p = 0; p < l->lab.paths; p++)
        if (paths >> p & 1)
            l->path[p].natport = (uint16_t)by;
    return 0;
}

static void command(void *ctx, char **words, size_t n, char *out, size_t size)
{
    struct linklab *l = ctx;
    if (n == 2 && set_natport(l, words[0], words[1]) == 0)
        snprintf(out, size, "ok\n");
    else
        netns_command(l, words, n, out, size);
}

/* What can be said at the start only. True: it was one of these. */
static bool start_setting(struct linklab *l, const char *key, const char *value)
{
    uint64_t mtu;
    if (!strcmp(key, "mtu")) {
        if (damage_parse_count(value, &mtu) || mtu < 1280 || mtu > 65535)
            lab_die(&l->lab, "mtu=%s: not in 1280..65535", value);
        l->mtu = (unsigned)mtu;
    } else if (!strcmp(key, "cc")) {
        if (!*value || strlen(value) >= sizeof l->congestion || strchr(value, ' '))
            lab_die(&l->lab, "cc=%s: no name of a congestion control", value);
        strcpy(l->congestion, value);
    } else if (!strcmp(key, "paths")) {
        if (strcmp(value, "1") != 0 && strcmp(value, "2") != 0)
            lab_die(&l->lab, "paths=%s: 1 or 2", value);
        l->lab.paths = (size_t)(value[0] - '0');
    } else {
        return false;
    }
    return true;
}

static void take_settings(struct linklab *l, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        char word[256], *value;
        snprintf(word, sizeof word, "%s", argv[i]);
        if ((value = strchr(word, '=')))
            *value++ = '\0';
        if (value && start_setting(l, word, value))
            continue;
        if (lab_set(&l->lab, word, value) && set_natport(l, word, value))
            lab_die(&l->lab, "bad setting %s", argv[i]);
    }
}

/* ---- start ---- */

static void socket_path(const struct linklab *l, char *out, size_t size)
{
    snprintf(out, size, "/run/linklab-%s.sock", l->name);
}

static int start(struct linklab *l, int argc, char **argv)
{
    char path[80];
    take_settings(l, argc, argv);
    for (size_t p = 0; p < LAB_PATHS; p++)
        for (size_t k = 0; k < LAB_DIRS; k++)
            l->lab.dir[p][k].set.corrupt_from = 28; /* else IP drops what UDP should judge */
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed test leaves no link behind */
    prctl(PR_SET_TIMERSLACK, 1);
    netns_create(l);
    /* Packets are late by what the scheduler takes; helpers run at normal priority. */
    struct sched_param sp = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &sp))
        setpriority(PRIO_PROCESS, 0, -15);
    socket_path(l, path, sizeof path);
    control_init(&l->control, &l->lab, path);
    l->control.command = command;
    l->control.ctx = l;
    printf("ready %s client=%s,%s server=10.99.0.1,fd99::1 mtu=%u cc=%s seed=%llu\n", l->name,
           l->path[0].addr4, l->path[0].addr6, l->mtu, l->congestion,
           (unsigned long long)l->lab.seed);
    fflush(stdout);
    run(l);
    control_fini(&l->control);
    netns_remove(l);
    lab_fini(&l->lab);
    return 0;
}

static int usage(FILE *to)
{
    fputs("usage: linklab start NAME [KEY=VALUE ...]   make NAME-c and NAME-s, run the link\n"
          "       linklab ctl NAME COMMAND...          one control line to a running link\n"
          "       linklab clean NAME                   remove what a killed link left\n",
          to);
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    static struct linklab l;
    char path[80];
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return usage(stdout);
    if (argc < 3)
        return usage(stderr);
    lab_init(&l.lab, "linklab", LAB_PATHS);
    size_t len = strlen(argv[2]);
    if (len == 0 || len >= sizeof l.name || strpbrk(argv[2], "/ .\t\n") || argv[2][0] == '-')
        lab_die(&l.lab, "NAME is 1 to 31 characters without blank, dot or slash");
    strcpy(l.name, argv[2]);
    l.mtu = 1500;
    strcpy(l.congestion, "cubic");
    socket_path(&l, path, sizeof path);
    if (!strcmp(argv[1], "start"))
        return start(&l, argc - 3, argv + 3);
    if (!strcmp(argv[1], "ctl"))
        return control_ask(path, (size_t)argc - 3, argv + 3);
    if (strcmp(argv[1], "clean") != 0)
        return usage(stderr);
    netns_remove(&l);
    unlink(path);
    return 0;
}
