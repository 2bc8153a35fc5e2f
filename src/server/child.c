#include "server/child.h"

#include "base/mem.h"
#include "server/env.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill_env(struct child *c, const struct start_record *r, const struct passwd *pw)
{
    env_inherit(&c->env);
    for (size_t i = 0; i < r->env.count; i++)
        env_set(&c->env, r->env.item[i]);
    if (pw) {
        env_put(&c->env, "USER", pw->pw_name);
        env_put(&c->env, "LOGNAME", pw->pw_name);
        env_put(&c->env, "SHELL", *pw->pw_shell ? pw->pw_shell : "/bin/sh");
        if (!env_get(&c->env, "HOME"))
            env_put(&c->env, "HOME", pw->pw_dir);
    }
    if (!env_get(&c->env, "PATH"))
        env_put(&c->env, "PATH", "/usr/local/bin:/usr/bin:/bin");
    env_set(&c->env, "TERM=xterm-256color");
    if (r->colorterm && (!strcmp(r->colorterm, "truecolor") || !strcmp(r->colorterm, "24bit")))
        env_set(&c->env, "COLORTERM=truecolor");
    env_fix_locale(&c->env);
}

/* A command is one text for the shell. Words become it as ssh does it, so that `tern host 'a; b'`
 * works; one that came as a text stays as it is. */
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
    const char *shell = env_get(&c->env, "SHELL");
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

void child_init(struct child *c, const struct start_record *r)
{
    *c = (struct child){0};
    const struct passwd *pw = getpwuid(getuid());
    fill_env(c, r, pw);
    fill_argv(c, r);
    const char *home = env_get(&c->env, "HOME");
    c->home = mem_text(home ? home : "/", strlen(home ? home : "/"));
    env_put(&c->env, "PWD", c->home);
    env_terminate(&c->env);
    env_terminate(&c->argv);
}

void child_fini(struct child *c)
{
    env_fini(&c->env);
    env_fini(&c->argv);
    free(c->file);
    free(c->home);
}
