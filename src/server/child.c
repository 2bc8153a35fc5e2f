#include "server/child.h"

#include "base/mem.h"
#include "io/hostlocale.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* What belongs to the terminal or multiplexer we were started from, not to the new one. */
static const char *const dropped[] = {
    "TERM",
    "COLORTERM",
    "TMUX",
    "TMUX_PANE",
    "STY",
    "WINDOW",
    "TERMCAP",
    "COLUMNS",
    "LINES",
    "WINDOWID",
    "VTE_VERSION",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "MOSH_KEY",
    "KITTY_WINDOW_ID",
};

static size_t name_len(const char *var)
{
    return strcspn(var, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t n = name_len(a);
    return n == name_len(b) && !memcmp(a, b, n);
}

/* Set "NAME=value", replacing an earlier one of that name. */
static void set_env(struct child *c, const char *var)
{
    for (size_t i = 0; i < c->env.count; i++) {
        if (!same_name(c->env.item[i], var))
            continue;
        free(c->env.item[i]);
        c->env.item[i] = mem_text(var, strlen(var));
        return;
    }
    if (c->env.count < START_ENV_MAX)
        start_list_add(&c->env, var);
}

static void unset_env(struct child *c, const char *name)
{
    for (size_t i = 0; i < c->env.count; i++) {
        if (!same_name(c->env.item[i], name))
            continue;
        free(c->env.item[i]);
        c->env.item[i] = c->env.item[--c->env.count];
        return;
    }
}

static const char *get_env(const struct child *c, const char *name)
{
    for (size_t i = 0; i < c->env.count; i++)
        if (same_name(c->env.item[i], name))
            return c->env.item[i] + name_len(name) + 1;
    return NULL;
}

static void set_pair(struct child *c, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *var = mem_new(size, 1);
    snprintf(var, size, "%s=%s", name, value);
    set_env(c, var);
    free(var);
}

/* Decoding and widths are ours; the program gets a UTF-8 locale where the host has one. */
static void set_locale(struct child *c)
{
    const char *name = get_env(c, "LC_ALL");
    if (!name || !*name)
        name = get_env(c, "LC_CTYPE");
    if (!name || !*name)
        name = get_env(c, "LANG");
    if (name && *name && hostlocale_is_utf8(name))
        return;
    const char *utf8 = hostlocale_utf8();
    if (!utf8)
        return;
    unset_env(c, "LC_ALL");
    set_pair(c, "LC_CTYPE", utf8);
}

static void fill_env(struct child *c, const struct start_record *r, const struct passwd *pw)
{
    for (char **e = environ; *e; e++)
        if (strchr(*e, '=') && **e != '=')
            set_env(c, *e);
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        unset_env(c, dropped[i]);
    for (size_t i = 0; i < r->env.count; i++)
        set_env(c, r->env.item[i]);
    if (pw) {
        set_pair(c, "USER", pw->pw_name);
        set_pair(c, "LOGNAME", pw->pw_name);
        set_pair(c, "SHELL", *pw->pw_shell ? pw->pw_shell : "/bin/sh");
        if (!get_env(c, "HOME"))
            set_pair(c, "HOME", pw->pw_dir);
    }
    if (!get_env(c, "PATH"))
        set_pair(c, "PATH", "/usr/local/bin:/usr/bin:/bin");
    set_env(c, "TERM=xterm-256color");
    if (r->colorterm && (!strcmp(r->colorterm, "truecolor") || !strcmp(r->colorterm, "24bit")))
        set_env(c, "COLORTERM=truecolor");
    set_locale(c);
}

/* The words of a command go to the shell as one line, as ssh does it: `tern host 'a; b'` works. */
static void add_command(struct child *c, const struct start_list *words)
{
    struct buf line;
    buf_init(&line, START_RECORD_MAX + START_ARGV_MAX);
    for (size_t i = 0; i < words->count; i++) {
        if (i)
            buf_put_u8(&line, ' ');
        buf_put_text(&line, words->item[i]);
    }
    buf_put_u8(&line, 0);
    start_list_add(&c->argv, "-c");
    start_list_add(&c->argv, (const char *)buf_data(&line));
    buf_fini(&line);
}

static void fill_argv(struct child *c, const struct start_record *r)
{
    const char *shell = get_env(c, "SHELL");
    if (!shell || !*shell)
        shell = "/bin/sh";
    const char *base = strrchr(shell, '/');
    base = base ? base + 1 : shell;
    char name[256];
    snprintf(name, sizeof name, "%s%s", r->argv.count ? "" : "-", base);
    start_list_add(&c->argv, name);
    c->file = mem_text(shell, strlen(shell));
    if (r->argv.count)
        add_command(c, &r->argv);
}

/* The lists are handed to exec, which wants a NULL behind them. */
static void terminate(struct start_list *l)
{
    l->item = mem_resize(l->item, l->count + 1, sizeof *l->item);
    l->item[l->count] = NULL;
}

void child_init(struct child *c, const struct start_record *r)
{
    *c = (struct child){0};
    const struct passwd *pw = getpwuid(getuid());
    fill_env(c, r, pw);
    fill_argv(c, r);
    const char *home = get_env(c, "HOME");
    c->home = mem_text(home ? home : "/", strlen(home ? home : "/"));
    set_pair(c, "PWD", c->home);
    terminate(&c->env);
    terminate(&c->argv);
}

static void free_list(struct start_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
}

void child_fini(struct child *c)
{
    free_list(&c->env);
    free_list(&c->argv);
    free(c->file);
    free(c->home);
}
