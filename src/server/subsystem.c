#include "server/subsystem.h"

#include "base/mem.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define INCLUDE_DEPTH  4

static const char *const usual[] = {
    "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",     "/usr/lib/ssh/sftp-server",
    "/usr/lib/sftp-server",
};

static const char *program(void)
{
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!access(usual[i], X_OK))
            return usual[i];
    return NULL;
}

static char *joined(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = mem_new(size, 1);
    snprintf(text, size, "%s%s", a, b);
    return text;
}

/* The next word of a configuration line, unquoted; *p moves behind it. NULL: none. */
static char *word(char **p)
{
    *p += strspn(*p, " \t=\"");
    if (!**p || **p == '#')
        return NULL;
    char *start = *p;
    *p += strcspn(*p, " \t=\"");
    if (**p)
        *(*p)++ = 0;
    return start;
}

static bool look(const char *name, const char *path, int depth, char **found);

static bool look_include(const char *name, const char *pattern, int depth, char **found)
{
    char full[LINE_MAX_BYTES + 16];
    glob_t g;
    bool match_block = false;
    snprintf(full, sizeof full, "%s%s", *pattern == '/' ? "" : "/etc/ssh/", pattern);
    if (depth == INCLUDE_DEPTH || glob(full, 0, NULL, &g))
        return false;
    for (size_t i = 0; i < g.gl_pathc && !*found; i++)
        match_block |= look(name, g.gl_pathv[i], depth + 1, found);
    globfree(&g);
    return match_block;
}

static void look_line(const char *name, char *line, int depth, char **found)
{
    char *p = line, *keyword = word(&p), *value;
    if (keyword && !strcasecmp(keyword, "Include")) {
        while ((value = word(&p)) && !*found)
            look_include(name, value, depth, found);
    } else if (keyword && !strcasecmp(keyword, "Subsystem")) {
        value = word(&p);
        p += strspn(p, " \t");
        if (value && !strcmp(value, name) && *p)
            *found = joined(p, "");
    }
}

/* The first that is told counts, as in sshd. True if a Match block ended the look. */
static bool look(const char *name, const char *path, int depth, char **found)
{
    FILE *f = fopen(path, "re");
    char line[LINE_MAX_BYTES];
    bool match = false;
    while (f && !*found && !match && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        match = !strncasecmp(line + strspn(line, " \t"), "Match", 5);
        if (!match)
            look_line(name, line, depth, found);
    }
    if (f)
        fclose(f);
    return match;
}

char *subsystem_command(const char *name, const char *config)
{
    static const char internal[] = "internal-sftp";
    char *found = NULL;
    const char *sftp = program();
    look(name, config, 0, &found);
    if (found && !strncmp(found, internal, sizeof internal - 1)) {
        char *command = sftp ? joined(sftp, found + sizeof internal - 1) : NULL;
        free(found);
        return command;
    }
    if (!found && sftp && !strcmp(name, "sftp"))
        found = joined(sftp, "");
    return found;
}
