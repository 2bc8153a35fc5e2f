#include "predict/keys.h"

#include <string.h>

static const char paste_end[] = "\033[201~";

static void print(struct keys_in *k, uint8_t byte, keys_width *width, void *ctx, struct key *key)
{
    uint32_t cp[2];
    size_t n = utf8_feed(&k->utf8, byte, cp);
    key->kind = n ? KEY_OTHER : KEY_NONE;
    if (n != 1 || cp[0] == UTF8_BAD)
        return;
    int columns = cp[0] < 0x7f ? 1 : width(ctx, cp[0]);
    if (cp[0] < 0xa0 && cp[0] >= 0x7f)
        return;
    if (columns != 1 && columns != 2)
        return;
    *key = (struct key){KEY_PRINT, cp[0], (uint8_t)columns};
}

static enum key_kind ground(struct keys_in *k, uint8_t byte)
{
    switch (byte) {
    case 0x1b:
        k->state = KEYS_ESC;
        return KEY_NONE;
    case 0x7f:
    case 0x08:
        return KEY_ERASE;
    default:
        return KEY_OTHER;
    }
}

static enum key_kind arrow(uint8_t byte)
{
    return byte == 'C' ? KEY_RIGHT : byte == 'D' ? KEY_LEFT : KEY_OTHER;
}

static enum key_kind csi(struct keys_in *k, uint8_t byte)
{
    if (byte < 0x40 || byte > 0x7e) {
        if (byte < 0x20) { /* broken off */
            k->state = byte == 0x1b ? KEYS_ESC : KEYS_GROUND;
            return KEY_OTHER;
        }
        if (k->n < sizeof k->param)
            k->param[k->n] = byte;
        k->n += k->n < 255;
        return KEY_NONE;
    }
    k->state = KEYS_GROUND;
    if (byte == '~' && k->n == 3 && !memcmp(k->param, "200", 3)) {
        k->state = KEYS_PASTE;
        k->n = 0;
        return KEY_OTHER;
    }
    if (byte == 'M' && !k->n)
        k->state = KEYS_MOUSE;
    return k->n ? KEY_OTHER : arrow(byte);
}

/* All of it is one key that is not guessed. */
static void paste(struct keys_in *k, uint8_t byte)
{
    if (byte != (uint8_t)paste_end[k->n])
        k->n = byte == 0x1b;
    else
        k->n++;
    if (paste_end[k->n])
        return;
    k->state = KEYS_GROUND;
    k->n = 0;
}

static enum key_kind escaped(struct keys_in *k, uint8_t byte)
{
    if (byte == '[' || byte == 'O') {
        k->state = byte == '[' ? KEYS_CSI : KEYS_SS3;
        k->n = 0;
        return KEY_NONE;
    }
    k->state = byte == 0x1b ? KEYS_ESC : KEYS_GROUND;
    return KEY_ESCAPE;
}

void keys_feed(struct keys_in *k, uint8_t byte, keys_width *width, void *ctx, struct key *key)
{
    *key = (struct key){.kind = KEY_NONE};
    switch (k->state) {
    case KEYS_GROUND:
        if (!k->utf8.left && (byte < 0x20 || byte == 0x7f))
            key->kind = ground(k, byte);
        else
            print(k, byte, width, ctx, key);
        return;
    case KEYS_ESC:
        key->kind = escaped(k, byte);
        return;
    case KEYS_SS3:
        k->state = KEYS_GROUND;
        key->kind = arrow(byte);
        return;
    case KEYS_CSI:
        key->kind = csi(k, byte);
        return;
    case KEYS_MOUSE:
        key->kind = KEY_OTHER;
        if (++k->n == 3)
            k->state = KEYS_GROUND;
        return;
    case KEYS_PASTE:
        key->kind = KEY_OTHER;
        paste(k, byte);
        return;
    }
}

bool keys_lone(const struct keys_in *k)
{
    return k->state == KEYS_ESC;
}

void keys_later(struct keys_in *k)
{
    if (k->state == KEYS_ESC)
        k->state = KEYS_GROUND;
}
