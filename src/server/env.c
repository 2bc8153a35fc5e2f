#include "server/env.h"

#include "base/mem.h"
#include "io/hostlocale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void env_set(struct start_list *env, const char *var)
{
    for (size_t i = 0; i < env->count; i++) {
        if (!same_name(env->item[i], var))
            continue;
        free(env->item[i]);
        env->item[i] = mem_text(var, strlen(var));
        return;
    }
    if (env->count < START_ENV_MAX)
        start_list_add(env, var);
}

void env_unset(struct start_list *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++) {
        if (!same_name(env->item[i], name))
            continue;
        free(env->item[i]);
        env->item[i] = env->item[--env->count];
        return;
    }
}

const char *env_get(const struct start_list *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++)
        if (same_name(env->item[i], name))
            return env->item[i] + name_len(name) + 1;
    return NULL;
}

void env_put(struct start_list *env, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *var = mem_new(size, 1);
    snprintf(var, size, "%s=%s", name, value);
    env_set(env, var);
    free(var);
}

void env_inherit(struct start_list *env)
{
    for (char **e = environ; *e; e++)
        if (strchr(*e, '=') && **e != '=')
            env_set(env, *e);
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        env_unset(env, dropped[i]);
}

bool env_locale_utf8(const struct start_list *env)
{
    const char *name = env_get(env, "LC_ALL");
    if (!name || !*name)
        name = env_get(env, "LC_CTYPE");
    if (!name || !*name)
        name = env_get(env, "LANG");
    return name && *name && hostlocale_is_utf8(name);
}

void env_fix_locale(struct start_list *env)
{
    if (env_locale_utf8(env))
        return;
    const char *utf8 = hostlocale_utf8();
    if (!utf8)
        return;
    env_unset(env, "LC_ALL");
    env_put(env, "LC_CTYPE", utf8);
}

void env_terminate(struct start_list *l)
{
    size_t size = 1; /* as start_list_add counts on it */
    while (size <= l->count)
        size *= 2;
    l->item = mem_resize(l->item, size, sizeof *l->item);
    l->item[l->count] = NULL;
}

void env_fini(struct start_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct start_list){0};
}
