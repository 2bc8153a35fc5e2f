/* The first words of an X client: byte order, version, and by what it shows that it may connect
 * ("X Window System Protocol", Connection Setup). Programs on the far side know a cookie that is
 * worth nothing; here it is replaced by the display's own. No I/O. */
#ifndef TERN_FWD_X11_H
#define TERN_FWD_X11_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X11_COOKIE "MIT-MAGIC-COOKIE-1"
/* Bytes of the cookie that the far side makes up. */
#define X11_FAKE     16
#define X11_NAME_MAX 64
#define X11_DATA_MAX 256
#define X11_HEAD     12
/* Longest set-up that may be right. */
#define X11_SETUP_MAX (X11_HEAD + X11_NAME_MAX + X11_DATA_MAX)

/* What the display wants to see. Without a name nothing is shown. */
struct x11_auth {
    char name[X11_NAME_MAX + 1];
    uint8_t data[X11_DATA_MAX];
    size_t len;
};

enum x11_next {
    X11_MORE,  /* nothing to do before more comes */
    X11_RIGHT, /* *out has the set-up for the display, in place of the first *used bytes */
    X11_WRONG, /* another cookie, none, or no X client at all */
};

/* Look at all bytes that came. *out is appended to only with X11_RIGHT. The comparison takes as
 * long for every cookie. */
enum x11_next x11_setup(const uint8_t *p, size_t len, const uint8_t fake[static X11_FAKE],
                        const struct x11_auth *real, struct buf *out, size_t *used);

/* Of what `xauth list` or `xauth -n list DISPLAY` prints: the first line's name and hexadecimal
 * data. False: there is none that we can use. */
bool x11_auth_read(const char *list, struct x11_auth *out);

#endif
