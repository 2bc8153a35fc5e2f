#include "cmd/width.h"

#include "term/term.h"

#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

static bool have_locale; /* LC_CTYPE is a UTF-8 one */

void width_setup(void)
{
    static const char *const names[] = {"C.UTF-8", "C.utf8", "", "en_US.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !have_locale; i++)
        have_locale = setlocale(LC_CTYPE, names[i]) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!have_locale)
        setlocale(LC_CTYPE, "C");
}

int width_of(void *ctx, uint32_t cp)
{
    if ((cp >= 0x20 && cp <= 0x7e) || (cp >= 0xa0 && cp <= 0xff))
        return 1;
    return have_locale ? wcwidth((wchar_t)cp) : term_width(ctx, cp);
}
