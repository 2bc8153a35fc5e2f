#include "io/hostlocale.h"

#include <langinfo.h>
#include <locale.h>
#include <stddef.h>
#include <strings.h>

bool hostlocale_is_utf8(const char *name)
{
    locale_t l = newlocale(LC_CTYPE_MASK, name, (locale_t)0);
    if (l == (locale_t)0)
        return false;
    const char *codeset = nl_langinfo_l(CODESET, l);
    bool is = !strcasecmp(codeset, "UTF-8") || !strcasecmp(codeset, "utf8");
    freelocale(l);
    return is;
}

const char *hostlocale_utf8(void)
{
    static const char *const names[] = {"C.UTF-8",     "C.utf8",      "en_US.UTF-8",
                                        "en_GB.UTF-8", "de_DE.UTF-8", "POSIX.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hostlocale_is_utf8(names[i]))
            return names[i];
    return NULL;
}

bool hostlocale_adopt(void)
{
    const char *name = hostlocale_utf8();
    return name && setlocale(LC_CTYPE, name);
}
