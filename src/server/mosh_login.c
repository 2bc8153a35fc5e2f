#include "server/mosh_login.h"

#include "base/mem.h"
#include "server/env.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const locale_names[] = {
    "LANG",       "LANGUAGE",     "LC_CTYPE",       "LC_NUMERIC",        "LC_TIME",
    "LC_COLLATE", "LC_MONETARY",  "LC_MESSAGES",    "LC_PAPER",          "LC_NAME",
    "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION", "LC_ALL",
};

/* The -l values count only where the host's own locale is not UTF-8, and then in place of all of
 * it. Stock mosh gives up when they are not either; here the program gets what the host has. */
static void fill_locale(struct start_list *env, const struct mosh_server_options *o)
{
    if (env_locale_utf8(env))
        return;
    if (o->locale_count) {
        for (size_t i = 0; i < sizeof locale_names / sizeof *locale_names; i++)
            env_unset(env, locale_names[i]);
        for (size_t i = 0; i < o->locale_count; i++)
            if (strchr(o->locales[i], '=') && *o->locales[i] != '=')
                env_set(env, o->locales[i]);
    }
    env_fix_locale(env);
}

static char *copy(const char *text)
{
    return mem_text(text, strlen(text));
}

static void fill_program(struct mosh_login *l, const struct mosh_server_options *o,
                         const struct passwd *pw)
{
    if (o->command && *o->command) {
        l->file = copy(*o->command);
        for (char *const *w = o->command; *w && l->argv.count < START_ARGV_MAX; w++)
            start_list_add(&l->argv, *w);
        return;
    }
    const char *shell = env_get(&l->env, "SHELL");
    if (!shell || !*shell)
        shell = pw && *pw->pw_shell ? pw->pw_shell : "/bin/sh";
    const char *slash = strrchr(shell, '/'), *base = slash ? slash + 1 : shell;
    char name[256];
    snprintf(name, sizeof name, "-%s", base);
    start_list_add(&l->argv, name);
    l->file = copy(shell);
}

void mosh_login_init(struct mosh_login *l, const struct mosh_server_options *o)
{
    const struct passwd *pw = getpwuid(getuid());
    const char *colorterm = getenv("COLORTERM");
    *l = (struct mosh_login){0};
    env_inherit(&l->env);
    if (colorterm)
        env_put(&l->env, "COLORTERM", colorterm);
    env_put(&l->env, "TERM", o->colours == 256 ? "xterm-256color" : "xterm");
    env_set(&l->env, "NCURSES_NO_UTF8_ACS=1");
    fill_locale(&l->env, o);
    const char *home = env_get(&l->env, "HOME");
    l->home = copy(home && *home ? home : pw ? pw->pw_dir : "/");
    env_put(&l->env, "PWD", l->home);
    fill_program(l, o, pw);
    env_terminate(&l->env);
    env_terminate(&l->argv);
}

void mosh_login_fini(struct mosh_login *l)
{
    env_fini(&l->argv);
    env_fini(&l->env);
    free(l->file);
    free(l->home);
}
