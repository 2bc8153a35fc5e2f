#include "server/child.h"

#include "base/mem.h"
#include "server/env.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- environment ---- */

/* sshd sets these after it has heard the client, so that they are the login's. */
static const char *const of_login[] = {
    "USER", "LOGNAME", "HOME", "PATH", "MAIL", "SHELL", "TERM", "PWD", "OLDPWD", "SHLVL",
};

/* Left by the shell that ran the command of the bootstrap, and by systemd-run. */
static const char *const of_bootstrap[] = {
    "PWD", "OLDPWD", "SHLVL", "_", "INVOCATION_ID",
};

static bool name_valid(const char *var, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char digits[] = "0123456789";
    if (!len || !strchr(letters, *var))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!strchr(letters, var[i]) && !strchr(digits, var[i]))
            return false;
    return true;
}

static bool is_locale(const char *var)
{
    return !strncmp(var, "LANG=", 5) || !strncmp(var, "LANGUAGE=", 9) || !strncmp(var, "LC_", 3);
}

bool child_accepts(const char *var)
{
    size_t len = strcspn(var, "=");
    if (!var[len] || !name_valid(var, len))
        return false;
    for (size_t i = 0; i < sizeof of_login / sizeof *of_login; i++)
        if (strlen(of_login[i]) == len && !strncmp(var, of_login[i], len))
            return false;
    return strncmp(var, "LD_", 3) && strncmp(var, "SSH_", 4) && strncmp(var, "TERN_", 5) &&
           strncmp(var, "MOSH_", 5);
}

/* Words as one text, as ssh sends them. */
static void join_words(const struct start_list *words, struct buf *line)
{
    buf_init(line, START_RECORD_MAX + START_ARGV_MAX);
    for (size_t i = 0; i < words->count; i++) {
        if (i)
            buf_put_u8(line, ' ');
        buf_put_text(line, words->item[i]);
    }
    buf_put_u8(line, 0);
}

/* What the client asked for is told to what runs in its place. */
static void fill_original(struct child *c, const struct start_record *r, const char *forced)
{
    struct buf line;
    env_unset(&c->env, "SSH_ORIGINAL_COMMAND");
    if (!forced || !r->argv.count)
        return;
    join_words(&r->argv, &line);
    env_put(&c->env, "SSH_ORIGINAL_COMMAND", (const char *)buf_data(&line));
    buf_fini(&line);
}

/* Through ssh the client's variables have come already, as far as sshd accepts them (AcceptEnv):
 * they are in our own environment, and the record does not widen that. But for the locale, where
 * the host gave none that would do. Nor does it with a forced command, which BASH_ENV and its like
 * would undo. */
static void fill_client(struct child *c, const struct start_record *r, bool forced)
{
    bool own_zone = env_get(&c->env, "TZ") != NULL, own_locale = env_locale_utf8(&c->env);
    for (size_t i = 0; i < r->env.count; i++) {
        const char *var = r->env.item[i];
        if (!child_accepts(var) || (own_zone && !strncmp(var, "TZ=", 3)))
            continue;
        if ((!c->ssh && !forced) || (is_locale(var) && !own_locale))
            env_set(&c->env, var);
    }
}

static void fill_env(struct child *c, const struct start_record *r, const char *forced,
                     const struct passwd *pw)
{
    env_inherit(&c->env);
    for (size_t i = 0; i < sizeof of_bootstrap / sizeof *of_bootstrap; i++)
        env_unset(&c->env, of_bootstrap[i]);
    c->ssh = env_get(&c->env, "SSH_CONNECTION") && !env_get(&c->env, "SSH_TTY");
    env_unset(&c->env, "SSH_TTY"); /* the new terminal's name takes its place */
    fill_client(c, r, forced != NULL);
    fill_original(c, r, forced);
    if (pw) {
        env_put(&c->env, "USER", pw->pw_name);
        env_put(&c->env, "LOGNAME", pw->pw_name);
        env_put(&c->env, "SHELL", *pw->pw_shell ? pw->pw_shell : "/bin/sh");
        if (!env_get(&c->env, "HOME"))
            env_put(&c->env, "HOME", pw->pw_dir);
    }
    if (!env_get(&c->env, "PATH"))
        env_put(&c->env, "PATH", "/usr/local/bin:/usr/bin:/bin");
}

static void fill_terminal(struct child *c, const struct start_record *r)
{
    env_set(&c->env, "TERM=xterm-256color");
    if (r->colorterm && (!strcmp(r->colorterm, "truecolor") || !strcmp(r->colorterm, "24bit")))
        env_set(&c->env, "COLORTERM=truecolor");
    env_fix_locale(&c->env);
}

/* ---- program ---- */

/* A command is one text for the shell, `shell -c TEXT`. Words become it as ssh does it, so that
 * `tern host 'a; b'` works; one that came as a text stays as it is. */
static void fill_argv(struct child *c, const struct start_record *r, const char *forced)
{
    const char *shell = env_get(&c->env, "SHELL");
    if (!shell || !*shell)
        shell = "/bin/sh";
    const char *base = strrchr(shell, '/');
    base = base ? base + 1 : shell;
    c->login = !forced && !r->argv.count;
    c->file = mem_text(shell, strlen(shell));
    char name[256];
    snprintf(name, sizeof name, "%s%s", c->login ? "-" : "", base);
    start_list_add(&c->argv, name);
    if (c->login)
        return;
    struct buf line;
    join_words(&r->argv, &line);
    start_list_add(&c->argv, "-c");
    start_list_add(&c->argv, forced ? forced : (const char *)buf_data(&line));
    buf_fini(&line);
}

static char *copy(const char *text)
{
    return mem_text(text, strlen(text));
}

static void init(struct child *c, const struct start_record *r, const char *forced, bool terminal)
{
    *c = (struct child){0};
    const struct passwd *pw = getpwuid(getuid());
    fill_env(c, r, forced, pw);
    if (terminal)
        fill_terminal(c, r);
    fill_argv(c, r, forced);
    const char *home = env_get(&c->env, "HOME"), *user = env_get(&c->env, "USER");
    c->home = copy(home && *home ? home : "/");
    c->user = copy(user ? user : "");
    env_terminate(&c->env);
    env_terminate(&c->argv);
}

void child_init(struct child *c, const struct start_record *r, const char *forced)
{
    init(c, r, forced, true);
}

void child_init_command(struct child *c, const struct start_record *r, const char *forced)
{
    init(c, r, forced, false);
}

void child_set(struct child *c, const char *name, const char *value)
{
    env_put(&c->env, name, value);
    env_terminate(&c->env);
}

void child_fini(struct child *c)
{
    env_fini(&c->env);
    env_fini(&c->argv);
    free(c->file);
    free(c->home);
    free(c->user);
}

/* ---- what is shown before ---- */

/* 0, or why it cannot be entered. */
static int folder_errno(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return errno;
    if (!S_ISDIR(st.st_mode))
        return ENOTDIR;
    return access(path, X_OK) ? errno : 0;
}

void child_greet(const struct child *c, const struct lastlogin_files *f, const char *warning,
                 struct buf *out)
{
    int err = folder_errno(c->home);
    if (c->login && c->ssh && !motd_hushed(c->home)) {
        motd_read(out);
        lastlogin_read(f, getuid(), c->user, out);
        if (warning) {
            buf_put_text(out, warning);
            buf_put_text(out, "\r\n");
        }
    }
    if (err) {
        buf_put_text(out, "Could not chdir to home directory ");
        buf_put_text(out, c->home);
        buf_put_text(out, ": ");
        buf_put_text(out, strerror(err));
        buf_put_text(out, "\r\n");
    }
}
