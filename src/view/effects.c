/* Side effects on the user's terminal: what the far program printed reaches it no further than over
 * ssh, and nothing in it can end the sequence that carries it. */
#include "view/questions.h"
#include "view/view_impl.h"

#include <string.h>

/* SGR 4:3 and the like, by XTVERSION. xterm 379 takes them for a colour; which of its versions was
 * the first to know them is not known here, so only those far behind it are trusted. */
#define XTERM_COLONS 400

static bool takes_colons(const char *version)
{
    unsigned long n = 0;
    if (strncmp(version, "XTerm(", 6))
        return *version;
    for (const char *p = version + 6; *p >= '0' && *p <= '9' && n < XTERM_COLONS; p++)
        n = n * 10 + (unsigned)(*p - '0');
    return n >= XTERM_COLONS;
}

void view_know(struct view *v, const struct answers *a)
{
    struct view_facts *f = &v->facts;
    if (f->paint.rich && !f->paint.colon && takes_colons(a->version)) {
        f->paint.colon = true;
        view_forget_rows(v); /* what was drawn has plain underlines */
    }
    f->sync |= a->sync == ANSWER_CAN;
    f->kitty_keys = a->kitty;
    f->other_keys = a->modify_other;
    f->pixel_mouse = a->mouse_pixels == ANSWER_CAN;
    f->scheme = a->scheme_reports == ANSWER_CAN;
    f->graphemes = a->graphemes == ANSWER_CAN;
    f->reports = a->reports;
    f->keeps = !strncmp(a->version, "tmux ", 5); /* xterm, for one, loses it */
    f->paint.ambiguous_unsure = !a->width[WIDTH_AMBIGUOUS];
}

const struct view_facts *view_facts(const struct view *v)
{
    return &v->facts;
}

void view_bell(struct view *v, struct buf *out)
{
    (void)v;
    buf_put_u8(out, '\a');
}

static const char selections[] = "cpqs01234567";

/* "selection;base64": never "?", which asks for the clipboard, nor nothing, which clears it. */
static bool clip_safe(const char *clip)
{
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *data = clip + strspn(clip, selections);
    return *data == ';' && data[1] && !data[1 + strspn(data + 1, base64)];
}

static void put_osc(struct buf *out, const char *number, const char *text)
{
    buf_put_text(out, "\033]");
    buf_put_text(out, number);
    buf_put_text(out, text);
    buf_put_text(out, "\033\\");
}

void view_clip(struct view *v, const char *clip, struct buf *out)
{
    if (!v->facts.clip || !clip_safe(clip))
        return;
    buf_put_text(out, "\033]52;");
    buf_put_text(out, clip);
    buf_put_u8(out, '\a');
}

bool view_clip_ask(struct view *v, const char *selection, struct buf *out)
{
    size_t n = strspn(selection, selections);
    if (!v->facts.clip || !v->facts.clip_read || selection[n] || n > sizeof selections)
        return false;
    buf_put_text(out, "\033]52;");
    buf_put_text(out, selection);
    buf_put_text(out, ";?\033\\");
    return true;
}

/* UTF-8 without controls: C0, DEL, C1. */
static bool text_safe(const char *text)
{
    size_t n = 0;
    for (const uint8_t *p = (const uint8_t *)text; *p; p++, n++)
        if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
            return false;
    return n <= VIEW_TEXT_MAX;
}

void view_notify(struct view *v, const char *text, struct buf *out)
{
    bool known = !strncmp(text, "9;", 2) || !strncmp(text, "99;", 3) || !strncmp(text, "777;", 4);
    if (v->facts.osc && v->facts.notify && known && text_safe(text))
        put_osc(out, "", text);
}

void view_cwd(struct view *v, const char *uri, struct buf *out)
{
    if (v->facts.osc && text_safe(uri))
        put_osc(out, "7;", uri);
}

void view_progress(struct view *v, const char *text, struct buf *out)
{
    size_t n = strspn(text, "0123456789;");
    if (!v->facts.osc || !v->facts.notify || !n || text[n] || n > 16)
        return;
    put_osc(out, "9;4;", text);
    v->progress = strcmp(text, "0") != 0;
}

void view_pointer(struct view *v, const char *name, struct buf *out)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (!v->facts.osc || name[n] || n > 64)
        return;
    put_osc(out, "22;", name);
    v->pointer = *name != 0;
}

void effects_undo(const struct view *v, struct buf *out)
{
    if (v->progress)
        put_osc(out, "9;4;", "0");
    if (v->pointer)
        put_osc(out, "22;", "");
}
