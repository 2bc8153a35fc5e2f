#include "boot/ssh.h"

#include "base/mem.h"
#include "boot/sshconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the configuration may ask for and the bootstrap must not do (openssh-mux.md §2).
 * LocalCommand stays: the bootstrap is the login that it belongs to. First value wins, so these
 * stand before the user's. */
static const char overrides[] =
    " -T -o ClearAllForwardings=yes -o RemoteCommand=none -o RequestTTY=no -o SessionType=default"
    " -o ForkAfterAuthentication=no -o StdinNull=no -o EscapeChar=none -o Tunnel=no";

static void put_lent(struct buf *out, const struct ssh *s, bool ask)
{
    if (ask && s->x11)
        buf_printf(out, " -o ForwardX11=yes -o ForwardX11Trusted=%s",
                   s->x11_trusted ? "yes" : "no");
    else
        buf_put_text(out, " -o ForwardX11=no");
    buf_put_text(out, " -o ForwardAgent=");
    ssh_quote(out, ask && s->agent ? s->agent : "no");
}

/* Looks for tern-server as a login's PATH would have it; no newline and no '!', for csh. */
static const char finder[] =
    "for p in tern-server \"$HOME/.local/bin/tern-server\" /usr/local/bin/tern-server; do "
    "if command -v \"$p\" >/dev/null 2>&1; then exec \"$p\" \"$@\"; fi; done; ";

void ssh_quote(struct buf *out, const char *word)
{
    buf_put_u8(out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_put_text(out, "'\\''");
        else
            buf_put_u8(out, (uint8_t)*word);
    }
    buf_put_u8(out, '\'');
}

static void put_words(struct buf *out, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_put_u8(out, ' ');
        ssh_quote(out, words[i]);
    }
}

static void put_socket(struct buf *out, const struct ssh *s, const char *master)
{
    if (!s->socket[0]) {
        buf_put_text(out, " -o ControlMaster=no -o ControlPath=none -o ControlPersist=no");
        return;
    }
    buf_printf(out, " -o ControlMaster=%s -o ControlPersist=no -o ControlPath=", master);
    ssh_quote(out, s->socket);
}

static void put_host(struct buf *out, const struct ssh *s)
{
    buf_put_text(out, " -- ");
    ssh_quote(out, s->args->host);
    buf_put_u8(out, ' ');
}

/* The remote side's command: sh -c 'script' sh, behind which ssh joins the words that boot
 * appends. No exec: a restricted shell forbids it, and the others fork at most once more. Without a
 * server the script goes on with `otherwise`. */
static void put_remote(struct buf *out, const struct ssh *s, const char *otherwise)
{
    struct buf script, command;
    buf_init(&script, 1u << 16);
    buf_init(&command, 1u << 17);
    if (s->server && !s->skip_server) {
        buf_printf(&script, "exec %s \"$@\"", s->server);
    } else {
        if (!s->skip_server)
            buf_put_text(&script, finder);
        buf_put_text(&script, otherwise);
    }
    buf_put_u8(&script, 0);
    buf_put_text(&command, "sh -c ");
    ssh_quote(&command, buf_err(&script) ? "exit 127" : (const char *)buf_data(&script));
    buf_put_text(&command, " sh");
    buf_put_u8(&command, 0);
    ssh_quote(out, buf_err(&command) ? "exit 127" : (const char *)buf_data(&command));
    buf_fini(&script);
    buf_fini(&command);
}

void ssh_command(struct buf *out, const struct ssh *s, enum ssh_login how)
{
    buf_printf(out, "exec %s", s->program);
    buf_put_text(out, overrides);
    put_lent(out, s, how != SSH_AGAIN);
    if (how != SSH_FIRST)
        buf_put_text(out, " -o BatchMode=yes -o ConnectTimeout=15 -o PermitLocalCommand=no");
    if (how == SSH_AGAIN)
        buf_put_text(out, " -o ControlMaster=no -o ControlPath=none");
    else
        put_socket(out, s, how == SSH_FIRST ? "yes" : "no");
    put_words(out, s->args->pass, s->args->pass_n);
    put_host(out, s);
    char otherwise[200];
    snprintf(otherwise, sizeof otherwise,
             "m=$(command -v mosh-server); echo; echo TERN-NONE %s \"${m:-none}\"; exec cat "
             ">/dev/null",
             s->mark);
    put_remote(out, s, otherwise);
}

void ssh_server_command(struct buf *out, const struct ssh *s, const char *const *words)
{
    buf_printf(out, "exec %s", s->program);
    buf_put_text(out, overrides);
    put_lent(out, s, false);
    buf_put_text(out, " -o ControlMaster=no -o ControlPath=none -o PermitLocalCommand=no");
    put_words(out, s->args->pass, s->args->pass_n);
    put_host(out, s);
    put_remote(out, s, "echo tern: no tern-server was found there >&2; exit 127");
    for (; *words; words++) {
        struct buf quoted;
        buf_init(&quoted, 1u << 12);
        ssh_quote(&quoted, *words);
        buf_put_u8(&quoted, 0);
        buf_put_u8(out, ' ');
        ssh_quote(out, buf_err(&quoted) ? "" : (const char *)buf_data(&quoted));
        buf_fini(&quoted);
    }
}

void ssh_shared_command(struct buf *out, const struct ssh *s, const char *remote)
{
    buf_printf(out, "exec %s", s->program);
    put_socket(out, s, "no");
    if (remote) {
        buf_put_text(out, overrides);
        put_lent(out, s, false);
        buf_put_text(out, " -n");
        put_words(out, s->args->pass, s->args->pass_n);
        put_host(out, s);
        ssh_quote(out, remote);
        return;
    }
    put_words(out, s->args->all, s->args->all_n);
}

void ssh_probe_command(struct buf *out, const struct ssh *s)
{
    buf_printf(out, "exec %s -F none -T -n -q -o ProxyCommand=false", s->program);
    put_socket(out, s, "no");
    buf_put_text(out, " master : >/dev/null 2>&1");
}

void ssh_pass_command(struct buf *out, const struct ssh *s, const char *at)
{
    buf_printf(out, "exec %s -F none -T -q -o ProxyCommand=false", s->program);
    put_socket(out, s, "no");
    buf_put_text(out, " -W ");
    ssh_quote(out, at);
    buf_put_text(out, " master");
}

void ssh_forward_command(struct buf *out, const struct ssh *s, bool cancel,
                         const char *const *forwards, size_t n)
{
    buf_printf(out, "exec %s -F none -T -n%s -o ProxyCommand=false", s->program,
               cancel ? " -q" : "");
    put_socket(out, s, "no");
    for (size_t i = 0; i < n; i++) {
        buf_put_text(out, " -o ");
        ssh_quote(out, forwards[i]);
    }
    buf_printf(out, " -O %s master", cancel ? "cancel" : "forward");
}

bool ssh_none(const struct ssh *s, const char *text, char *mosh, size_t size)
{
    char mark[SSH_MARK + 16];
    int n = snprintf(mark, sizeof mark, "TERN-NONE %s ", s->mark);
    const char *at = strstr(text, mark);
    if (!at)
        return false;
    at += n;
    size_t len = strcspn(at, "\n");
    if (at[len] != '\n')
        return false;
    if (len >= size || *at != '/')
        len = 0;
    memcpy(mosh, at, len);
    mosh[len] = 0;
    return true;
}

/* Run it by sh with its stdout read; stdin and stderr are ours (ssh complains about a stdin that is
 * no terminal, and reads none for this). */
static int capture(const char *command, struct buf *out, int *status)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return ERR_SYS;
    pid_t pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return ERR_SYS;
    }
    if (pid == 0) {
        dup2(fds[1],
             1); /* stdin stays: ssh complains of one that is no terminal, and does not read it */
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    for (;;) {
        uint8_t *to = buf_reserve(out, 4096);
        ssize_t n = to ? read(fds[0], to, 4096) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        buf_commit(out, (size_t)n);
    }
    close(fds[0]);
    int how;
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 255;
    return ERR_OK;
}

int ssh_config(const struct ssh *s, struct sshconf *out, int *status)
{
    struct buf command, text;
    buf_init(&command, 1u << 20);
    buf_init(&text, SSHCONF_TEXT_MAX);
    *out = (struct sshconf){0};
    buf_printf(&command, "exec %s -G", s->program);
    if (s->control_path) {
        buf_put_text(&command, " -o ");
        struct buf option;
        buf_init(&option, 4096);
        buf_printf(&option, "ControlPath=%s", s->control_path);
        buf_put_u8(&option, 0);
        ssh_quote(&command,
                  buf_err(&option) ? "ControlPath=none" : (const char *)buf_data(&option));
        buf_fini(&option);
    }
    if (s->args->control) {
        buf_put_text(&command, " -T"); /* else it speaks of terminals */
        put_words(&command, s->args->but_control, s->args->but_control_n);
        buf_put_text(&command, " -- ");
        ssh_quote(&command, s->args->host);
    } else {
        put_words(&command, s->args->all, s->args->all_n);
    }
    buf_put_u8(&command, 0);
    int err = buf_err(&command);
    if (!err)
        err = capture((const char *)buf_data(&command), &text, status);
    if (!err && *status)
        err = ERR_STATE;
    if (!err)
        sshconf_parse(out, (const char *)buf_data(&text), buf_len(&text));
    buf_fini(&command);
    buf_fini(&text);
    return err;
}

bool ssh_wants_tty(const struct sshargs *a, const struct sshconf *c, bool stdin_tty)
{
    int want = a->tty ? a->tty : c->request_tty;
    if (want < 0 || c->session_none)
        return false;
    if (want >= 2)
        return true;
    if (!want && (a->command_n || c->remote_command))
        return false;
    return stdin_tty && !c->stdin_null;
}
