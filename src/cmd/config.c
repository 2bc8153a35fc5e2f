#include "cmd/config.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_WORDS 64 /* on one line */

struct reader {
    struct options *o;
    enum program p;
    const struct config_target *target;
    const char *name;
    unsigned line;
    bool active; /* the present block applies */
    char *err;
};

static int PRINTF_LIKE(2, 3) complain(const struct reader *r, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(r->err, OPTION_ERROR, "%.200s:%u: ", r->name, r->line);
    va_start(ap, fmt);
    vsnprintf(r->err + n, OPTION_ERROR - (size_t)n, fmt, ap);
    va_end(ap);
    for (char *c = r->err; *c; c++) /* the line goes to a terminal */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return ERR_SYNTAX;
}

/* ---- patterns -------------------------------------------------------------------------------- */

bool config_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *back = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            back = text;
        } else if (*pattern == '?' ||
                   tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* One pattern after the other; a negated one that matches refuses the whole list. */
struct match {
    bool yes, refused;
};

static void match_pattern(struct match *m, const char *pattern, const char *text)
{
    bool negated = *pattern == '!';
    if (config_glob(pattern + negated, text)) {
        if (negated)
            m->refused = true;
        else
            m->yes = true;
    }
}

/* "a,b,!c" */
static bool match_list(char *list, const char *text)
{
    struct match m = {0};
    char *save = NULL;
    for (char *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
        match_pattern(&m, p, text);
    return m.yes && !m.refused;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Splits a line in place as ssh_config does: blanks part words, one '=' may stand behind the
 * keyword, double quotes hold a word together, '#' begins a comment. Returns the number of words or
 * ERR_SYNTAX. */
static int split(const struct reader *r, char *line, char *word[static CONFIG_WORDS])
{
    int n = 0;
    char *p = line;
    for (;;) {
        p += strspn(p, " \t\r\f");
        if (n == 1 && *p == '=')
            p += 1 + strspn(p + 1, " \t\r\f");
        if (!*p || *p == '#')
            return n;
        if (n == CONFIG_WORDS)
            return complain(r, "more than %d words; split the line", CONFIG_WORDS);
        char *to = p;
        word[n++] = p;
        bool quote = false;
        for (; *p && (quote || !strchr(n == 1 ? " \t\r\f=" : " \t\r\f", *p)); p++) {
            if (*p == '"')
                quote = !quote;
            else if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
                *to++ = *++p;
            else
                *to++ = *p;
        }
        if (quote)
            return complain(r, "a double quote is not closed; close it");
        /* The '=' behind the keyword must outlive the NUL written here. */
        if (n == 1 && *p == '=') {
            *to = 0;
            p++;
            p += strspn(p, " \t\r\f");
            if (!*p || *p == '#')
                return n;
            continue;
        }
        if (*p)
            p++;
        *to = 0;
    }
}

static int read_host(struct reader *r, char **word, int n)
{
    if (n < 2)
        return complain(r, "Host needs at least one pattern, such as Host *");
    struct match m = {0};
    for (int i = 1; i < n; i++)
        match_pattern(&m, word[i], r->target->host);
    r->active = m.yes && !m.refused;
    return 0;
}

static int read_match(struct reader *r, char **word, int n)
{
    bool all = true;
    if (n < 2)
        return complain(r, "Match needs a criterion: all, host, originalhost, user or localuser");
    for (int i = 1; i < n; i++) {
        bool negated = *word[i] == '!';
        char *what = word[i] + negated;
        const char *text;
        if (!strcasecmp(what, "all")) {
            if (n != 2 || negated)
                return complain(r, "Match all stands alone; remove the other criteria");
            break;
        }
        if (!strcasecmp(what, "host") || !strcasecmp(what, "originalhost"))
            text = r->target->host;
        else if (!strcasecmp(what, "user"))
            text = r->target->user;
        else if (!strcasecmp(what, "localuser"))
            text = r->target->local_user;
        else
            return complain(r,
                            "unknown Match criterion %.60s; known are all, host, originalhost, "
                            "user and localuser",
                            what);
        if (++i >= n)
            return complain(r, "Match %.20s needs a pattern", what);
        if (match_list(word[i], text) == negated)
            all = false;
    }
    r->active = all;
    return 0;
}

static int read_setting(struct reader *r, char **word, int n)
{
    const struct option_def *d = option_by_keyword(word[0]);
    char why[OPTION_ERROR];
    if (!d)
        return complain(r, "unknown keyword %.60s; see tern --help for the keywords", word[0]);
    if (n < 2)
        return complain(r, "%s needs a value", d->keyword);
    if (n > 2)
        return complain(r, "%s takes one value; put it in double quotes if it has blanks",
                        d->keyword);
    /* A value is checked even where it does not apply: a mistake shows at once. */
    struct options scratch = {0};
    bool more = d->kind == OPTION_FORWARD; /* those of all files count, as with ssh */
    bool takes = r->active && (more || !r->o->v[d->id].set) && (d->programs & r->p);
    int e = option_set(takes ? r->o : &scratch, d->id, word[1], why);
    options_fini(&scratch);
    return e ? complain(r, "%s %.40s: %.200s", d->keyword, word[1], why) : 0;
}

static int read_line(struct reader *r, char *line)
{
    char *word[CONFIG_WORDS];
    int n = split(r, line, word);
    if (n <= 0)
        return n;
    if (!strcasecmp(word[0], "Host"))
        return read_host(r, word, n);
    if (!strcasecmp(word[0], "Match"))
        return read_match(r, word, n);
    return read_setting(r, word, n);
}

int config_parse(struct options *o, enum program p, const char *text, size_t len, const char *name,
                 const struct config_target *target, char err[static OPTION_ERROR])
{
    struct reader r = {.o = o, .p = p, .target = target, .name = name, .active = true, .err = err};
    for (size_t at = 0; at < len;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
        r.line++;
        if (memchr(text + at, 0, n))
            return complain(&r, "a NUL byte; this is not a text file");
        char *line = mem_text(text + at, n);
        int e = read_line(&r, line);
        free(line);
        if (e)
            return e;
        at += n + 1;
    }
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int fail(const char *name, const char *what, char *err)
{
    snprintf(err, OPTION_ERROR, "cannot read %.250s: %.100s", name, what);
    return ERR_SYNTAX;
}

static int read_file(const char *name, struct buf *out, char *err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail(name, strerror(errno), err);
    struct stat st;
    int e = 0;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        e = fail(name, "not a regular file", err);
    while (!e) {
        uint8_t *to = buf_reserve(out, 4096);
        ssize_t n = to ? read(fd, to, 4096) : 0;
        if (!to)
            e = fail(name, "larger than 1 MiB", err);
        else if (n < 0 && errno != EINTR)
            e = fail(name, strerror(errno), err);
        else if (n == 0)
            break;
        else if (n > 0)
            buf_commit(out, (size_t)n);
    }
    close(fd);
    return e;
}

static int load(struct options *o, enum program p, const char *name,
                const struct config_target *target, char err[static OPTION_ERROR])
{
    struct buf text;
    buf_init(&text, CONFIG_SIZE_MAX);
    int e = read_file(name, &text, err);
    if (!e)
        e = config_parse(o, p, (const char *)buf_data(&text), buf_len(&text), name, target, err);
    buf_fini(&text);
    return e;
}

int config_load(struct options *o, enum program p, const struct config_target *target,
                char err[static OPTION_ERROR])
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char name[4096] = "";
    /* The XDG specification: a relative path there is to be ignored. */
    if (xdg && xdg[0] == '/')
        snprintf(name, sizeof name, "%s/tern/config", xdg);
    else if (home && home[0] == '/')
        snprintf(name, sizeof name, "%s/.config/tern/config", home);
    int e = name[0] ? load(o, p, name, target, err) : 0;
    return e ? e : load(o, p, "/etc/tern/config", target, err);
}
