#include "view/escape.h"

#include <string.h>

#define CTRL(c) ((c)&0x1f)
/* mosh's: Ctrl-^. */
#define MOSH_KEY 0x1e

void escape_init(struct escape *e, const struct escape_config *config)
{
    *e = (struct escape){.config = *config, .line_start = true};
}

int escape_parse_ssh(const char *text, int *key)
{
    if (!strcmp(text, "none")) {
        *key = ESCAPE_KEY_NONE;
        return 0;
    }
    unsigned char c = (unsigned char)text[0], d = c ? (unsigned char)text[1] : 0;
    if (c == '^' && ((d >= '@' && d <= '_') || (d >= 'a' && d <= 'z')) && !text[2] && CTRL(d)) {
        *key = CTRL(d);
        return 0;
    }
    if (!c || c > 127 || d)
        return ERR_SYNTAX;
    *key = c;
    return 0;
}

int escape_parse_mosh(const char *text)
{
    if (!text)
        return MOSH_KEY;
    if (!text[0])
        return ESCAPE_KEY_NONE;
    unsigned char c = (unsigned char)text[0];
    if (text[1] || c > 127 || c == 3 || c == 4 || c == 10 || c == 12 || c == 13)
        return MOSH_KEY;
    return c;
}

/* ---- keys as control sequences ---- */

enum {
    KEY_OTHER = -1,  /* a key that is no character */
    KEY_SILENT = -2, /* a modifier, a release: says nothing */
};

enum { MOD_SHIFT = 1, MOD_CTRL = 4, MOD_LOCKS = 64 | 128 };

/* What Shift makes of a key where the terminal does not say it: on the layout of the US. */
static int us_shifted(int c)
{
    static const char plain[] = "`1234567890-=[]\\;',./";
    static const char shifted[] = "~!@#$%^&*()_+{}|:\"<>?";
    const char *at = c > 0 && c < 127 ? strchr(plain, c) : NULL;
    return at ? shifted[at - plain] : c >= 'a' && c <= 'z' ? c - 32 : c;
}

static int ctrl_of(int c)
{
    if ((c >= '@' && c <= '_') || (c >= 'a' && c <= 'z'))
        return CTRL(c);
    return c == '6' ? MOSH_KEY : c == '/' || c == '-' ? 0x1f : c == ' ' ? 0 : KEY_OTHER;
}

/* Keys of kitty's private codes that are characters too, or modifiers. */
static int kitty_code(int c)
{
    if ((c >= 57441 && c <= 57454) || (c >= 57358 && c <= 57363 && c != 57361 && c != 57362))
        return KEY_SILENT;
    if (c >= 57399 && c <= 57408)
        return '0' + c - 57399;
    return c == 57409 ? '.' : c == 57414 ? '\r' : c >= 57344 && c <= 63743 ? KEY_OTHER : c;
}

/* Up to three parameters with up to three sub-parameters each; absent ones are 0. */
static bool numbers(const uint8_t *p, size_t len, int v[static 9])
{
    unsigned i = 0, k = 0;
    memset(v, 0, 9 * sizeof v[0]);
    for (size_t at = 0; at < len; at++) {
        if (p[at] == ';' && i < 2)
            i++, k = 0;
        else if (p[at] == ':' && k < 2)
            k++;
        else if (p[at] >= '0' && p[at] <= '9' && v[3 * i + k] < 2000000)
            v[3 * i + k] = v[3 * i + k] * 10 + (p[at] - '0');
        else
            return false;
    }
    return true;
}

/* The key that a whole CSI stands for: a character or one of the above. */
static int csi_key(const uint8_t *seq, size_t len)
{
    int v[9];
    uint8_t final = seq[len - 1];
    if (len == 3 && (final == 'I' || final == 'O')) /* a report of focus */
        return KEY_SILENT;
    if (!numbers(seq + 2, len - 3, v))
        return KEY_OTHER;
    if (v[4] == 3) /* let go */
        return KEY_SILENT;
    if (final != 'u' && final != '~')
        return KEY_OTHER;
    int code = kitty_code(v[0]), shifted = v[1], mods = v[3] ? v[3] - 1 : 0, text = v[6];
    if (final == '~') {
        if (v[0] != 27 || !v[6])
            return KEY_OTHER;
        code = v[6];
        shifted = v[6];
        text = 0;
    } else if (code == KEY_SILENT) {
        return KEY_SILENT;
    }
    mods &= ~MOD_LOCKS;
    if (code < 0 || (mods & ~(MOD_SHIFT | MOD_CTRL)))
        return KEY_OTHER;
    if (mods & MOD_CTRL && code > 126 && final == 'u' && v[2])
        code = v[2]; /* another alphabet: the key that stands there on the layout of the US */
    if (mods & MOD_CTRL)
        return ctrl_of(mods & MOD_SHIFT && final == 'u' ? us_shifted(code) : code);
    if (text && !v[7])
        return text;
    return mods & MOD_SHIFT ? (shifted ? shifted : us_shifted(code)) : code;
}

/* ---- the machine ---- */

/* One key: what it stands for, and its bytes. */
struct key {
    int is;
    const uint8_t *bytes;
    size_t len;
};

static void pass(struct escape *e, const struct key *k, struct buf *out)
{
    buf_put(out, k->bytes, k->len);
    e->interrupted |= k->is == CTRL('C') && !e->paste;
    if (k->is != KEY_SILENT)
        e->line_start = !e->paste && (k->is == '\r' || k->is == '\n');
}

static void keep(struct escape *e, const struct key *k)
{
    size_t room = sizeof e->kept - e->kept_n;
    if (k->len > room) /* a release too many */
        return;
    memcpy(e->kept + e->kept_n, k->bytes, k->len);
    e->kept_n = (uint16_t)(e->kept_n + k->len);
}

static bool is_key(const struct escape *e, int c)
{
    if (c < 0 || e->config.key != c || e->paste)
        return false;
    return e->line_start || (e->config.style == ESCAPE_MOSH && c < ' ');
}

/* The key after the escape character that stands for it literally. */
static bool is_pass_key(const struct escape *e, int c)
{
    int key = e->config.key;
    if (e->config.style == ESCAPE_SSH || key >= ' ')
        return c == key;
    int upper = key + 64;
    return c == upper || (upper >= 'A' && upper <= 'Z' && c == upper + 32);
}

/* What the key after the escape character asks for; ESCAPE_NONE: it is no command. */
static enum escape_action command(const struct escape *e, int c)
{
    if (c == '.')
        return ESCAPE_QUIT;
    if (c == CTRL('Z'))
        return ESCAPE_SUSPEND;
    if (e->config.style == ESCAPE_MOSH)
        return ESCAPE_NONE;
    if (c == '#')
        return ESCAPE_STATUS;
    return c == 'd' ? ESCAPE_DETACH : c == '?' ? ESCAPE_HELP : ESCAPE_NONE;
}

static enum escape_action take_held(struct escape *e, const struct key *k, struct buf *out)
{
    if (k->is == KEY_SILENT) {
        keep(e, k);
        return ESCAPE_NONE;
    }
    e->held = false;
    if (is_pass_key(e, k->is)) { /* the escape key itself goes on, once */
        struct key literal = {e->config.key, e->kept, e->kept_n};
        pass(e, &literal, out);
        return ESCAPE_NONE;
    }
    enum escape_action action = command(e, k->is);
    if (action != ESCAPE_NONE)
        return action; /* and the line has not begun yet: another escape may follow */
    struct key escape = {e->config.key, e->kept, e->kept_n};
    pass(e, &escape, out);
    pass(e, k, out);
    return ESCAPE_NONE;
}

static enum escape_action take(struct escape *e, const struct key *k, struct buf *out)
{
    if (e->held)
        return take_held(e, k, out);
    if (is_key(e, k->is)) {
        e->held = true;
        e->kept_n = 0;
        keep(e, k);
        return ESCAPE_NONE;
    }
    pass(e, k, out);
    return k->is == CTRL('L') && !e->paste ? ESCAPE_REPAINT : ESCAPE_NONE;
}

static void follow_paste(struct escape *e)
{
    if (e->seq_n == 6 && !memcmp(e->seq + 2, "200~", 4))
        e->paste = true;
    else if (e->seq_n == 6 && !memcmp(e->seq + 2, "201~", 4))
        e->paste = false;
}

/* The control sequence is whole, or is none. */
static enum escape_action take_seq(struct escape *e, bool whole, struct buf *out)
{
    struct key k = {KEY_OTHER, e->seq + e->seq_sent, (size_t)e->seq_n - e->seq_sent};
    if (whole && !e->paste)
        k.is = csi_key(e->seq, e->seq_n);
    enum escape_action action = ESCAPE_NONE;
    if (e->seq_sent)
        pass(e, &k, out);
    else
        action = take(e, &k, out);
    if (whole)
        follow_paste(e);
    e->seq_n = e->seq_sent = 0;
    return action;
}

static enum escape_action take_byte(struct escape *e, uint8_t byte, struct buf *out)
{
    enum escape_action action = ESCAPE_NONE;
    if (e->seq_n) {
        bool csi = e->seq_n == 1 ? byte == '[' : byte >= 0x20 && byte < 0x7f;
        if (csi) {
            e->seq[e->seq_n++] = byte;
            bool whole = e->seq_n > 2 && byte >= 0x40;
            if (whole || e->seq_n == ESCAPE_SEQ)
                return take_seq(e, whole, out);
            return ESCAPE_NONE;
        }
        action = take_seq(e, false, out); /* no command: those are characters and whole ones */
    }
    if (byte == 0x1b) {
        e->seq[e->seq_n++] = byte;
        return action;
    }
    return take(e, &(struct key){byte, &byte, 1}, out);
}

/* No key waits for what may never come: ESC, ESC [. */
static void end_of_input(struct escape *e, struct buf *out)
{
    if (!e->seq_n || e->seq_n > 2 || e->seq_sent == e->seq_n)
        return;
    if (e->held) { /* what comes after it decides nothing any more */
        take_seq(e, false, out);
        return;
    }
    struct key k = {KEY_OTHER, e->seq + e->seq_sent, (size_t)e->seq_n - e->seq_sent};
    pass(e, &k, out);
    e->seq_sent = e->seq_n;
}

/* Asks for nothing here, wherever it stands: what is typed and pasted, but for control characters.
 */
static bool is_plain(const struct escape *e, uint8_t byte)
{
    return (byte >= ' ' || byte == '\r' || byte == '\n' || byte == '\t') && byte != e->config.key;
}

static size_t plain_run(const struct escape *e, const uint8_t *bytes, size_t len)
{
    size_t n = 0;
    if (e->held || e->seq_n)
        return 0;
    while (n < len && is_plain(e, bytes[n]))
        n++;
    return n;
}

size_t escape_feed(struct escape *e, const uint8_t *bytes, size_t len, struct buf *out,
                   enum escape_action *action)
{
    *action = ESCAPE_NONE;
    for (size_t i = 0; i < len; i++) {
        size_t run = plain_run(e, bytes + i, len - i);
        if (run) { /* a paste goes on in one piece */
            pass(e, &(struct key){bytes[i + run - 1], bytes + i, run}, out);
            i += run - 1;
            continue;
        }
        *action = take_byte(e, bytes[i], out);
        if (*action != ESCAPE_NONE)
            return i + 1;
    }
    end_of_input(e, out);
    return len;
}

/* ---- texts ---- */

/* "~" or "Ctrl-^"; returns the length. */
static size_t key_text(int key, char out[static ESCAPE_QUIT_MAX])
{
    size_t n = 0;
    if (key < ' ' || key == 127) {
        memcpy(out, "Ctrl-", 5);
        n = 5;
        key = key == 127 ? '?' : key + 64;
    }
    out[n] = (char)key;
    out[n + 1] = 0;
    return n + 1;
}

void escape_quit_text(const struct escape *e, char out[static ESCAPE_QUIT_MAX])
{
    out[0] = 0;
    if (e->config.key == ESCAPE_KEY_NONE)
        return;
    size_t n = key_text(e->config.key, out);
    if (n > 1)
        out[n++] = ' ';
    out[n] = '.';
    out[n + 1] = 0;
}

void escape_help(const struct escape *e, struct buf *out)
{
    char key[ESCAPE_QUIT_MAX];
    if (e->config.key == ESCAPE_KEY_NONE) {
        buf_put_text(out, "There is no escape character.");
        return;
    }
    key_text(e->config.key, key);
    if (e->config.style == ESCAPE_MOSH) {
        char literal = (char)(e->config.key < ' ' ? e->config.key + 64 : e->config.key);
        buf_printf(out, "Commands: Ctrl-Z suspends, \".\" quits, \"%c\" gives literal %s", literal,
                   key);
        return;
    }
    const char *gap = key[1] ? " " : "";
    buf_printf(out,
               "%s%s. quits, %s%sd detaches, %s%s^Z suspends, %s%s# lists, %s%s%s types %s, "
               "%s%s? shows this",
               key, gap, key, gap, key, gap, key, gap, key, gap, key, key, key, gap);
}
