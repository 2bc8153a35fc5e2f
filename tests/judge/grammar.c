#include "grammar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* In a form: \1 a count, \2 a row, \3 a column, \4 words, \5 renditions, \6 a rectangle, \7 a wide
 * or combining character; each is chosen by the next bytes. */
struct item {
    uint8_t sides, weight;
    const char *form;
};
/* Items of X alone, for which no other reason stands beside them: vterm-missing. */
enum { X = SIDE_XTERM, V = SIDE_VTERM, XV = X | V };

/* What libvterm does not restore. */
#define AGAIN "\033(B\033)B\017\033[0\"q\033[?6l"

static const struct item items[] = {
    {XV, 40, "\4"},
    {XV, 6, "\7"},
    {XV, 10, "\033[\5m"},
    {XV, 6, "\r\n"},
    {X, 4, "\n"},
    {X, 2, "\v"},
    {XV, 4, "\r"},
    {XV, 4, "\b"},
    {XV, 4, "\t"},
    {XV, 6, "\033[\2;\3H"},
    {XV, 2, "\033[\2;\3f"},
    {X, 2, "\033[\1A"}, /* vterm-vertical */
    {X, 2, "\033[\1B"},
    {XV, 2, "\033[\1C"},
    {XV, 2, "\033[\1D"},
    {X, 1, "\033[\1E"},
    {X, 1, "\033[\1F"},
    {XV, 2, "\033[\3G"},
    {XV, 1, "\033[\3`"},
    {XV, 1, "\033[\1a"},
    {XV, 2, "\033[\2d"},
    {X, 1, "\033[\1e"},
    {XV, 2, "\033[\1I"},
    {XV, 2, "\033[\1Z"},
    {X, 4, "\033[J"},
    {V, 4, "\b\033[J"},
    {X, 2, "\033[1J"},
    {V, 2, "\b\033[1J"}, /* vterm-pending */
    {X, 2, "\033[2J"},
    {V, 2, "\b\033[2J"},
    {X, 4, "\033[K"},
    {V, 4, "\b\033[K"},
    {X, 2, "\033[1K"},
    {V, 2, "\b\033[1K"},
    {X, 2, "\033[2K"},
    {V, 2, "\b\033[2K"},
    {X, 2, "\033[?J"},
    {V, 2, "\b\033[?J"},
    {X, 1, "\033[?1J"},
    {V, 1, "\b\033[?1J"},
    {X, 1, "\033[?2J"},
    {V, 1, "\b\033[?2J"},
    {X, 2, "\033[?K"},
    {V, 2, "\b\033[?K"},
    {X, 1, "\033[?1K"},
    {V, 1, "\b\033[?1K"},
    {X, 1, "\033[?2K"},
    {V, 1, "\b\033[?2K"},
    {X, 4, "\033[\1L"},
    {X, 4, "\033[\1M"},
    {V, 4, "\033[\1L\r"}, /* vterm-il-column */
    {V, 4, "\033[\1M\r"},
    {X, 4, "\033[\1@"}, /* vterm-ich-region */
    {V, 4, "\033[r\033[\2;\3H\033[\1@"},
    {X, 4, "\033[\1P"},
    {V, 4, "\033[r\033[\2;\3H\033[\1P"},
    {X, 4, "\033[\1X"},
    {V, 4, "\b\033[\1X"},
    {XV, 2, "\033[\1S"},
    {X, 2, "\033[\1T"},
    {V, 2, "\033[2T"},
    {X, 2, "\033[\1 @"},
    {X, 2, "\033[\1 A"},
    {X, 2, "\033[\1^"},
    {X, 4, "\033[\1b"},
    {X, 2, "\033D"},
    {XV, 2, "\033E"},
    {X, 4, "\033M"},
    {V, 2, "\r\033D"},
    {V, 4, "\r\033M"},
    {V, 2, "\r\v"},
    {XV, 2, "\0337"},
    {X, 2, "\0338"},
    {V, 2, "\0337\033[\2;\3H\0338" AGAIN},
    {X, 1, "\033[s"},
    {X, 1, "\033[u"},
    {XV, 2, "\033H"},
    {XV, 1, "\033[g"},
    {XV, 1, "\033[3g"},
    {X, 6, "\033[\2;\2r"},
    {V, 2, "\033[1;3r\033[H"},
    {V, 2, "\033[3;5r\033[H"},
    {V, 2, "\033[2;99r\033[H"},
    {XV, 1, "\033[r"},
    {X, 4, "\033[?69h"},
    {X, 1, "\033[?69l"},
    {X, 6, "\033[\3;\3s"},
    {X, 2, "\033[\1'}"},
    {V, 2, "\033[r\033[\2;\3H\033[\1'}"},
    {X, 2, "\033[\1'~"},
    {V, 2, "\033[r\033[\2;\3H\033[\1'~"},
    {X, 2, "\0336"},
    {X, 2, "\0339"},
    {XV, 2, "\033[4h"},
    {XV, 2, "\033[4l"},
    {XV, 1, "\033[20h"},
    {XV, 1, "\033[20l"},
    {XV, 2, "\033[?6h"},
    {XV, 2, "\033[?6l"},
    {X, 2, "\033[?7l"},
    {XV, 2, "\033[?7h"},
    {X, 2, "\033[?45h"},
    {X, 1, "\033[?45l"},
    {X, 1, "\033[?5h"},
    {X, 1, "\033[?5l"},
    {XV, 1, "\033[?25l"},
    {XV, 1, "\033[?25h"},
    {X, 1, "\033[?47h"},
    {X, 1, "\033[?47l"},
    {X, 1, "\033[?1047h"}, /* vterm-1047 */
    {X, 1, "\033[?1047l"},
    {X, 1, "\033[?1048h"},
    {X, 1, "\033[?1048l"},
    {X, 2, "\033[?1049h"},
    {V, 2, "\r\033[?1049h"},
    {X, 2, "\033[?1049l"}, /* vterm-1049 */
    {V, 2, "\033[?1049l\033[H\033[m" AGAIN},
    {XV, 2, "\033(0"},
    {XV, 2, "\033(B"},
    {XV, 1, "\033)0"},
    {XV, 1, "\016"},
    {XV, 2, "\017"},
    {X, 1, "\033(A"},
    {X, 1, "\033n"},
    {XV, 2, "\033[1\"q"},
    {XV, 2, "\033[0\"q"},
    {X, 1, "\033V"},
    {X, 1, "\033W"},
    {X, 1, "\033[!p"}, /* vterm-decstr */
    {X, 1, "\033#8"},
    {V, 1, AGAIN "\033[m\033[r\033#8\033[H"}, /* vterm-decaln */
    {X, 1, "\033c"},
    {V, 1, "\033[?1049l\033c\0337"}, /* vterm-ris */
    {X, 3, "\033[\6;\2;\3;1$v"},
    {X, 2, "\033[42;\6$x"},
    {X, 2, "\033[\6$z"},
    {X, 2, "\033[\6${"},
    {X, 2, "\033[\6;1;4$r"},
    {X, 2, "\033[\6;7$t"},
    {X, 1, "\033[2*x"},
    {X, 1, "\033[*x"},
    {X, 2, "\033[6n"},
    {X, 1, "\033[?6n"},
    {X, 1, "\033[1;1;\6*y"},
    {X, 1, "\033P$qm\033\\"},
    {X, 1, "\033P$qr\033\\"},
    {X, 1, "\033P$qs\033\\"},
    {X, 1, "\033P$q\"q\033\\"},
    {X, 1, "\033[?7$p"},
    {X, 1, "\033[?69$p"},
    {X, 1, "\033[4$p"},
    {XV, 1, "\033]2;t\a"},
    {X, 1, "\033_x\033\\"},
    {XV, 1, "\033[3\030"},
    {XV, 1, "\033[99;99y"},
    {X, 2, "\033[#{"},
    {X, 2, "\033[#}"},
    {X, 1, "\033+B\033o"},
    {X, 1, "\033[?6s"},
    {X, 1, "\033[?6r"},
    {X, 1, "\033[?7s"},
    {X, 1, "\033[?7r"},
};
#define ITEMS (sizeof items / sizeof items[0])

struct source {
    const uint8_t *p;
    size_t left;
    enum side side;
    struct play *play;
};

static uint8_t next(struct source *s)
{
    if (!s->left)
        return 0;
    s->left--;
    return *s->p++;
}

struct out {
    char *p;
    size_t n, max;
};

static void put(struct out *o, const char *s)
{
    size_t len = strlen(s);
    if (o->n + len > o->max)
        return;
    memcpy(o->p + o->n, s, len);
    o->n += len;
}

static void put_number(struct out *o, unsigned n)
{
    char text[16];
    snprintf(text, sizeof text, "%u", n);
    put(o, text);
}

/* A place: mostly on the screen, now and then missing, 0 or beyond. */
static void put_place(struct out *o, struct source *s, unsigned max)
{
    unsigned b = next(s);
    if (b < 16)
        return;
    put_number(o, b < 24 ? 0 : b > 250 ? 9999 : 1 + b % (max + 1));
}

static void put_count(struct out *o, struct source *s)
{
    unsigned b = next(s);
    if (b < 64)
        return;
    put_number(o, b < 72 ? 0 : b > 250 ? 9999 : b % 6);
}

static void put_words(struct out *o, struct source *s)
{
    unsigned n = 1 + next(s) % 14, at = next(s);
    for (unsigned i = 0; i < n; i++)
        put(o, (char[]){"abcdefghijklmnop qrstuvwxyz ABCDEFGH"[(at + i) % 36], 0});
}

static void put_renditions(struct out *o, struct source *s)
{
    static const char *const all[] = {
        "",         "0",        "1",          "4",          "7",  "22", "24",  "27",     "3",
        "23",       "5",        "25",         "9",          "29", "31", "44",  "39",     "49",
        "38;5;200", "48;5;100", "38;2;1;2;3", "48;2;9;8;7", "2",  "92", "103", "0;1;32", "0;45",
    };
    put(o, all[next(s) % (sizeof all / sizeof all[0])]);
}

static void put_glyph(struct out *o, struct source *s)
{
    static const char *const all[] = {"é", "─", "e\xcc\x81", "中", "国字", "한", "\xcc\x80"};
    size_t n = sizeof all / sizeof all[0];
    put(o, all[next(s) % (s->side == SIDE_VTERM ? 2 : n)]); /* vterm-marks, vterm-wide */
}

static void put_form(struct out *o, struct source *s, const char *form)
{
    for (; *form; form++) {
        switch (*form) {
        case '\1':
            put_count(o, s);
            break;
        case '\2':
            put_place(o, s, s->play->rows);
            break;
        case '\3':
            put_place(o, s, s->play->cols);
            break;
        case '\4':
            put_words(o, s);
            break;
        case '\5':
            put_renditions(o, s);
            break;
        case '\6':
            for (int i = 0; i < 4; i++) {
                put(o, i ? ";" : "");
                put_place(o, s, i & 1 ? s->play->cols : s->play->rows);
            }
            break;
        case '\a':
            /* BEL where it ends an OSC. */
            if (o->n && o->p[0] == '\033')
                put(o, "\a");
            else
                put_glyph(o, s);
            break;
        default:
            put(o, (char[]){*form, 0});
        }
    }
}

static const struct item *choose(struct source *s)
{
    unsigned all = 0, at = next(s) << 8;
    at |= next(s);
    for (size_t i = 0; i < ITEMS; i++)
        all += items[i].sides & s->side ? items[i].weight : 0;
    at %= all;
    for (size_t i = 0; i < ITEMS; i++) {
        unsigned w = items[i].sides & s->side ? items[i].weight : 0;
        if (at < w)
            return &items[i];
        at -= w;
    }
    return &items[0];
}

void grammar_read(enum side side, const uint8_t *bytes, size_t len, struct play *p)
{
    struct source s = {bytes, len, side, p};
    p->cols = (uint16_t)(2 + next(&s) % 15);
    p->rows = (uint16_t)((side == SIDE_VTERM ? 5 : 1) + next(&s) % 7); /* vterm-regions */
    p->n = 0;
    if (side == SIDE_VTERM) /* vterm-restore */
        p->token[p->n++] = (struct token){2, "\0337"};
    for (; s.left && p->n < GRAMMAR_TOKENS_MAX; p->n++) {
        struct token *t = &p->token[p->n];
        struct out o = {(char *)t->bytes, 0, GRAMMAR_TOKEN_MAX};
        put_form(&o, &s, choose(&s)->form);
        t->len = (uint8_t)o.n;
    }
}
