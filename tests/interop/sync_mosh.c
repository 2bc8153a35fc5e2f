/* Our sync (and seal and engine) against the stock binaries: `sync_mosh client` is a client of a
 * stock mosh-server, `sync_mosh server` a server to a stock mosh-client under a pty whose output a
 * second engine draws. Over loopback, with a share of the datagrams thrown away. Exit status 0 when
 * everything showed up; else a line says what did not. Only waits for conditions, up to 20 s each.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "link/seal.h"
#include "sync/sync.h"
#include "term/term.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_US 20000000ull

struct peer {
    int sock;
    bool server, has_peer;
    struct sockaddr_in to;
    struct seal *seal;
    struct sync *sync;
    struct rng rng;
    double loss;
    uint16_t saved;
    uint64_t saved_at;
    bool has_saved;
    unsigned sent, received;

    /* server: the program's screen; the pty of mosh-client and what it draws */
    struct term *inner, *outer;
    int pty;
    pid_t child;
    char got[65536]; /* input, as it arrived */
    size_t got_len;
    uint16_t got_cols, got_rows;
};

static uint64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "sync_mosh: %s\n", what);
    exit(1);
}

static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)rng_u64(ctx);
}

static struct sync_link facts_of(const struct peer *p)
{
    return (struct sync_link){.srtt_us = 2000,
                              .rto_us = 50000,
                              .mtu_payload = 1224,
                              .bulk_room = SIZE_MAX,
                              .can_send = p->has_peer};
}

/* ---- datagrams (mosh-protocol.md §2, §3.1) ---- */

static void send_payload(struct peer *p, const uint8_t *payload, size_t len)
{
    uint8_t plain[SEAL_PLAIN], dgram[SEAL_DATAGRAM];
    size_t n;
    uint16_t stamp = (uint16_t)(clock_us() / 1000), reply = 0xffff;
    uint64_t age = (clock_us() - p->saved_at) / 1000;
    if (p->has_saved && age < 1000)
        reply = (uint16_t)(p->saved + age);
    p->has_saved = false;
    stamp = stamp == 0xffff ? 0 : stamp;
    plain[0] = (uint8_t)(stamp >> 8);
    plain[1] = (uint8_t)stamp;
    plain[2] = (uint8_t)(reply >> 8);
    plain[3] = (uint8_t)reply;
    memcpy(plain + 4, payload, len);
    if (seal_close(p->seal, plain, len + 4, dgram, &n))
        fail("seal_close");
    p->sent++;
    if (rng_unit(&p->rng) < p->loss)
        return;
    if (sendto(p->sock, dgram, n, 0, (struct sockaddr *)&p->to, sizeof p->to) < 0 &&
        errno != ECONNREFUSED)
        fail("sendto");
}

static void receive(struct peer *p)
{
    uint8_t dgram[SEAL_DATAGRAM + 1], plain[SEAL_PLAIN];
    size_t len;
    uint64_t seq;
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n =
        recvfrom(p->sock, dgram, sizeof dgram, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
    if (n < 0 || seal_open(p->seal, dgram, (size_t)n, plain, &len, &seq) || len < 14)
        return;
    if (rng_unit(&p->rng) < p->loss)
        return;
    p->received++;
    p->saved = (uint16_t)(plain[0] << 8 | plain[1]);
    p->saved_at = clock_us();
    p->has_saved = true;
    if (p->server) {
        p->to = from;
        p->has_peer = true;
    }
    struct sync_link facts = facts_of(p);
    int news = sync_receive(p->sync, plain + 4, len - 4, clock_us(), &facts);
    if (news > 0 && news & SYNC_NEWS_VERSION)
        fail("protocol version");
}

/* ---- the server's program: it echoes ---- */

static void show(struct peer *p)
{
    struct snapshot *s = term_snapshot(p->inner);
    sync_set_screen(p->sync, s, clock_us());
    snapshot_unref(s);
}

static void program_prints(struct peer *p, const char *text)
{
    term_write(p->inner, text, strlen(text));
    show(p);
}

static void take_input(struct peer *p)
{
    struct sync_input item;
    while (sync_input_next(p->sync, &item)) {
        if (item.resize) {
            p->got_cols = item.cols;
            p->got_rows = item.rows;
            term_resize(p->inner, item.cols, item.rows);
        } else {
            if (p->got_len + item.len >= sizeof p->got)
                fail("too much input");
            memcpy(p->got + p->got_len, item.bytes, item.len);
            p->got_len += item.len;
            term_write(p->inner, item.bytes, item.len);
        }
        sync_set_consumed(p->sync, item.offset + item.len, clock_us());
        show(p);
    }
}

static void read_pty(struct peer *p)
{
    char text[4096];
    ssize_t n = read(p->pty, text, sizeof text);
    if (n > 0)
        term_write(p->outer, text, (size_t)n);
}

/* ---- the loop ---- */

static void turn(struct peer *p)
{
    struct sync_link facts = facts_of(p);
    struct buf out;
    buf_init(&out, 4096);
    while (sync_send(p->sync, clock_us(), &facts, &out))
        send_payload(p, buf_data(&out), buf_len(&out));
    buf_fini(&out);
    uint64_t now = clock_us(), due = sync_deadline(p->sync, now, &facts);
    uint64_t wait = due > now ? (due - now) / 1000 + 1 : 0;
    struct pollfd fd[2] = {{p->sock, POLLIN, 0}, {p->server ? p->pty : -1, POLLIN, 0}};
    poll(fd, 2, wait > 50 ? 50 : (int)wait);
    if (fd[0].revents)
        receive(p);
    if (fd[1].revents)
        read_pty(p);
    if (p->server)
        take_input(p);
}

static void until(struct peer *p, bool (*done)(struct peer *, const char *), const char *arg,
                  const char *what)
{
    uint64_t end = clock_us() + PATIENCE_US;
    while (!done(p, arg)) {
        if (clock_us() > end)
            fail(what);
        turn(p);
    }
}

static bool screen_has(const struct snapshot *s, const char *text)
{
    for (uint16_t row = 0; row < s->rows; row++) {
        char line[8192];
        size_t n = 0;
        for (uint16_t col = 0; col < s->cols && n + CELL_UTF8_MAX < sizeof line; col++)
            n += row_text(snapshot_row(s, row), col, (uint8_t *)line + n);
        line[n] = 0;
        if (strstr(line, text))
            return true;
    }
    return false;
}

static bool shows(struct peer *p, const char *text)
{
    struct sync_remote r = sync_remote(p->sync);
    return r.num && screen_has(r.snapshot, text);
}

static bool peer_ended(struct peer *p, const char *arg)
{
    return sync_peer_shutdown_acked(p->sync);
}

static bool we_ended(struct peer *p, const char *arg)
{
    /* Stock acknowledges once and leaves (§7): that datagram may be among the lost ones. */
    if (sync_shutdown_given_up(p->sync, clock_us())) {
        if (!p->loss)
            fail("shutdown given up");
        return true;
    }
    return sync_shutdown_done(p->sync);
}

static void type(struct peer *p, const char *text)
{
    if (sync_user_bytes(p->sync, text, strlen(text), clock_us()) != strlen(text))
        fail("input not taken");
}

static void decode_key(const char *text, uint8_t key[static 16])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, have = 0;
    for (size_t n = 0; n < 16;) {
        const char *d = strchr(digits, *text++);
        if (!d)
            fail("key");
        bits = bits << 6 | (unsigned)(d - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            key[n++] = (uint8_t)(bits >> have);
        }
    }
}

static void open_peer(struct peer *p, const char *key_text, bool server)
{
    struct keys keys;
    uint8_t key[16];
    decode_key(key_text, key);
    keys_stock(&keys, key);
    struct seal_config sc = {.codec = SEAL_OCB, .keys = &keys, .server = server, .stock = true};
    p->seal = seal_new(&sc);
    p->server = server;
    p->sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sync_config c = {.role = server ? SYNC_SERVER : SYNC_CLIENT,
                            .caps = SYNC_CAPS_ALL, /* a stock peer must not mind (§12) */
                            .entropy = {fill, &p->rng},
                            .cols = 80,
                            .rows = 24,
                            .now_us = clock_us()};
    p->sync = sync_new(&c);
}

static void close_peer(struct peer *p)
{
    close(p->sock);
    seal_free(p->seal);
    sync_free(p->sync);
}

/* ---- our client, stock server ---- */

static void start_server(struct peer *p)
{
    char line[512], key[64];
    int port = 0;
    FILE *f = popen("mosh-server new -i 127.0.0.1 -p 60901:60999 -- /bin/sh 2>/dev/null", "r");
    if (!f)
        fail("popen");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "MOSH CONNECT %d %63s", &port, key) == 2)
            break;
    if (!port)
        fail("no MOSH CONNECT");
    pclose(f);
    open_peer(p, key, false);
    p->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    p->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->has_peer = true;
}

static void our_client(double loss)
{
    struct peer p = {.rng = {1}};
    setenv("PS1", "ready> ", 1);
    setenv("ENV", "", 1);
    start_server(&p);
    until(&p, shows, "ready>", "no prompt");
    p.loss = loss;
    type(&p, "echo mark-$((6*7))\r");
    until(&p, shows, "mark-42", "no output");
    for (const char *c = "echo key by key\r"; *c; c++) {
        char one[2] = {*c, 0};
        type(&p, one);
        for (int i = 0; i < 3; i++)
            turn(&p);
    }
    until(&p, shows, "key by key", "keys lost");
    sync_user_resize(p.sync, 100, 30, clock_us());
    type(&p, "stty size\r");
    until(&p, shows, "30 100", "no new size");
    if (sync_remote(p.sync).snapshot->cols != 100)
        fail("screen has not grown");
    type(&p, "i=0; while [ $i -lt 3000 ]; do echo line $i of a flood; i=$((i+1)); done\r");
    until(&p, shows, "line 2999 of a flood", "flood did not end");
    type(&p, "printf '\\033[38;2;1;2;3mcolour\\033[0m \\346\\274\\242\\n'\r");
    until(&p, shows, "colour \xe6\xbc\xa2", "no wide characters");
    type(&p, "exit\r");
    until(&p, peer_ended, NULL, "server did not shut down");
    printf("client: %u datagrams sent, %u received\n", p.sent, p.received);
    close_peer(&p);

    p = (struct peer){.rng = {2}};
    start_server(&p);
    until(&p, shows, "ready>", "no second prompt");
    sync_shutdown(p.sync, clock_us());
    until(&p, we_ended, NULL, "shutdown not acknowledged");
    close_peer(&p);
}

/* ---- our server, stock client ---- */

static void start_client(struct peer *p, const char *key)
{
    open_peer(p, key, true);
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof a;
    if (bind(p->sock, (struct sockaddr *)&a, sizeof a) ||
        getsockname(p->sock, (struct sockaddr *)&a, &len))
        fail("bind");
    char port[16];
    snprintf(port, sizeof port, "%d", ntohs(a.sin_port));
    struct winsize size = {.ws_col = 70, .ws_row = 20};
    p->child = forkpty(&p->pty, NULL, NULL, &size);
    if (p->child < 0)
        fail("forkpty");
    if (!p->child) {
        setenv("MOSH_KEY", key, 1);
        setenv("TERM", "xterm-256color", 1);
        setenv("MOSH_PREDICTION_DISPLAY", "never", 1);
        setenv("MOSH_TITLE_NOPREFIX", "1", 1);
        execlp("mosh-client", "mosh-client", "127.0.0.1", port, (char *)NULL);
        _exit(127);
    }
    struct term_config tc = {.cols = 80, .rows = 24};
    p->inner = term_new(&tc);
    tc.cols = 70;
    tc.rows = 20;
    p->outer = term_new(&tc);
}

static bool outer_shows(struct peer *p, const char *text)
{
    struct snapshot *s = term_snapshot(p->outer);
    bool found = screen_has(s, text);
    snapshot_unref(s);
    return found;
}

/* What mosh-client draws is what our program printed: every cell's text, and the cursor. */
static bool same_picture(struct peer *p, const char *arg)
{
    struct snapshot *a = term_snapshot(p->inner), *b = term_snapshot(p->outer);
    bool same = a->cols == b->cols && a->rows == b->rows && a->cursor.row == b->cursor.row &&
                a->cursor.col == b->cursor.col;
    for (uint16_t row = 0; same && row < a->rows; row++) {
        for (uint16_t col = 0; same && col < a->cols; col++) {
            uint8_t x[CELL_UTF8_MAX], y[CELL_UTF8_MAX];
            size_t n = row_text(snapshot_row(a, row), col, x);
            struct pen p1 = row_pen(snapshot_row(a, row), col);
            struct pen p2 = row_pen(snapshot_row(b, row), col);
            same = n == row_text(snapshot_row(b, row), col, y) && !memcmp(x, y, n) &&
                   p1.fg == p2.fg && p1.bg == p2.bg && p1.attr == p2.attr;
        }
    }
    snapshot_unref(a);
    snapshot_unref(b);
    return same;
}

static bool got_input(struct peer *p, const char *text)
{
    p->got[p->got_len] = 0;
    return strstr(p->got, text) != NULL;
}

static bool got_size(struct peer *p, const char *arg)
{
    return p->got_cols == 90 && p->got_rows == 25;
}

static bool child_left(struct peer *p, const char *arg)
{
    int status;
    if (waitpid(p->child, &status, WNOHANG) != p->child)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail("mosh-client did not leave cleanly");
    return true;
}

static void random_output(struct peer *p)
{
    char out[4096];
    size_t n = 0;
    for (int i = 0; i < 40; i++) {
        unsigned a = 1 + (unsigned)rng_below(&p->rng, 25), b = 1 + (unsigned)rng_below(&p->rng, 90);
        switch (rng_below(&p->rng, 9)) {
        case 0:
            n += (size_t)sprintf(out + n, "\033[%u;%uH", a, b);
            break;
        case 1:
            n += (size_t)sprintf(out + n, "\033[0;%u;%u;%um", 1 + 2 * (a & 1), 30 + a % 8,
                                 40 + b % 8);
            break;
        case 2:
            n += (size_t)sprintf(out + n, "\033[38;2;%u;%u;%um", a, b, a);
            break;
        case 3:
            n += (size_t)sprintf(out + n, "\033[%uK", a % 3);
            break;
        case 4:
            n += (size_t)sprintf(out + n, "\033[%u%c", 1 + a % 4, "LMPXST@"[b % 7]);
            break;
        case 5:
            n += (size_t)sprintf(out + n, "\r\nline %u", b);
            break;
        case 6:
            n += (size_t)sprintf(out + n, "\xe6\xbc\xa2\xe5\xad\x97 e\xcc\x81");
            break;
        default:
            n += (size_t)sprintf(out + n, "some words %u ", b);
        }
    }
    term_write(p->inner, out, n);
    show(p);
}

static void our_server(double loss)
{
    struct peer p = {.rng = {3}, .loss = loss};
    start_client(&p, "AAECAwQFBgcICQoLDA0ODw");
    program_prints(&p, "welcome\r\n");
    until(&p, outer_shows, "welcome", "mosh-client shows nothing");
    if (write(p.pty, "typed", 5) != 5)
        fail("write");
    until(&p, got_input, "typed", "no input");
    until(&p, outer_shows, "typed", "no echo");
    struct winsize size = {.ws_col = 90, .ws_row = 25};
    term_resize(p.outer, 90, 25);
    ioctl(p.pty, TIOCSWINSZ, &size);
    until(&p, got_size, NULL, "no resize");
    program_prints(&p, "\033c");
    until(&p, same_picture, NULL, "not the same picture after a reset");
    for (int i = 0; i < 60; i++) {
        random_output(&p);
        if (i % 3)
            for (int k = 0; k < 4; k++)
                turn(&p);
        else
            until(&p, same_picture, NULL, "not the same picture");
    }
    until(&p, same_picture, NULL, "not the same picture at the end");
    char paste[3001];
    memset(paste, 'p', 3000);
    strcpy(paste + 2990, "pasted");
    for (size_t at = 0; at < 2996;) {
        ssize_t n = write(p.pty, paste + at, 2996 - at < 500 ? 2996 - at : 500);
        if (n < 0)
            fail("write");
        at += (size_t)n;
        turn(&p);
    }
    until(&p, got_input, "pasted", "paste lost");
    sync_shutdown(p.sync, clock_us());
    until(&p, we_ended, NULL, "shutdown not acknowledged");
    until(&p, child_left, NULL, "mosh-client stays");
    printf("server: %u datagrams sent, %u received\n", p.sent, p.received);
    term_free(p.inner);
    term_free(p.outer);
    close(p.pty);
    close_peer(&p);
}

int main(int argc, char **argv)
{
    double loss = argc > 2 ? atof(argv[2]) : 0;
    setenv("LC_ALL", "C.UTF-8", 1);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && !strcmp(argv[1], "client"))
        our_client(loss);
    else if (argc > 1 && !strcmp(argv[1], "server"))
        our_server(loss);
    else
        fail("usage: sync_mosh client|server [loss]");
    return 0;
}
