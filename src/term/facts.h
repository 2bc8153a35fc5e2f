/* What is known of the terminal that shows the screen. */
#ifndef TERN_TERM_FACTS_H
#define TERN_TERM_FACTS_H

#include "term/cell.h"

/* Of the terminal last typed in. From it the engine
 * answers questions; zeroed, nothing is known, which is what holds towards a stock client: what is
 * not known is not answered, and a feature that is not there is reported as unknown
 * (docs/SEQUENCES.md has it per question). */
enum term_can {
    TERM_CAN_RGB = 1 << 0,         /* direct colours */
    TERM_CAN_UNDERLINES = 1 << 1,  /* underline styles and colours */
    TERM_CAN_SHAPE = 1 << 2,       /* DECSCUSR */
    TERM_CAN_CLIP = 1 << 3,        /* OSC 52 writes reach the clipboard */
    TERM_CAN_PIXEL_MOUSE = 1 << 4, /* ?1016 */
    TERM_CAN_OTHER_KEYS = 1 << 5,  /* modifyOtherKeys, CSI > 4 ; n m */
    TERM_CAN_KITTY_KEYS = 1 << 6,  /* CSI ? u was answered */
    TERM_CAN_SCHEME = 1 << 7,      /* ?2031: changes of dark and light are told to the client */
    TERM_CAN_LINKS = 1 << 8,       /* OSC 8 */
    TERM_CAN_CLIP_READ = 1 << 9,   /* the user lets programs read the clipboard */
};
enum term_scheme { TERM_SCHEME_UNKNOWN = 0, TERM_SCHEME_DARK = 1, TERM_SCHEME_LIGHT = 2 };
struct term_facts {
    uint32_t can; /* enum term_can */
    /* 0 = unknown, else COLOUR_RGB | 0xrrggbb. Palette colours from 16 on are taken to be xterm's.
     */
    uint32_t fg, bg, cursor, palette[16];
    uint8_t scheme;                   /* enum term_scheme; unknown: by the brightness of bg */
    uint16_t cell_width, cell_height; /* pixels; 0 = unknown */
};

#endif
