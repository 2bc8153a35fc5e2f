#include "words.h"

#include <stdio.h>
#include <string.h>

static void add_colour(char *out, size_t max, const char *name, uint32_t c)
{
    size_t n = strlen(out);
    if (COLOUR_KIND(c) == COLOUR_RGB)
        snprintf(out + n, max - n, " %s=#%06x", name, c & 0xffffff);
    else if (COLOUR_KIND(c) == COLOUR_PALETTE)
        snprintf(out + n, max - n, " %s=%u", name, c & 0xffffff);
}

void words_of_pen(const struct pen *p, char *out, size_t max)
{
    static const char *const attr[] = {"bold",    "faint",     "italic", "blink",
                                       "inverse", "invisible", "strike", "overline"};
    static const char *const line[] = {"",        " underline", " double", " curly",
                                       " dotted", " dashed",    " ?",      " ?"};
    char text[256] = "";
    for (unsigned i = 0; i < 8; i++)
        if (p->attr & 1u << i)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %s", attr[i]);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
             line[(p->attr & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT]);
    add_colour(text, sizeof text, "fg", p->fg);
    add_colour(text, sizeof text, "bg", p->bg);
    add_colour(text, sizeof text, "ul", p->ul);
    snprintf(out, max, "%s", text[0] ? text + 1 : "default");
}
