#include "client/terminfo.h"

#include <curses.h>
#include <term.h>

#include <stdio.h>
#include <string.h>

/* Terminals that take xterm's newer sequences (underline styles, strike, titles, cursor shapes)
 * although their terminfo entry, often an old one, does not say so; and, of those, the ones that
 * know synchronised output (mode 2026), which no entry told of until lately. */
static const struct known {
    const char *prefix;
    bool sync;
} known_terminals[] = {
    {"xterm-kitty", true},   {"xterm-ghostty", true}, {"xterm", false},  {"tmux", false},
    {"foot", true},          {"alacritty", false},    {"kitty", true},   {"wezterm", true},
    {"contour", true},       {"ghostty", true},       {"vte", false},    {"gnome", false},
    {"konsole", false},      {"st-", false},          {"mlterm", false}, {"mintty", true},
    {"screen.xterm", false}, {"iterm", true},
};

static const struct known *known_find(const char *term)
{
    for (size_t i = 0; i < sizeof known_terminals / sizeof *known_terminals; i++)
        if (!strncmp(term, known_terminals[i].prefix, strlen(known_terminals[i].prefix)))
            return &known_terminals[i];
    return NULL;
}

bool terminfo_truecolor(const char *colorterm)
{
    return colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit"));
}

/* tigetstr has a second "no" value, and an old prototype. */
static const char *string_of(const char *name)
{
    const char *s = tigetstr((NCURSES_CONST char *)name);
    return s && s != (const char *)-1 && *s ? s : NULL;
}

static bool flag_of(const char *name)
{
    return tigetflag((NCURSES_CONST char *)name) > 0;
}

static unsigned colours_of(const char *term, bool rgb)
{
    int n = tigetnum((NCURSES_CONST char *)"colors");
    if (rgb || n >= 256 || strstr(term, "256"))
        return 256;
    return n >= 16 ? 16 : n >= 8 ? 8 : 0;
}

/* SGR with colons. What calls itself xterm must say first which terminal it is (view_know): xterm
 * itself takes 4:3 for a colour, up to version 379 at least. */
static bool takes_colons(const struct known *known)
{
    return (known && strcmp(known->prefix, "xterm")) || string_of("Smulx");
}

static void fill(struct view_facts *f, const struct terminfo_env *env)
{
    const struct known *known = known_find(env->term);
    bool modern = known || (env->tmux && *env->tmux) || string_of("Smulx");
    bool rgb = terminfo_truecolor(env->colorterm) || flag_of("RGB") || flag_of("Tc");
    f->paint.rich = modern;
    f->paint.colon = takes_colons(known) || (env->tmux && *env->tmux);
    f->paint.rgb = rgb;
    f->paint.colours = colours_of(env->term, rgb);
    f->paint.bce = flag_of("bce");
    f->paint.ech = string_of("ech") != NULL;
    f->paint.readdress = true;
    f->il_dl = string_of("il1") && string_of("dl1") && string_of("csr");
    f->smcup = string_of("smcup");
    f->rmcup = f->smcup ? string_of("rmcup") : NULL;
    if (!f->rmcup)
        f->smcup = NULL;
    f->title = modern || flag_of("XT") || string_of("tsl");
    f->title_stack = modern;
    f->clip = modern || string_of("Ms");
    f->osc = modern;
    f->paint.links = modern ? PAINT_LINKS_PLAIN : PAINT_LINKS_NONE;
    f->notify = true;
    f->shape = modern || string_of("Ss");
    f->sync = (known && known->sync) || string_of("Sync");
    f->clear_scrollback = modern || string_of("E3");
}

/* view speaks ECMA-48 only; an entry that addresses the cursor otherwise is of another kind. */
static bool is_ansi(void)
{
    const char *cup = string_of("cup");
    return cup && !strncmp(cup, "\033[", 2);
}

/* A terminal newer than the database: what its name promises. */
static void fill_by_name(struct view_facts *f, const struct known *known, const char *colorterm)
{
    f->paint.rich = f->paint.readdress = true;
    f->paint.colon = takes_colons(known);
    f->paint.rgb = terminfo_truecolor(colorterm);
    f->paint.colours = 256;
    f->paint.links = PAINT_LINKS_PLAIN;
    f->il_dl = f->title = f->title_stack = f->shape = f->clip = f->osc = f->notify = true;
    f->clear_scrollback = true;
    f->smcup = "\033[?1049h";
    f->rmcup = "\033[?1049l";
    f->sync = known->sync;
}

static int refuse(char note[static TERMINFO_ERROR], const char *fmt, const char *term)
{
    int n = snprintf(note, TERMINFO_ERROR, fmt, term);
    snprintf(note + n, TERMINFO_ERROR - (size_t)n,
             "; set TERM to what your terminal is (TERM=xterm-256color suits most)");
    return ERR_STATE;
}

int terminfo_colours(const char *term, int *out)
{
    int err = 0;
    if (!term || !*term)
        return ERR_STATE;
    if (cur_term)
        del_curterm(cur_term);
    if (setupterm((NCURSES_CONST char *)term, -1, &err) != OK)
        return ERR_STATE;
    *out = tigetnum((NCURSES_CONST char *)"colors");
    return 0;
}

int terminfo_facts(const struct terminfo_env *env, int fd, uint16_t cols, uint16_t rows,
                   struct view_facts *f, char note[static TERMINFO_ERROR])
{
    int err = 0;
    char term[61];
    snprintf(term, sizeof term, "%s", env->term ? env->term : "");
    note[0] = 0;
    view_facts_default(f, cols, rows);
    if (!*term)
        return refuse(note, "TERM is not set%s", "");
    if (cur_term)
        del_curterm(cur_term);
    if (setupterm((NCURSES_CONST char *)env->term, fd, &err) == OK) {
        if (!is_ansi())
            return refuse(note, "a terminal of type %s cannot show a screen", term);
        fill(f, env);
        return 0;
    }
    const struct known *known = known_find(env->term);
    if (known) {
        fill_by_name(f, known, env->colorterm);
        return 0;
    }
    /* Entries that call themselves generic are refused by setupterm as well. */
    if (!strcmp(term, "dumb") || !strcmp(term, "unknown"))
        return refuse(note, "a terminal of type %s cannot show a screen", term);
    return refuse(note, "TERM is %s, which terminfo does not know here", term);
}
