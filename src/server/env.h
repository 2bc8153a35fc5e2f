/* The environment of a session's program, while it is put together: "NAME=value" words, each name
 * once, at most START_ENV_MAX (more are left out). */
#ifndef TERN_SERVER_ENV_H
#define TERN_SERVER_ENV_H

#include "link/start.h"

/* Our own environment, without what belongs to the terminal or multiplexer that we were started
 * from. */
void env_inherit(struct start_list *env);
/* Sets "NAME=value", in place of an earlier one of that name. */
void env_set(struct start_list *env, const char *var);
void env_put(struct start_list *env, const char *name, const char *value);
void env_unset(struct start_list *env, const char *name);
/* The value, or NULL; valid until the next change. */
const char *env_get(const struct start_list *env, const char *name);

/* Is LC_CTYPE, as these variables set it, a UTF-8 locale that this host has? */
bool env_locale_utf8(const struct start_list *env);
/* Decoding and widths are ours; the program gets a UTF-8 locale where the host has one. */
void env_fix_locale(struct start_list *env);

/* A NULL behind the last item, for exec. More may be added, and then this again. */
void env_terminate(struct start_list *l);
/* Frees the items too. */
void env_fini(struct start_list *l);

#endif
