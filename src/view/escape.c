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

/* ---- the machine ---- */

static const uint8_t paste_mark[6] = {0x1b, '[', '2', '0', '0', '~'};

/* Follow ESC [ 200 ~ and ESC [ 201 ~. */
static void follow_paste(struct escape *e, uint8_t byte)
{
    uint8_t want = paste_mark[e->paste_seen];
    if (e->paste_seen == 4 && e->paste)
        want = '1';
    if (byte != want) {
        e->paste_seen = byte == paste_mark[0];
        return;
    }
    if (++e->paste_seen == sizeof paste_mark) {
        e->paste_seen = 0;
        e->paste = !e->paste;
    }
}

static void pass(struct escape *e, uint8_t byte, struct buf *out)
{
    buf_put_u8(out, byte);
    e->line_start = !e->paste && (byte == '\r' || byte == '\n');
    follow_paste(e, byte);
}

static bool is_key(const struct escape *e, uint8_t byte)
{
    if (e->config.key != byte || e->paste)
        return false;
    return e->line_start || (e->config.style == ESCAPE_MOSH && byte < ' ');
}

/* The byte after the escape character that stands for it literally. */
static bool is_pass_key(const struct escape *e, uint8_t byte)
{
    int key = e->config.key;
    if (e->config.style == ESCAPE_SSH || key >= ' ')
        return byte == key;
    uint8_t upper = (uint8_t)(key + 64);
    return byte == upper || (upper >= 'A' && upper <= 'Z' && byte == upper + 32);
}

/* What the byte after the escape character asks for; ESCAPE_NONE: it is no command. */
static enum escape_action command(const struct escape *e, uint8_t byte)
{
    if (byte == '.')
        return ESCAPE_QUIT;
    if (byte == CTRL('Z'))
        return ESCAPE_SUSPEND;
    if (e->config.style == ESCAPE_MOSH)
        return ESCAPE_NONE;
    return byte == 'd' ? ESCAPE_DETACH : byte == '?' ? ESCAPE_HELP : ESCAPE_NONE;
}

size_t escape_feed(struct escape *e, const uint8_t *bytes, size_t len, struct buf *out,
                   enum escape_action *action)
{
    *action = ESCAPE_NONE;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (!e->held) {
            if (is_key(e, byte)) {
                e->held = true;
                continue;
            }
            pass(e, byte, out);
            if (byte == CTRL('L') && !e->paste) {
                *action = ESCAPE_REPAINT;
                return i + 1;
            }
            continue;
        }
        e->held = false;
        if (is_pass_key(e, byte)) {
            pass(e, (uint8_t)e->config.key, out);
            continue;
        }
        *action = command(e, byte);
        if (*action != ESCAPE_NONE)
            return i + 1; /* and the line has not begun yet: another escape may follow */
        pass(e, (uint8_t)e->config.key, out);
        pass(e, byte, out);
    }
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
               "%s%s. quits, %s%sd detaches, %s%s^Z suspends, %s%s%s types %s, %s%s? shows this",
               key, gap, key, gap, key, gap, key, gap, key, key, key, gap);
}
