#include "boot/sshargs.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ssh's options with an argument, and without (ssh(1), OpenSSH 9.2 to 10). */
#define WITH_VALUE "BDEFIJLOPQRSWbceilmopw"
#define WITHOUT    "1246AaCfGgKkMNnqsTtVvXxYy"
/* Those whose work comes with later issues: other forwards, control, queries. */
#define ONLY_SSH "GQw"
/* Those that the bootstrap must not see: ours, or switched off there anyway. */
#define NOT_PASSED "DGLMNOQRSWfgnswAaXxYtTeV"

struct scan {
    struct sshargs *a;
    int argc;
    char *const *argv;
    int at;
    bool (*takes_value)(const char *word);
    char *err;
};

static void add(const char ***list, size_t *n, const char *word)
{
    *list = mem_resize(*list, *n + 2, sizeof **list);
    (*list)[(*n)++] = word;
    (*list)[*n] = NULL;
}

static const char *make(struct sshargs *a, const char *text, size_t len)
{
    a->made = mem_resize(a->made, a->made_n + 1, sizeof *a->made);
    return a->made[a->made_n++] = mem_text(text, len);
}

static int own_option(struct scan *s)
{
    const char *word = s->argv[s->at++];
    add(&s->a->own, &s->a->own_n, word);
    if (strchr(word, '=') || !s->takes_value(word))
        return ERR_OK;
    if (s->at == s->argc)
        return ERR_OK; /* options_parse says what is missing */
    add(&s->a->own, &s->a->own_n, s->argv[s->at++]);
    return ERR_OK;
}

static void set_once(const char **to, const char *value)
{
    if (!*to)
        *to = value;
}

/* "Keyword=value", "Keyword value", "Keyword = \"value\"": only those that the sharing of
 * connections is about. The bootstrap's own stand before them (boot/ssh.c). */
static void note_keyword(struct sshargs *a, const char *text)
{
    const struct {
        const char *keyword;
        const char **to;
    } all[] = {{"controlmaster", &a->control_master},
               {"controlpath", &a->control_path},
               {"controlpersist", &a->control_persist}};
    size_t len = strcspn(text, " \t=");
    const char *value = text + len + strspn(text + len, " \t");
    if (*value == '=')
        value++;
    value += strspn(value, " \t\"");
    size_t end = strlen(value);
    while (end && strchr(" \t\"", value[end - 1]))
        end--;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].keyword) == len && !strncasecmp(text, all[i].keyword, len) && end)
            set_once(all[i].to, make(a, value, end));
}

static void note(struct sshargs *a, char c, const char *value)
{
    if (c == 't')
        a->tty = a->tty < 0 ? 1 : a->tty + 1;
    else if (c == 'T')
        a->tty = -1;
    else if (c == 'v')
        a->verbose++;
    else if (c == 'q')
        a->quiet = true;
    else if (c == 'V')
        a->version = true;
    else if (c == 'e')
        a->escape = value;
    else if (c == 'E')
        a->log = value;
    else if (c == 'L' || c == 'D' || c == 'R')
        a->forwards = true;
    else if (strchr("AXY", c))
        a->forwards = a->lends = true;
    else if (c == 'W')
        a->stdio = value;
    else if (c == 'O')
        a->control = value;
    else if (c == 'S')
        set_once(&a->control_path, value);
    else if (c == 'o')
        note_keyword(a, value);
    else if (c == 'M' && a->masters++)
        a->control_master = a->master_letter ? "ask" : a->control_master;
    else if (c == 'M' && !a->control_master) {
        a->master_letter = true;
        a->control_master = "yes";
    }
    if (!a->plain && strchr(ONLY_SSH, c))
        a->plain = c;
}

/* One word "-abc" or "-oValue" or "-o" "Value". */
static int ssh_option(struct scan *s)
{
    const char *word = s->argv[s->at++];
    add(&s->a->all, &s->a->all_n, word);
    for (const char *c = word + 1; *c; c++) {
        const char *value = NULL;
        if (!strchr(WITH_VALUE WITHOUT, *c)) {
            snprintf(
                s->err, SSHARGS_ERROR,
                "unknown option -%c; options are those of ssh and the long ones of tern --help",
                *c);
            return ERR_SYNTAX;
        }
        if (strchr(WITH_VALUE, *c)) {
            if (!c[1] && s->at == s->argc) {
                snprintf(s->err, SSHARGS_ERROR, "option -%c needs an argument, as in ssh(1)", *c);
                return ERR_SYNTAX;
            }
            if (!c[1])
                add(&s->a->all, &s->a->all_n, s->argv[s->at]);
            value = c[1] ? c + 1 : s->argv[s->at++];
        }
        note(s->a, *c, value);
        if (*c != 'O') {
            add(&s->a->but_control, &s->a->but_control_n, make(s->a, (char[]){'-', *c}, 2));
            if (value)
                add(&s->a->but_control, &s->a->but_control_n, value);
        }
        if (!strchr(NOT_PASSED, *c)) {
            add(&s->a->pass, &s->a->pass_n, make(s->a, (char[]){'-', *c}, 2));
            if (value)
                add(&s->a->pass, &s->a->pass_n, value);
        }
        if (value)
            break;
    }
    return ERR_OK;
}

static int parse(struct scan *s)
{
    struct sshargs *a = s->a;
    while (s->at < s->argc) {
        const char *word = s->argv[s->at];
        int err = 0;
        if (!strcmp(word, "--")) {
            add(&a->all, &a->all_n, word);
            s->at++;
            if (a->host || s->at == s->argc)
                break;
            a->host = s->argv[s->at++];
            add(&a->all, &a->all_n, a->host);
            break;
        }
        if (word[0] == '-' && word[1] == '-')
            err = own_option(s);
        else if (word[0] == '-' && word[1])
            err = ssh_option(s);
        else if (a->host)
            break;
        else {
            a->host = word;
            add(&a->all, &a->all_n, word);
            s->at++;
        }
        if (err)
            return err;
    }
    a->command = (const char *const *)s->argv + s->at;
    a->command_n = (size_t)(s->argc - s->at);
    for (; s->at < s->argc; s->at++)
        add(&a->all, &a->all_n, s->argv[s->at]);
    return ERR_OK;
}

int sshargs_parse(struct sshargs *a, int argc, char *const *argv,
                  bool (*takes_value)(const char *word), char err[static SSHARGS_ERROR])
{
    *a = (struct sshargs){0};
    if (argc > SSHARGS_MAX) {
        snprintf(err, SSHARGS_ERROR, "more than %d words", SSHARGS_MAX);
        return ERR_CAP;
    }
    struct scan s = {
        .a = a, .argc = argc, .argv = argv, .at = 1, .takes_value = takes_value, .err = err};
    return parse(&s);
}

void sshargs_fini(struct sshargs *a)
{
    for (size_t i = 0; i < a->made_n; i++)
        free(a->made[i]);
    free(a->made);
    free(a->own);
    free(a->all);
    free(a->pass);
    free(a->but_control);
    *a = (struct sshargs){0};
}
