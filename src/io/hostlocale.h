/* Locales of the host: a child gets a UTF-8 one if there is one (issue 2, point 6). */
#ifndef TERN_IO_HOSTLOCALE_H
#define TERN_IO_HOSTLOCALE_H

#include <stdbool.h>

/* Does LC_CTYPE of that name exist here with UTF-8 as its codeset? */
bool hostlocale_is_utf8(const char *name);
/* The name of a UTF-8 locale of this host ("C.UTF-8" if it has that), or NULL. */
const char *hostlocale_utf8(void);
/* Set this process's LC_CTYPE to that, so that wcwidth knows Unicode. False if there is none. */
bool hostlocale_adopt(void);

#endif
