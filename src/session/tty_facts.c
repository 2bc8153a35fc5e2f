#include "session/tty_facts.h"

#include "base/pb.h"
#include "term/cell.h"

enum {
    FIELD_CAN = 1,
    FIELD_FG = 2,
    FIELD_BG = 3,
    FIELD_CURSOR = 4,
    FIELD_PALETTE = 5, /* 4 bytes for each colour: 1 = known, red, green, blue */
    FIELD_SCHEME = 6,
    FIELD_CELL_WIDTH = 7,
    FIELD_CELL_HEIGHT = 8,
    FIELD_WIDTH = 9,
};

enum { PALETTE = 16 };

/* A colour is 0x1rrggbb on the wire, 0 = not known. */
static uint32_t colour_out(uint32_t c)
{
    return COLOUR_KIND(c) == COLOUR_RGB ? 0x1000000u | (c & 0xffffffu) : 0;
}

static uint32_t colour_in(uint64_t v)
{
    return v & 0x1000000u ? COLOUR_RGB | (uint32_t)(v & 0xffffffu) : 0;
}

static void put_number(struct buf *out, uint32_t field, uint64_t v)
{
    if (v)
        pb_put_varint(out, field, v);
}

void tty_facts_put(struct buf *out, const struct tty_facts *f)
{
    const struct term_facts *t = &f->term;
    uint8_t palette[4 * PALETTE];
    uint32_t any = 0;
    for (unsigned i = 0; i < PALETTE; i++) {
        uint32_t c = colour_out(t->palette[i]);
        wire_put_u32(palette + 4 * i, c);
        any |= c;
    }
    put_number(out, FIELD_CAN, t->can);
    put_number(out, FIELD_FG, colour_out(t->fg));
    put_number(out, FIELD_BG, colour_out(t->bg));
    put_number(out, FIELD_CURSOR, colour_out(t->cursor));
    if (any)
        pb_put_bytes(out, FIELD_PALETTE, palette, sizeof palette);
    put_number(out, FIELD_SCHEME, t->scheme);
    put_number(out, FIELD_CELL_WIDTH, t->cell_width);
    put_number(out, FIELD_CELL_HEIGHT, t->cell_height);
    put_number(out, FIELD_WIDTH, f->width);
}

static uint16_t pixels(uint64_t v)
{
    return (uint16_t)(v <= UINT16_MAX ? v : 0);
}

static void take_number(struct tty_facts *f, uint32_t number, uint64_t v)
{
    struct term_facts *t = &f->term;
    switch (number) {
    case FIELD_CAN:
        t->can = (uint32_t)v;
        break;
    case FIELD_FG:
        t->fg = colour_in(v);
        break;
    case FIELD_BG:
        t->bg = colour_in(v);
        break;
    case FIELD_CURSOR:
        t->cursor = colour_in(v);
        break;
    case FIELD_SCHEME:
        t->scheme = v <= TERM_SCHEME_LIGHT ? (uint8_t)v : 0;
        break;
    case FIELD_CELL_WIDTH:
        t->cell_width = pixels(v);
        break;
    case FIELD_CELL_HEIGHT:
        t->cell_height = pixels(v);
        break;
    case FIELD_WIDTH:
        f->width = (uint32_t)v;
        break;
    default:
        break;
    }
}

int tty_facts_get(const uint8_t *p, size_t len, struct tty_facts *f)
{
    struct reader r = reader_of(p, len);
    struct pb_field field;
    int got;
    *f = (struct tty_facts){.width = 0};
    while ((got = pb_next(&r, &field)) > 0) {
        if (field.type == PB_VARINT)
            take_number(f, field.number, field.value);
        else if (field.type == PB_BYTES && field.number == FIELD_PALETTE)
            for (size_t i = 0; i < PALETTE && 4 * i + 4 <= field.len; i++)
                f->term.palette[i] = colour_in(wire_get_u32(field.bytes + 4 * i));
    }
    if (!got)
        return ERR_OK;
    *f = (struct tty_facts){.width = 0};
    return ERR_SYNTAX;
}
