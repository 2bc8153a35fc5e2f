#include "client/login.h"

#include "base/mem.h"
#include "boot/sshpeer.h"
#include "fwd/proof.h"
#include "io/harden.h"
#include "io/osrandom.h"
#include "io/run.h"
#include "io/signals.h"
#include "link/start.h"
#include "io/sockaddr.h"
#include "io/sockdir.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MAX (1u << 20)
#define NOISE_MAX   8192

struct login {
    struct ssh ssh;
    struct sshconf conf;
    const struct log *log;
    struct sockdir dir;
    char socket[SOCKDIR_NAME];
    char what[120];
    char *command, *rejoin, *share, *remote; /* made when first asked for */
    struct sshconf_list env;
    char noise[NOISE_MAX]; /* the newest output, for the mark in it */
    size_t noise_len;
    char mosh[256]; /* path of mosh-server, "" = none */
    uint16_t port_low, port_high;
};

static void choose_mark(struct ssh *s, const struct entropy *e)
{
    uint8_t random[SSH_MARK / 2];
    e->fill(e->ctx, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(s->mark + 2 * i, 3, "%02x", random[i]);
}

/* The private master's socket; without a folder for it, falling back costs a second login. */
static void choose_socket(struct login *l)
{
    char why[SOCKDIR_ERROR];
    if (sockdir_open(&l->dir, why)) {
        log_line(l->log, LOG_WARN, "login", "no private master: %s", why);
        return;
    }
    snprintf(l->socket, sizeof l->socket, "m-%d", (int)getpid());
    snprintf(l->ssh.socket, sizeof l->ssh.socket, "%s/%s", l->dir.path, l->socket);
}

struct login *login_new(const struct login_config *c, int *status)
{
    struct login *l = mem_new(1, sizeof *l);
    l->log = c->log;
    l->port_low = c->port_low;
    l->port_high = c->port_high;
    l->ssh = (struct ssh){.program = c->program ? c->program : "ssh",
                          .args = c->args,
                          .server = c->server,
                          .control_path = c->control_path,
                          .skip_server = c->mosh};
    snprintf(l->what, sizeof l->what, "tern-server on %.90s", c->args->host);
    choose_mark(&l->ssh, &c->entropy);
    *status = 255;
    int err = ssh_config(&l->ssh, &l->conf, status);
    if (err) {
        if (err != ERR_STATE)
            fprintf(stderr, "tern: cannot run %s: %s\n", l->ssh.program, strerror(errno));
        login_free(l);
        return NULL;
    }
    choose_socket(l);
    return l;
}

void login_free(struct login *l)
{
    if (!l)
        return;
    if (l->socket[0])
        sockdir_remove(&l->dir, l->socket);
    sshconf_fini(&l->conf);
    free(l->command);
    free(l->rejoin);
    free(l->share);
    free(l->remote);
    sshconf_list_fini(&l->env);
    free(l);
}

void login_leave(struct login *l)
{
    l->socket[0] = 0;
}

const struct sshconf *login_conf(const struct login *l)
{
    return &l->conf;
}

bool login_wants_tty(const struct login *l, bool stdin_tty)
{
    return ssh_wants_tty(l->ssh.args, &l->conf, stdin_tty);
}

static char *take_text(struct buf *b)
{
    buf_put_u8(b, 0);
    char *text = buf_err(b) ? mem_text("exit 255", 8) : mem_text(buf_data(b), buf_len(b));
    buf_fini(b);
    return text;
}

/* Become sh with this text, which is freed. */
static int exec_text(char *text)
{
    harden_restore();
    execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    fprintf(stderr, "tern: cannot run /bin/sh: %s\n", strerror(errno));
    free(text);
    return 255;
}

int login_exec_server(const struct login_config *c, const char *const *words)
{
    struct ssh s = {
        .program = c->program ? c->program : "ssh", .args = c->args, .server = c->server};
    struct buf b;
    buf_init(&b, COMMAND_MAX);
    ssh_server_command(&b, &s, words);
    return exec_text(take_text(&b));
}

const char *login_host(const struct login *l)
{
    return l->ssh.args->host;
}

int login_exec_plain(const char *program, const struct sshargs *a)
{
    struct buf b;
    buf_init(&b, COMMAND_MAX);
    buf_printf(&b, "exec %s", program ? program : "ssh");
    for (size_t i = 0; i < a->all_n; i++) {
        buf_put_u8(&b, ' ');
        ssh_quote(&b, a->all[i]);
    }
    return exec_text(take_text(&b));
}

int login_run_alone(const struct login *l)
{
    return login_exec_plain(l->ssh.program, l->ssh.args);
}

void login_lend(struct login *l, struct lend *out, bool session)
{
    const struct sshargs *a = l->ssh.args;
    lend_find(out, &l->conf, (session || a->lends || a->verbose) && !a->quiet);
    l->ssh.x11 = out->wanted & START_FORWARD_X11;
    l->ssh.x11_trusted = l->conf.x11_trusted;
    l->ssh.agent = out->wanted & START_FORWARD_AGENT ? l->conf.agent_socket : NULL;
}

const char *login_command(struct login *l)
{
    struct buf b;
    if (!l->command) {
        buf_init(&b, COMMAND_MAX);
        ssh_command(&b, &l->ssh, SSH_FIRST);
        l->command = take_text(&b);
    }
    return l->command;
}

const char *login_rejoin_command(struct login *l)
{
    struct buf b;
    if (!l->rejoin) {
        buf_init(&b, COMMAND_MAX);
        ssh_command(&b, &l->ssh, SSH_AGAIN);
        l->rejoin = take_text(&b);
    }
    return l->rejoin;
}

const char *login_share_command(struct login *l)
{
    struct buf b;
    if (!l->share && l->ssh.socket[0]) {
        buf_init(&b, COMMAND_MAX);
        ssh_command(&b, &l->ssh, SSH_SHARED);
        l->share = take_text(&b);
    }
    return l->share;
}

const char *login_what(const struct login *l)
{
    return l->what;
}

const char *login_remote(struct login *l)
{
    const struct sshargs *a = l->ssh.args;
    if (!a->command_n)
        return l->conf.remote_command;
    if (!l->remote) {
        struct buf b;
        buf_init(&b, COMMAND_MAX);
        for (size_t i = 0; i < a->command_n; i++)
            buf_printf(&b, "%s%s", i ? " " : "", a->command[i]);
        l->remote = take_text(&b);
    }
    return l->remote;
}

const char *const *login_env(struct login *l)
{
    if (!l->env.item) {
        sshconf_env(&l->conf, environ, &l->env);
        l->env.item = mem_resize(l->env.item, l->env.count + 1, sizeof *l->env.item);
        l->env.item[l->env.count] = NULL;
    }
    return (const char *const *)l->env.item;
}

/* ---- where to send ---- */

struct places {
    struct addr *out;
    size_t max, count;
    uint16_t port;
};

static void add_place(struct places *p, struct addr a)
{
    a.port = p->port;
    for (size_t i = 0; i < p->count; i++)
        if (addr_equal(&p->out[i], &a))
            return;
    if (p->count < p->max && a.family != ADDR_NONE)
        p->out[p->count++] = a;
}

static void add_resolved(struct places *p, const char *name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *all = NULL;
    if (getaddrinfo(name, NULL, &hints, &all))
        return;
    for (struct addrinfo *i = all; i; i = i->ai_next) {
        struct sockaddr_storage ss = {0};
        struct addr a;
        if (i->ai_addrlen > sizeof ss)
            continue;
        memcpy(&ss, i->ai_addr, i->ai_addrlen);
        if (!sockaddr_get(&ss, &a))
            add_place(p, a);
    }
    freeaddrinfo(all);
}

/* True if ssh itself went to a private address: then those of the server may lead there too. */
static bool add_own(const struct login *l, pid_t ssh_pid, struct places *p)
{
    struct addr peer;
    bool private = false;
    if (l->conf.proxy)
        return false;
    if (!sshpeer_of(ssh_pid, &peer)) {
        private = addr_private(&peer);
        add_place(p, peer);
    }
    if (l->conf.hostname)
        add_resolved(p, l->conf.hostname);
    return private;
}

size_t login_candidates(const struct login *l, pid_t ssh_pid, const struct connect *c,
                        struct addr *out, size_t max)
{
    struct places p = {.out = out, .max = max, .port = c->port};
    bool private = add_own(l, ssh_pid, &p);
    for (size_t i = 0; i < c->addr_count; i++)
        if (private || !addr_private(&c->addrs[i]))
            add_place(&p, c->addrs[i]);
    return p.count;
}

/* ---- forwards ---- */

/* Run this by sh and wait. Its exit status, or negative. */
static int run_command(struct buf *command, int err_fd, char *text, size_t size)
{
    char *words = take_text(command);
    const char *const argv[] = {"sh", "-c", words, NULL};
    int status =
        run_ask(&(struct run){.argv = argv, .fds = {-1, -1, err_fd}}, LOGIN_ASK_US, text, size);
    free(words);
    return status;
}

static int ask_quietly(struct buf *command, char *text, size_t size)
{
    return run_command(command, -1, text, size);
}

/* What is said by who accepts us on that socket of ours. */
static void read_socket(struct login *l, const char *name, char *text, size_t size)
{
    int fd;
    size_t len = 0;
    uint64_t until = clock_boot_us() + LOGIN_ASK_US;
    if (sockdir_connect(&l->dir, name, &fd))
        return;
    while (len + 1 < size) {
        uint64_t now = clock_boot_us();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= until || poll(&p, 1, (int)((until - now) / 1000 + 1)) <= 0)
            break;
        ssize_t n = read(fd, text + len, size - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    text[len] = 0;
    close(fd);
}

/* ssh -W of 9.2 takes no path through a master (openssh-mux.md §5), so it listens for us. */
static void ask_by_socket(struct login *l, const char *at, char *text, size_t size)
{
    char name[SOCKDIR_NAME], forward[2 * SSH_PATH + 64];
    const char *const list[] = {forward};
    struct buf b;
    snprintf(name, sizeof name, "f-%d", (int)getpid());
    snprintf(forward, sizeof forward, "LocalForward=%s/%s %s", l->dir.path, name, at);
    sockdir_remove(&l->dir, name);
    buf_init(&b, COMMAND_MAX);
    ssh_forward_command(&b, &l->ssh, false, list, 1);
    if (ask_quietly(&b, NULL, 0) == 0)
        read_socket(l, name, text, size);
    buf_init(&b, COMMAND_MAX);
    ssh_forward_command(&b, &l->ssh, true, list, 1);
    ask_quietly(&b, NULL, 0);
    sockdir_remove(&l->dir, name);
}

bool login_pass(struct login *l, const char *at, char out[static PASS_TEXT])
{
    char text[256] = "";
    struct buf b;
    if (!l->ssh.socket[0])
        return false;
    if (*at == '/') {
        ask_by_socket(l, at, text, sizeof text);
    } else {
        buf_init(&b, COMMAND_MAX);
        ssh_pass_command(&b, &l->ssh, at);
        ask_quietly(&b, text, sizeof text);
    }
    bool good = pass_read(text, out, NULL);
    mem_wipe(text, sizeof text);
    return good;
}

/* ---- listening there ---- */

struct proof {
    char path[SSH_PATH]; /* of our socket, to which sshd's port leads */
    int listener;
    char word[PROOF_WORD + 1];
    char forward[SSH_PATH + 64];
};

static bool proof_open(struct login *l, struct proof *p, const char *bind_at)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    uint8_t random[PROOF_WORD / 2];
    struct entropy e = osrandom();
    e.fill(e.ctx, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(p->word + 2 * i, 3, "%02x", random[i]);
    snprintf(p->path, sizeof p->path, "%s/r-%d", l->dir.path, (int)getpid());
    snprintf(a.sun_path, sizeof a.sun_path, "%s", p->path);
    snprintf(p->forward, sizeof p->forward, "RemoteForward=%s:0 %s", bind_at, p->path);
    unlink(p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return p->listener >= 0 && !bind(p->listener, (struct sockaddr *)&a, sizeof a) &&
           !listen(p->listener, 4);
}

/* Whoever came through sshd's port hears the word. */
static void proof_answer(const struct proof *p)
{
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    dprintf(fd, PROOF_HERE "%s\n", p->word);
    close(fd);
}

/* Say it to who listens at `at`, and read the answer, while our socket is served. */
static void proof_talk(struct login *l, const struct proof *p, const char *at, const char *port,
                       char *text, size_t size)
{
    struct buf b;
    int in[2], out[2];
    size_t len = 0;
    if (pipe2(in, O_CLOEXEC))
        return;
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return;
    }
    buf_init(&b, COMMAND_MAX);
    ssh_pass_command(&b, &l->ssh, at);
    char *words = take_text(&b);
    const char *const argv[] = {"sh", "-c", words, NULL};
    pid_t pid = run_start(&(struct run){.argv = argv, .fds = {in[0], out[1], -1}});
    free(words);
    close(in[0]);
    close(out[1]);
    dprintf(in[1], PROOF_ASK "%s %s\n", port, p->word);
    close(in[1]);
    uint64_t until = clock_boot_us() + LOGIN_ASK_US;
    while (pid > 0 && len + 1 < size && !memchr(text, '\n', len)) {
        uint64_t now = clock_boot_us();
        struct pollfd f[] = {{.fd = out[0], .events = POLLIN},
                             {.fd = p->listener, .events = POLLIN}};
        if (now >= until || poll(f, 2, (int)((until - now) / 1000 + 1)) <= 0)
            break;
        if (f[1].revents)
            proof_answer(p);
        ssize_t n = f[0].revents ? read(out[0], text + len, size - 1 - len) : 1;
        if (n <= 0)
            break;
        len += f[0].revents ? (size_t)n : 0;
    }
    text[len] = 0;
    close(out[0]);
    int status;
    if (pid > 0 && !run_wait(pid, 1000000, &status)) {
        kill(pid, SIGKILL);
        run_wait(pid, 1000000, &status);
    }
}

bool login_listen_pass(struct login *l, const char *at, const char *bind_at,
                       char out[static PASS_TEXT], bool *any)
{
    struct proof p = {.listener = -1};
    const char *const list[] = {p.forward};
    char port[16] = "", text[256] = "";
    struct buf b;
    if (!l->ssh.socket[0])
        return false;
    if (proof_open(l, &p, bind_at)) {
        buf_init(&b, COMMAND_MAX);
        ssh_forward_command(&b, &l->ssh, false, list, 1);
        if (ask_quietly(&b, port, sizeof port) == 0) {
            port[strspn(port, "0123456789")] = 0;
            proof_talk(l, &p, at, port, text, sizeof text);
        }
        buf_init(&b, COMMAND_MAX);
        ssh_forward_command(&b, &l->ssh, true, list, 1);
        ask_quietly(&b, NULL, 0);
    }
    if (p.listener >= 0)
        close(p.listener);
    unlink(p.path);
    bool good = pass_read(text, out, any);
    mem_wipe(text, sizeof text);
    return good;
}

void login_clean(const struct login *l, pid_t asked)
{
    static const char kinds[] = "fr";
    char name[SOCKDIR_NAME];
    for (const char *k = kinds; *k && l->ssh.socket[0]; k++) {
        snprintf(name, sizeof name, "%c-%d", *k, (int)asked);
        sockdir_remove(&l->dir, name);
    }
}

int login_hand_over(struct login *l, const char *const *forwards, size_t n, char *ports,
                    size_t size)
{
    struct buf b;
    if (!l->ssh.socket[0]) {
        fprintf(stderr, "tern: there is no private connection of ssh for forwards\n");
        return ERR_STATE;
    }
    buf_init(&b, COMMAND_MAX);
    ssh_forward_command(&b, &l->ssh, false, forwards, n);
    return run_command(&b, STDERR_FILENO, ports, size) == 0 ? ERR_OK : ERR_STATE;
}

int login_take_back(struct login *l, const char *const *forwards, size_t n)
{
    struct buf b;
    if (!l->ssh.socket[0])
        return ERR_STATE;
    buf_init(&b, COMMAND_MAX);
    ssh_forward_command(&b, &l->ssh, true, forwards, n);
    return ask_quietly(&b, NULL, 0) == 0 ? ERR_OK : ERR_STATE;
}

/* ---- no tern-server there ---- */

bool login_missing(struct login *l, const char *text)
{
    size_t len = strlen(text);
    if (len >= NOISE_MAX) {
        text += len - (NOISE_MAX - 1);
        len = NOISE_MAX - 1;
    }
    if (l->noise_len + len >= NOISE_MAX) {
        size_t drop = l->noise_len + len - (NOISE_MAX - 1);
        memmove(l->noise, l->noise + drop, l->noise_len - drop);
        l->noise_len -= drop;
    }
    memcpy(l->noise + l->noise_len, text, len);
    l->noise_len += len;
    l->noise[l->noise_len] = 0;
    return ssh_none(&l->ssh, l->noise, l->mosh, sizeof l->mosh);
}

bool login_has_mosh(const struct login *l)
{
    return l->mosh[0] != 0;
}

/* Where the host allows one session a login (MaxSessions 1), what follows is a login of its own.
 * ssh would do that by itself, but without a word that a user understands. */
static void check_master(struct login *l)
{
    struct buf b;
    if (!l->ssh.socket[0])
        return;
    buf_init(&b, COMMAND_MAX);
    ssh_probe_command(&b, &l->ssh);
    char *text = take_text(&b);
    FILE *f = popen(text, "re");
    free(text);
    if (!f || pclose(f) == 0)
        return;
    fprintf(stderr, "tern: that host allows one session a login (MaxSessions): logging in again\n");
    l->ssh.socket[0] = 0;
}

/* mosh-server's own words for a session as ours would be, with `locale` to fall back on. */
static void put_mosh_server(struct login *l, const char *locale, struct buf *b)
{
    ssh_quote(b, l->mosh);
    buf_put_text(b, " new -c 256 -s");
    if (l->port_low)
        buf_printf(b, " -p %u:%u", l->port_low, l->port_high);
    for (const char *const *e = login_env(l); *e && !locale; e++) {
        if (strncmp(*e, "LANG", 4) && strncmp(*e, "LC_", 3))
            continue;
        buf_put_text(b, " -l ");
        ssh_quote(b, *e);
    }
    if (locale)
        buf_printf(b, " -l LC_ALL=%s", locale);
    const char *remote = login_remote(l);
    if (remote) {
        buf_put_text(b, " -- sh -c ");
        ssh_quote(b, remote);
    }
}

/* It refuses to start without a UTF-8 locale (mosh-protocol.md §1.2), so the usual ones are tried
 * in turn; only the last refusal is shown. One text for `sh -c`, so that the login's shell does not
 * matter. */
static char *mosh_command(struct login *l)
{
    static const char *const locales[] = {NULL, "C.UTF-8", "en_US.UTF-8"};
    struct buf script, b;
    buf_init(&script, COMMAND_MAX);
    for (size_t i = 0; i < 3; i++) {
        put_mosh_server(l, locales[i], &script);
        buf_put_text(&script, i < 2 ? " 2>/dev/null || " : "");
    }
    char *text = take_text(&script);
    buf_init(&b, COMMAND_MAX);
    buf_put_text(&b, "sh -c ");
    ssh_quote(&b, text);
    free(text);
    return take_text(&b);
}

int login_start_mosh(struct login *l, pid_t ssh_pid, struct connect_stock *out, struct addr *addrs,
                     size_t max, size_t *count)
{
    struct buf command;
    check_master(l);
    char *remote = mosh_command(l);
    buf_init(&command, COMMAND_MAX);
    ssh_shared_command(&command, &l->ssh, remote);
    char *text = take_text(&command);
    free(remote);
    FILE *f = popen(text, "re");
    free(text);
    char line[512];
    int got = ERR_STATE;
    while (f && got != 0 && fgets(line, sizeof line, f)) {
        size_t used;
        got = connect_stock_find((const uint8_t *)line, strlen(line), out, &used) == 1 ? 0
                                                                                       : ERR_STATE;
    }
    mem_wipe(line, sizeof line);
    if (f)
        pclose(f);
    if (got) {
        fprintf(stderr, "tern: %s on the far side did not start a session\n", l->mosh);
        return got;
    }
    struct places p = {.out = addrs, .max = max, .port = out->port};
    add_own(l, ssh_pid, &p);
    *count = p.count;
    if (p.count)
        return ERR_OK;
    fprintf(stderr,
            "tern: no address for UDP: the way to that host leads through a proxy, and a stock "
            "mosh-server has nothing but UDP\n");
    return ERR_STATE;
}

int login_run_plain(struct login *l)
{
    struct buf b;
    check_master(l);
    buf_init(&b, COMMAND_MAX);
    ssh_shared_command(&b, &l->ssh, NULL);
    char *text = take_text(&b);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        signals_reset();
        harden_restore();
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(127);
    }
    free(text);
    int how = 0;
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0 || !WIFEXITED(how))
        return 255;
    return WEXITSTATUS(how);
}
