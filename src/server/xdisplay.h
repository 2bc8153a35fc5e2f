/* A session's display: what its programs find in DISPLAY, and by xauth (openssh-mux.md §3.1, §3.3).
 */
#ifndef TERN_SERVER_XDISPLAY_H
#define TERN_SERVER_XDISPLAY_H

#include "base/log.h"
#include "fwd/x11.h"

#include <stdint.h>

#define XDISPLAY_HOST  256
#define XDISPLAY_PORTS 6000u /* of display 0 */
/* sshd's X11DisplayOffset, where it has not told */
#define XDISPLAY_FIRST 10u
#define XDISPLAY_MOST  1000u /* displays that are tried */

/* A display as sshd names it. */
struct xdisplay {
    char host[XDISPLAY_HOST]; /* "localhost", else connections may come from anywhere */
    unsigned number, screen;
};

/* "host:N" or "host:N.S"; false: something else. */
bool xdisplay_parse(const char *text, struct xdisplay *out);
#define XDISPLAY_TEXT (XDISPLAY_HOST + 32)
void xdisplay_text(const struct xdisplay *d, char out[static XDISPLAY_TEXT]);

/* Of /proc/net/tcp or tcp6: does this user or root listen at that port? */
bool xdisplay_listened(const char *table, uint16_t port, uint32_t uid);

/* Make the cookie known to programs of this user: by ~/.ssh/rc or /etc/ssh/sshrc, which get it on
 * stdin, or by xauth. Waits for it, some seconds at most. */
void xdisplay_tell(const struct xdisplay *d, const uint8_t cookie[static X11_FAKE],
                   const struct log *log);

#endif
