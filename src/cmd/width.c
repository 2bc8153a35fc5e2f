#include "cmd/width.h"

#include "io/hostlocale.h"
#include "term/term.h"

#include <stdbool.h>
#include <wchar.h>

static bool have_locale; /* LC_CTYPE is a UTF-8 one */

void width_setup(void)
{
    have_locale = hostlocale_adopt();
}

int width_of(void *ctx, uint32_t cp)
{
    if ((cp >= 0x20 && cp <= 0x7e) || (cp >= 0xa0 && cp <= 0xff))
        return 1;
    return have_locale ? wcwidth((wchar_t)cp) : term_width(ctx, cp);
}

int width_of_native(void *ctx, uint32_t cp)
{
    int w = width_of(ctx, cp);
    return w < 0 && cp > 0xff ? term_width(ctx, cp) : w;
}
