/* A bad network between two UDP sockets of one machine, without root: datagrams that come to
 * `listen` go to `to` and back, through the damage library. Every client address gets a socket of
 * its own towards the server, as behind a NAT; "rebind" gives it another one. See README.md. */
#include "lab/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS 64u /* client addresses at a time; the one idle longest makes room */
#define BURST 64  /* datagrams read from one socket before the others have their turn */

struct flow {
    struct sockaddr_storage client;
    socklen_t client_len;
    int fd;      /* towards the server */
    uint64_t id; /* tag of its packets; an old tag finds no flow and is dropped */
    uint64_t used_us;
};

struct relay {
    struct lab lab;
    struct control control;
    int listener;
    struct sockaddr_storage server, source; /* source: family 0 unless rebound to an address */
    socklen_t server_len, source_len;
    struct flow flow[FLOWS];
    size_t flows;
    uint64_t next_id;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    stopped = 1;
}

/* "127.0.0.1:5000", "[::1]:5000"; the port may be left out when port_needed is false. */
static int parse_host(const char *text, bool port_needed, struct sockaddr_storage *out,
                      socklen_t *len)
{
    char copy[128];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (strlen(text) >= sizeof copy)
        return -1;
    strcpy(copy, text);
    char *host = copy, *port = strrchr(copy, ':');
    if (!port_needed && (!port || strchr(copy, ':') != port) && copy[0] != '[')
        port = NULL; /* a bare address, maybe with colons of its own */
    if (port_needed && !port)
        return -1;
    if (port)
        *port++ = '\0';
    if (*host == '[') {
        size_t n = strlen(++host);
        if (n == 0 || host[n - 1] != ']')
            return -1;
        host[n - 1] = '\0';
    }
    if (getaddrinfo(host, port ? port : "0", &hints, &found))
        return -1;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* ---- flows ---- */

static bool same_client(const struct flow *f, const struct sockaddr_storage *a, socklen_t len)
{
    return f->client_len == len && !memcmp(&f->client, a, len);
}

/* A new socket of the flow towards the server: a new port, and the address of r->source. */
static int connect_flow(struct relay *r, struct flow *f)
{
    int fd = socket(r->server.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if ((r->source.ss_family && bind(fd, (struct sockaddr *)&r->source, r->source_len)) ||
        connect(fd, (struct sockaddr *)&r->server, r->server_len)) {
        close(fd);
        return -1;
    }
    /* Made before the old one is closed, so that the port cannot be the same. */
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
    return 0;
}

static struct flow *flow_of_client(struct relay *r, const struct sockaddr_storage *a, socklen_t len)
{
    struct flow *f = r->flow;
    for (size_t i = 0; i < r->flows; i++) {
        if (same_client(&r->flow[i], a, len))
            return &r->flow[i];
        if (r->flow[i].used_us < f->used_us)
            f = &r->flow[i];
    }
    if (r->flows < FLOWS) {
        f = &r->flow[r->flows++];
        f->fd = -1;
    }
    memcpy(&f->client, a, len);
    f->client_len = len;
    f->id = r->next_id++;
    if (connect_flow(r, f) == 0)
        return f;
    fprintf(stderr, "udprelay: no socket towards the server: %s\n", strerror(errno));
    if (f->fd >= 0)
        close(f->fd);
    *f = r->flow[--r->flows];
    return NULL;
}

static struct flow *flow_of_tag(struct relay *r, uint64_t tag)
{
    for (size_t i = 0; i < r->flows; i++)
        if (r->flow[i].id == tag)
            return &r->flow[i];
    return NULL;
}

/* ---- control ---- */

/* rebind: every flow gets a new port towards the server; rebind IP: that source address as well. */
static void command(void *ctx, char **words, size_t n, char *out, size_t size)
{
    struct relay *r = ctx;
    if (strcmp(words[0], "rebind") != 0 || n > 2)
        return;
    if (n == 2 && parse_host(words[1], false, &r->source, &r->source_len)) {
        snprintf(out, size, "err not an address: %.60s\n", words[1]);
        return;
    }
    snprintf(out, size, "ok\n");
    for (size_t i = 0; i < r->flows; i++)
        if (connect_flow(r, &r->flow[i]))
            snprintf(out, size, "err rebind: %s\n", strerror(errno));
}

/* ---- moving datagrams ---- */

static void read_client(struct relay *r, uint8_t *bytes)
{
    for (int i = 0; i < BURST; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(r->listener, bytes, DAMAGE_PACKET, MSG_DONTWAIT,
                             (struct sockaddr *)&from, &len);
        if (n < 0)
            return;
        struct flow *f = flow_of_client(r, &from, len);
        if (!f)
            continue;
        f->used_us = lab_now();
        damage_put(&r->lab.dir[0][LAB_C2S], f->used_us, bytes, (size_t)n, f->id);
    }
}

static void read_server(struct relay *r, struct flow *f, uint8_t *bytes)
{
    for (int i = 0; i < BURST; i++) {
        ssize_t n = recv(f->fd, bytes, DAMAGE_PACKET, MSG_DONTWAIT);
        if (n < 0)
            return; /* EAGAIN, or ICMP's refusal: then it is lost, as on a real network */
        damage_put(&r->lab.dir[0][LAB_S2C], lab_now(), bytes, (size_t)n, f->id);
    }
}

static void deliver(struct relay *r)
{
    struct damage_pkt p;
    while (damage_get(&r->lab.dir[0][LAB_C2S], lab_now(), &p)) {
        struct flow *f = flow_of_tag(r, p.tag);
        if (f && send(f->fd, p.data, p.len, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
            /* the refusal belonged to an earlier datagram; this one was not sent */
            (void)!send(f->fd, p.data, p.len, MSG_DONTWAIT);
    }
    while (damage_get(&r->lab.dir[0][LAB_S2C], lab_now(), &p)) {
        struct flow *f = flow_of_tag(r, p.tag);
        if (f)
            (void)!sendto(r->listener, p.data, p.len, MSG_DONTWAIT, (struct sockaddr *)&f->client,
                          f->client_len);
    }
}

static void run(struct relay *r)
{
    static uint8_t bytes[DAMAGE_PACKET];
    while (!stopped && !r->control.quit) {
        struct pollfd polls[1 + FLOWS + LAB_POLLS];
        uint64_t when = control_deadline(&r->control), due = lab_deadline(&r->lab);
        size_t flows = r->flows;
        polls[0] = (struct pollfd){r->listener, POLLIN, 0};
        for (size_t i = 0; i < flows; i++)
            polls[1 + i] = (struct pollfd){r->flow[i].fd, POLLIN, 0};
        size_t n = control_polls(&r->control, polls + 1 + flows);
        lab_wait(polls, 1 + flows + n, due < when ? due : when);
        control_run_due(&r->control, lab_now());
        for (size_t i = 0; i < flows; i++)
            if (polls[1 + i].revents)
                read_server(r, &r->flow[i], bytes);
        if (polls[0].revents)
            read_client(r, bytes);
        deliver(r);
        control_serve(&r->control, polls + 1 + flows, n);
    }
}

/* ---- start ---- */

static void listen_on(struct relay *r, const char *text)
{
    struct sockaddr_storage a;
    socklen_t len;
    char host[64], port[16];
    if (parse_host(text, true, &a, &len))
        lab_die(&r->lab, "listen=%s: not ADDRESS:PORT", text);
    r->listener = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->listener < 0 || bind(r->listener, (struct sockaddr *)&a, len))
        lab_die(&r->lab, "listen=%s: %s", text, strerror(errno));
    len = sizeof a;
    if (getsockname(r->listener, (struct sockaddr *)&a, &len) ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        lab_die(&r->lab, "listen=%s: no name", text);
    printf(a.ss_family == AF_INET6 ? "ready [%s]:%s\n" : "ready %s:%s\n", host, port);
    fflush(stdout);
}

static int usage(FILE *to)
{
    fputs("usage: udprelay listen=ADDRESS:PORT to=ADDRESS:PORT [control=SOCKET] [KEY=VALUE ...]\n"
          "       udprelay ctl SOCKET COMMAND...\n",
          to);
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    static struct relay r;
    const char *listen_text = NULL, *to = NULL, *control = NULL;
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return usage(stdout);
    if (argc >= 4 && !strcmp(argv[1], "ctl"))
        return control_ask(argv[2], (size_t)argc - 3, argv + 3);
    lab_init(&r.lab, "udprelay", 1);
    for (int i = 1; i < argc; i++) {
        char word[256], *value;
        if (!strncmp(argv[i], "listen=", 7)) {
            listen_text = argv[i] + 7;
        } else if (!strncmp(argv[i], "to=", 3)) {
            to = argv[i] + 3;
        } else if (!strncmp(argv[i], "control=", 8)) {
            control = argv[i] + 8;
        } else {
            snprintf(word, sizeof word, "%s", argv[i]);
            if ((value = strchr(word, '=')))
                *value++ = '\0';
            if (lab_set(&r.lab, word, value))
                lab_die(&r.lab, "bad setting %s", argv[i]);
        }
    }
    if (!listen_text || !to)
        return usage(stderr);
    if (parse_host(to, true, &r.server, &r.server_len))
        lab_die(&r.lab, "to=%s: not ADDRESS:PORT", to);
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed test leaves no relay behind */
    control_init(&r.control, &r.lab, control);
    r.control.command = command;
    r.control.ctx = &r;
    listen_on(&r, listen_text);
    run(&r);
    control_fini(&r.control);
    for (size_t i = 0; i < r.flows; i++)
        close(r.flow[i].fd);
    lab_fini(&r.lab);
    return 0;
}
