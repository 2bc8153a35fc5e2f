/* The escape character in the user's input. */
#ifndef TERN_VIEW_ESCAPE_H
#define TERN_VIEW_ESCAPE_H

#include "base/buf.h"

enum escape_style {
    ESCAPE_SSH,  /* EscapeChar: seen at the start of a line only; . d ^Z # ? and itself */
    ESCAPE_MOSH, /* mosh-protocol.md §11: a control character is seen everywhere */
};

enum escape_action {
    ESCAPE_NONE,
    ESCAPE_QUIT,
    ESCAPE_DETACH,
    ESCAPE_SUSPEND,
    ESCAPE_HELP,    /* show escape_help */
    ESCAPE_STATUS,  /* show what is open */
    ESCAPE_REPAINT, /* Ctrl-L was typed; it is in `out` as well */
};

#define ESCAPE_KEY_NONE (-1)

struct escape_config {
    enum escape_style style;
    int key; /* 1..127, or ESCAPE_KEY_NONE */
};

/* Bytes of a control sequence that are looked at, and of those kept while the escape character's
 * command is awaited. */
#define ESCAPE_SEQ  64
#define ESCAPE_KEPT 256

/* Keys come as characters or, when a program has asked for it, as control sequences: kitty's
 * keyboard protocol (CSI code ; modifiers : event ; text u, with alternate codes) and xterm's
 * modifyOtherKeys (CSI 27 ; modifiers ; code ~). */
struct escape {
    struct escape_config config;
    bool line_start;  /* Enter was the last key (or none yet) */
    bool held;        /* the escape character came, its command not yet */
    bool paste;       /* inside a bracketed paste */
    bool interrupted; /* Ctrl-C was typed, in whatever form; the caller takes it back */
    uint8_t seq_n;    /* bytes of a control sequence so far, 0: in none */
    uint8_t seq_sent; /* of them, went on already: they might have been ESC or Alt-[ */
    uint16_t kept_n;  /* what is held: the escape key, releases after it */
    uint8_t seq[ESCAPE_SEQ], kept[ESCAPE_KEPT];
};

void escape_init(struct escape *e, const struct escape_config *config);

/* ssh's EscapeChar: one character, "^X", or "none". ERR_SYNTAX otherwise. */
int MUST_USE escape_parse_ssh(const char *text, int *key);
/* $MOSH_ESCAPE_KEY (NULL: not set), with §11's refusals; never fails. */
int escape_parse_mosh(const char *text);

/* Take input up to the first action or to its end; bytes for the far side are appended to out.
 * Returns how many bytes were consumed; the caller deals with *action and calls again with the
 * rest. */
size_t escape_feed(struct escape *e, const uint8_t *bytes, size_t len, struct buf *out,
                   enum escape_action *action);

/* An escape character is held: mosh shows its command help in the bar meanwhile. */
static inline bool escape_held(const struct escape *e)
{
    return e->held;
}

/* Texts: what quits ("~.", "Ctrl-^ ."; "" without a key), for the bar's hint; one line that lists
 * the commands, for the bar. */
#define ESCAPE_QUIT_MAX 16
void escape_quit_text(const struct escape *e, char out[static ESCAPE_QUIT_MAX]);
void escape_help(const struct escape *e, struct buf *out);

#endif
