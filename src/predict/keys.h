/* Bytes that were typed, as keys that a guess can be made of. */
#ifndef TERN_PREDICT_KEYS_H
#define TERN_PREDICT_KEYS_H

#include "base/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_kind {
    KEY_NONE,  /* in the midst of a sequence */
    KEY_PRINT, /* a character of one or two columns */
    KEY_ERASE, /* 0x7F, 0x08: backspace */
    KEY_LEFT,
    KEY_RIGHT,
    KEY_OTHER,  /* what it does is not guessed */
    KEY_ESCAPE, /* the same, and it may switch modes: a lone ESC, or ESC and a character */
};

struct key {
    enum key_kind kind;
    uint32_t cp;    /* KEY_PRINT */
    uint8_t column; /* its columns: 1 or 2 */
};

enum keys_state {
    KEYS_GROUND,
    KEYS_ESC,
    KEYS_SS3,
    KEYS_CSI,
    KEYS_MOUSE, /* the three bytes behind CSI M */
    KEYS_PASTE, /* between CSI 200 ~ and CSI 201 ~ */
};

/* Zeroed = fresh. */
struct keys_in {
    enum keys_state state;
    uint8_t n;        /* bytes of the CSI or the mouse report, or matched of a paste's end */
    uint8_t param[4]; /* the first of them */
    struct utf8 utf8;
};

typedef int keys_width(void *ctx, uint32_t cp);

/* A sequence of a key comes in one piece, or at least so soon: later bytes are other keys. */
#define KEYS_ESC_US 50000u

/* One byte; *key is what it completes. */
void keys_feed(struct keys_in *k, uint8_t byte, keys_width *width, void *ctx, struct key *key);
/* No more bytes for now: is what came last a lone ESC? */
bool keys_lone(const struct keys_in *k);
/* What comes now came later than KEYS_ESC_US: a lone ESC was a key. */
void keys_later(struct keys_in *k);

#endif
