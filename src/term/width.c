#include "term/term.h"

#include "term/width_table.h"

int term_width(void *ctx, uint32_t cp)
{
    (void)ctx;
    if (cp >= 0xa0 && cp <= 0xff)
        return 1;
    if (cp > 0x10ffff)
        return -1;
    unsigned w = width_bits[width_block[cp >> 8]][cp >> 2 & 63] >> (cp & 3) * 2 & 3;
    return w == 3 ? -1 : (int)w;
}
