#include "server/admin.h"

#include "base/mem.h"
#include "io/pipe.h"
#include "io/sockdir.h"
#include "server/control.h"
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* A server that does not answer within this is not waited for. */
#define ANSWER_MS     3000
#define LOCK_RETRY_MS 10
/* Who logs in is told so many names of what was left here. */
#define LEFT_NAMED 6

static int complain(const char *text)
{
    fprintf(stderr, "tern-server: %s\n", text);
    return 1;
}

static int write_all(int fd, const uint8_t *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        struct pollfd w = {.fd = fd, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN && poll(&w, 1, ANSWER_MS) == 1)
            continue;
        if (n <= 0)
            return ERR_SYS;
        p += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

/* Ask one server; *fd stays open when the answer was read (bytes behind it are in *rest). */
static int ask(const struct sockdir *d, const char *socket, const struct control_request *q,
               struct control_answer *a, int *fd, struct buf *rest)
{
    struct buf out;
    size_t used;
    int err = sockdir_connect(d, socket, fd);
    if (err)
        return err;
    buf_init(&out, CONTROL_MAX);
    control_put_request(&out, q);
    err = buf_err(&out);
    if (!err)
        err = write_all(*fd, buf_data(&out), buf_len(&out));
    buf_fini(&out);
    while (!err) {
        int got = control_get_answer(buf_data(rest), buf_len(rest), a, &used);
        if (got == 1) {
            buf_skip(rest, used);
            return ERR_OK;
        }
        struct pollfd p = {.fd = *fd, .events = POLLIN};
        uint8_t *to = buf_reserve(rest, 4096);
        ssize_t n = -1;
        if (got == 0 && to && poll(&p, 1, ANSWER_MS) == 1)
            n = read(*fd, to, 4096);
        if (n < 0 && (errno == EINTR || errno == EAGAIN) && got == 0 && to)
            continue;
        if (n <= 0)
            err = got < 0 ? got : ERR_STATE;
        else
            buf_commit(rest, (size_t)n);
    }
    close(*fd);
    *fd = -1;
    return err;
}

/* ask, and nothing of the connection is kept. */
static int ask_once(const struct sockdir *d, const char *socket, const struct control_request *q,
                    struct control_answer *a)
{
    struct buf rest;
    int fd = -1;
    buf_init(&rest, 2 * CONTROL_MAX);
    int err = ask(d, socket, q, a, &fd, &rest);
    if (fd >= 0)
        close(fd);
    buf_fini(&rest);
    return err;
}

struct found {
    char socket[SOCKDIR_NAME];
    struct control_session session;
};

struct survey {
    struct sockdir dir;
    struct found *found; /* owned */
    size_t count;
};

#define SURVEY_MAX 4096

static int survey_init(struct survey *v, char why[static SOCKDIR_ERROR])
{
    char names[SOCKDIR_LIST][SOCKDIR_NAME];
    *v = (struct survey){0};
    int err = sockdir_open(&v->dir, why);
    if (err)
        return err;
    size_t n = sockdir_list(&v->dir, "s-", names, SOCKDIR_LIST);
    struct control_answer *a = mem_new(1, sizeof *a);
    for (size_t i = 0; i < n; i++) {
        if (ask_once(&v->dir, names[i], &(struct control_request){.verb = CONTROL_LS}, a))
            continue;
        for (size_t k = 0; k < a->sessions && v->count < SURVEY_MAX; k++) {
            v->found = mem_resize(v->found, v->count + 1, sizeof *v->found);
            struct found *f = &v->found[v->count++];
            memcpy(f->socket, names[i], sizeof f->socket);
            f->session = a->session[k];
        }
    }
    free(a);
    return ERR_OK;
}

static void survey_fini(struct survey *v)
{
    free(v->found);
}

/* By name; an empty name: the one that somebody left most recently. */
static const struct found *survey_find(const struct survey *v, const char *name)
{
    const struct found *best = NULL;
    for (size_t i = 0; i < v->count; i++) {
        const struct found *f = &v->found[i];
        if (*name && !strcmp(f->session.name, name))
            return f;
        if (!*name && !f->session.attached && !f->session.bare &&
            (!best || f->session.away_s < best->session.away_s))
            best = f;
    }
    return best;
}

static int left_last(const void *a, const void *b)
{
    const struct control_session *x = *(const struct control_session *const *)a;
    const struct control_session *y = *(const struct control_session *const *)b;
    return (x->away_s > y->away_s) - (x->away_s < y->away_s);
}

/* One line for who logs in: what was left here, the newest first. */
static void tell_left(const struct survey *v)
{
    const struct control_session **left = mem_new(v->count + 1, sizeof *left);
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) {
        const struct control_session *c = &v->found[i].session;
        if (!c->attached && !c->bare)
            left[n++] = c;
    }
    qsort(left, n, sizeof *left, left_last);
    if (n)
        fprintf(stderr, "tern-server: still here, detached: ");
    for (size_t i = 0; i < n && i < LEFT_NAMED; i++)
        fprintf(stderr, "%s%s", i ? ", " : "", left[i]->name);
    if (n > LEFT_NAMED)
        fprintf(stderr, " and %zu more; tern --ls lists them\n", n - LEFT_NAMED);
    else if (n)
        fprintf(stderr, "; tern --attach NAME comes back\n");
    free(left);
}

int admin_choose_name(const char *wish, bool tell, char name[static SESSION_NAME_MAX + 1],
                      char why[static ADMIN_ERROR])
{
    struct survey v;
    char text[SOCKDIR_ERROR];
    int err = survey_init(&v, text);
    if (err) {
        snprintf(why, ADMIN_ERROR, "%s", text);
        return err;
    }
    if (*wish) {
        snprintf(name, SESSION_NAME_MAX + 1, "%s", wish);
        if (survey_find(&v, wish)) {
            snprintf(why, ADMIN_ERROR,
                     "a session named %.64s is running; use --attach %.64s, or another --name",
                     wish, wish);
            err = ERR_STATE;
        }
    } else {
        for (unsigned i = 1; i <= SURVEY_MAX + 1; i++) {
            snprintf(name, SESSION_NAME_MAX + 1, "%u", i);
            if (!survey_find(&v, name))
                break;
        }
    }
    if (!err && tell)
        tell_left(&v);
    survey_fini(&v);
    return err;
}

bool admin_lock_now(int *lock)
{
    struct sockdir d;
    char why[SOCKDIR_ERROR], path[SOCKDIR_PATH + sizeof "/lock"];
    if (*lock < 0 && !sockdir_open(&d, why)) {
        snprintf(path, sizeof path, "%s/lock", d.path);
        *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    return *lock < 0 ||
           !flock(*lock, LOCK_EX | LOCK_NB); /* nobody can have one that is not there */
}

int admin_lock(void)
{
    int lock = -1;
    for (int waited = 0; !admin_lock_now(&lock) && waited < ANSWER_MS; waited += LOCK_RETRY_MS)
        poll(NULL, 0, LOCK_RETRY_MS);
    return lock;
}

void admin_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

static int no_session(const char *name)
{
    if (*name)
        fprintf(stderr, "tern-server: no session named %s; tern --ls lists what is running\n",
                name);
    else
        complain("no session to attach to; tern --ls lists what is running");
    return 1;
}

static void print_age(uint64_t s)
{
    char text[32];
    if (s < 120)
        snprintf(text, sizeof text, "%llus", (unsigned long long)s);
    else if (s < 7200)
        snprintf(text, sizeof text, "%llum", (unsigned long long)s / 60);
    else if (s < 172800)
        snprintf(text, sizeof text, "%lluh", (unsigned long long)s / 3600);
    else
        snprintf(text, sizeof text, "%llud", (unsigned long long)s / 86400);
    printf("%-8s", text);
}

static void print_session(const struct control_session *c)
{
    char size[16];
    snprintf(size, sizeof size, "%ux%u", c->cols, c->rows);
    printf("%-16s %-10s ", c->name, size);
    print_age(c->age_s);
    if (c->exited && c->signal)
        printf("ended by signal %d", c->signal);
    else if (c->exited)
        printf("ended with status %d", c->status);
    else if (c->attached)
        printf("attached");
    else
        printf("detached");
    if (c->exited || !c->attached) {
        printf(" for ");
        print_age(c->away_s);
    }
    printf("\n");
}

int server_ls(void)
{
    struct survey v;
    char why[SOCKDIR_ERROR];
    if (survey_init(&v, why))
        return complain(why);
    size_t shown = 0;
    for (size_t i = 0; i < v.count; i++)
        shown += !v.found[i].session.bare;
    if (shown)
        printf("%-16s %-10s %-8s%s\n", "NAME", "SIZE", "AGE", "STATE");
    else
        fprintf(stderr, "no sessions\n"); /* for people; what scripts read stays empty */
    for (size_t i = 0; i < v.count; i++)
        if (!v.found[i].session.bare)
            print_session(&v.found[i].session);
    survey_fini(&v);
    return fflush(stdout) ? 1 : 0;
}

int server_kill(const char *name)
{
    struct survey v;
    char why[SOCKDIR_ERROR];
    if (survey_init(&v, why))
        return complain(why);
    const struct found *f = survey_find(&v, name);
    int status = 0;
    if (!f) {
        status = no_session(name);
    } else {
        struct control_answer *a = mem_new(1, sizeof *a);
        struct control_request q = {.verb = CONTROL_KILL};
        memcpy(q.session, f->session.name, sizeof q.session);
        if (ask_once(&v.dir, f->socket, &q, a) || !a->ok)
            status = complain(a->text[0] ? a->text : "the session's server does not answer");
        free(a);
    }
    survey_fini(&v);
    return status;
}

/* ---- relays ---- */

struct relay {
    struct loop *loop;
    struct pipe *near, *far;
    bool over;
};

static void relay_stop(void *ctx)
{
    struct relay *r = ctx;
    r->over = true;
    loop_stop(r->loop);
}

static void relay_failed(void *ctx, int sys_errno)
{
    (void)sys_errno;
    relay_stop(ctx);
}

/* A side that takes nothing stops the other side's reading: nothing is lost, the windows of the
 * ends do the rest. */
static void pass(struct pipe *from, struct pipe *to, const uint8_t *bytes, size_t len)
{
    pipe_write(to, bytes, len);
    if (pipe_room(to) < PIPE_READ)
        pipe_read(from, false);
}

static void near_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct relay *r = ctx;
    pass(r->near, r->far, bytes, len);
}

static void far_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct relay *r = ctx;
    pass(r->far, r->near, bytes, len);
}

static void near_drained(void *ctx)
{
    pipe_read(((struct relay *)ctx)->far, true);
}

static void far_drained(void *ctx)
{
    pipe_read(((struct relay *)ctx)->near, true);
}

#define RELAY_QUEUE (4 * PIPE_READ)

static int relay(int fd, const struct buf *rest)
{
    struct relay r = {.loop = loop_new()};
    struct pipe_ops near = {.data = near_data,
                            .eof = relay_stop,
                            .drained = near_drained,
                            .failed = relay_failed,
                            .ctx = &r};
    struct pipe_ops far = {.data = far_data,
                           .eof = relay_stop,
                           .drained = far_drained,
                           .failed = relay_failed,
                           .ctx = &r};
    int status = 0;
    if (!r.loop || pipe_new(r.loop, fd, fd, PIPE_OWN | PIPE_PAUSED, RELAY_QUEUE, &far, &r.far) ||
        pipe_new(r.loop, 0, 1, PIPE_PAUSED, RELAY_QUEUE, &near, &r.near)) {
        status = complain("cannot relay: too many open files?");
    } else {
        pipe_write(r.near, buf_data(rest), buf_len(rest));
        pipe_read(r.near, true);
        pipe_read(r.far, true);
        if (!r.over)
            loop_run(r.loop);
        pipe_flush(r.near, 1000000);
        pipe_flush(r.far, 1000000);
    }
    pipe_free(r.near);
    pipe_free(r.far);
    if (r.loop)
        loop_free(r.loop);
    return status;
}

/* What a login printed before ends here; the client looks for this line. */
static int print_join_mark(const struct control_request *q)
{
    char line[SESSION_NAME_MAX + 64];
    int n = snprintf(line, sizeof line, "\n" CONNECT_JOIN_MARK "%s.%u\n", q->session, q->route);
    return write_all(1, (const uint8_t *)line, (size_t)n) ? complain("cannot write to stdout") : 0;
}

/* Ask the owner of a session for something that leads to a relay. */
static int relay_to(const char *name, const struct control_request *verb)
{
    struct survey v;
    char why[SOCKDIR_ERROR];
    if (survey_init(&v, why))
        return complain(why);
    const struct found *f = survey_find(&v, name);
    if (!f) {
        survey_fini(&v);
        return no_session(name);
    }
    struct control_request q = *verb;
    memcpy(q.session, f->session.name, sizeof q.session);
    struct control_answer *a = mem_new(1, sizeof *a);
    struct buf rest;
    int fd = -1, status = 0;
    buf_init(&rest, 2 * CONTROL_MAX);
    signal(SIGPIPE, SIG_IGN);
    if (ask(&v.dir, f->socket, &q, a, &fd, &rest))
        status = complain("the session's server does not answer");
    else if (!a->ok)
        status = complain(a->text);
    else if (a->line_len && write_all(1, a->line, a->line_len))
        status = complain("cannot write the connect line to stdout");
    mem_wipe(a, sizeof *a);
    free(a);
    survey_fini(&v);
    if (!status && verb->verb == CONTROL_JOIN)
        status = print_join_mark(&q);
    if (!status)
        status = relay(fd, &rest);
    else if (fd >= 0)
        close(fd);
    buf_fini(&rest);
    return status;
}

int admin_attach(const char *name, const struct start_record *r)
{
    /* As in serve_passes. */
    bool forced = getenv("SSH_ORIGINAL_COMMAND") != NULL;
    struct control_request q = {.verb = CONTROL_ATTACH,
                                .history_lines = r->history_lines,
                                .forwards = forced ? 0 : r->forwards};
    memcpy(q.nonce, r->nonce, sizeof q.nonce);
    return relay_to(name, &q);
}

int server_join(const char *id, const struct log *log)
{
    (void)log;
    const char *dot = strrchr(id, '.');
    char name[SESSION_NAME_MAX + 1];
    char *end;
    unsigned long route = dot ? strtoul(dot + 1, &end, 10) : 0;
    if (!dot || dot == id || (size_t)(dot - id) > SESSION_NAME_MAX || !route || route > 8191 ||
        *end)
        return complain("--join takes SESSION.ROUTE");
    memcpy(name, id, (size_t)(dot - id));
    name[dot - id] = 0;
    return relay_to(name,
                    &(struct control_request){.verb = CONTROL_JOIN, .route = (uint16_t)route});
}
