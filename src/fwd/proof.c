#include "fwd/proof.h"

#include "base/mem.h"
#include "fwd/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of /proc/net/tcp that are read: some 13,000 sockets. */
#define TABLE_MAX (2u << 20)

struct proof {
    struct list node;
    struct proofs *set;
    int fd;   /* who asks */
    int port; /* of sshd, as it says; 0: it has not yet */
    int back; /* our connection to that; -1: not yet */
    struct watch *watch;
    struct dial *dial;
    struct timer timer;
    char word[PROOF_WORD + 1];
    char line[PROOF_LINE]; /* that is being read */
    size_t len;
};

static void proof_free(struct proof *p)
{
    list_del(&p->node);
    p->set->count--;
    timer_clear(&p->timer);
    watch_free(p->watch);
    dial_free(p->dial);
    if (p->fd >= 0)
        close(p->fd);
    if (p->back >= 0)
        close(p->back);
    free(p);
}

static void on_timeout(void *ctx)
{
    proof_free(ctx);
}

/* 1: a line is there, NUL-terminated; 0: more is needed; negative: it will not come. */
static int read_line(struct proof *p, int fd)
{
    ssize_t n = recv(fd, p->line + p->len, sizeof p->line - 1 - p->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return ERR_SHORT;
    p->len += (size_t)n;
    p->line[p->len] = 0;
    char *lf = memchr(p->line, '\n', p->len);
    if (!lf)
        return p->len + 1 < sizeof p->line ? 0 : ERR_CAP;
    *lf = 0;
    return 1;
}

bool proof_listens_anywhere(const char *table, uint16_t port)
{
    char want[40];
    snprintf(want, sizeof want, ": 00000000:%04X 00000000:0000 0A ", port);
    return strstr(table, want) != NULL;
}

/* An IPv4 port has one owner, when it is bound to all addresses. */
static bool listens_anywhere(uint16_t port)
{
    char *table = mem_new(TABLE_MAX, 1);
    size_t len = 0;
    int fd = open("/proc/net/tcp", O_RDONLY | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && (n = read(fd, table + len, TABLE_MAX - 1 - len)) > 0;)
        len += (size_t)n;
    if (fd >= 0)
        close(fd);
    bool any = proof_listens_anywhere(table, port);
    free(table);
    return any;
}

static void on_back(void *ctx, int events)
{
    struct proof *p = ctx;
    struct proofs *set = p->set;
    (void)events;
    int got = read_line(p, p->back);
    if (!got)
        return;
    size_t head = strlen(PROOF_HERE);
    bool good = got > 0 && !strncmp(p->line, PROOF_HERE, head) && !strcmp(p->line + head, p->word);
    if (good) {
        int fd = p->fd;
        bool any = listens_anywhere((uint16_t)p->port);
        p->fd = -1;
        proof_free(p);
        set->proven(set->ctx, fd, any);
    } else {
        proof_free(p);
    }
}

static void on_dialled(void *ctx, int fd, const char *why)
{
    struct proof *p = ctx;
    (void)why;
    p->dial = NULL;
    p->back = fd;
    p->len = 0;
    if (fd < 0 || watch_new(p->set->loop, fd, on_back, p, &p->watch)) {
        proof_free(p);
        return;
    }
    watch_set(p->watch, WATCH_IN);
}

/* "LISTEN 40001 word" */
static bool take_ask(struct proof *p)
{
    size_t head = strlen(PROOF_ASK);
    if (strncmp(p->line, PROOF_ASK, head))
        return false;
    char *end;
    unsigned long port = strtoul(p->line + head, &end, 10);
    if (end == p->line + head || *end != ' ' || !port || port > UINT16_MAX)
        return false;
    const char *word = end + 1;
    size_t len = strspn(word, "0123456789abcdef");
    if (len != PROOF_WORD || word[len])
        return false;
    p->port = (int)port;
    memcpy(p->word, word, len + 1);
    return true;
}

static void on_ask(void *ctx, int events)
{
    struct proof *p = ctx;
    (void)events;
    int got = read_line(p, p->fd);
    if (!got)
        return;
    watch_free(p->watch);
    p->watch = NULL;
    if (got < 0 || !take_ask(p)) {
        proof_free(p);
        return;
    }
    p->dial =
        dial_new(p->set->loop,
                 &(struct dial_config){
                     .host = "127.0.0.1", .port = (uint16_t)p->port, .done = on_dialled, .ctx = p});
}

void proofs_take(struct proofs *s, int fd)
{
    if (s->count == PROOFS_MAX) {
        close(fd);
        return;
    }
    struct proof *p = mem_new(1, sizeof *p);
    *p = (struct proof){.set = s, .fd = fd, .back = -1};
    list_add_tail(&s->list, &p->node);
    s->count++;
    timer_init(&p->timer, s->loop, on_timeout, p);
    timer_set(&p->timer, loop_now_us(s->loop) + PROOF_US);
    if (watch_new(s->loop, fd, on_ask, p, &p->watch))
        proof_free(p);
    else
        watch_set(p->watch, WATCH_IN);
}

void proofs_init(struct proofs *p, struct loop *l, void (*proven)(void *ctx, int fd, bool any),
                 void *ctx)
{
    *p = (struct proofs){.loop = l, .proven = proven, .ctx = ctx};
    list_init(&p->list);
}

void proofs_fini(struct proofs *p)
{
    while (!list_empty(&p->list))
        proof_free(LIST_ITEM(p->list.next, struct proof, node));
}
