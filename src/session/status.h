/* What `~#` shows: the session, its path, what went over the wire, and every channel of the link,
 * a line each, for the bar (view/bar.h). Made when it is asked for, and then stands still. */
#ifndef TERN_SESSION_STATUS_H
#define TERN_SESSION_STATUS_H

#include "link/connect.h"
#include "session/lane.h"

/* It goes with the next key, or after this long. */
#define STATUS_SHOWN_US 30000000u
/* More than lines for the highest terminal need. */
#define STATUS_TEXT_MAX (256u << 10)

struct status {
    char session[CONNECT_SESSION_MAX + 1]; /* "": it has no name, for the peer is stock */
    uint64_t since_us;
    /* Counted by the owner: states that came, frames that had anything to draw, bytes for the far
     * side. */
    uint64_t screens, frames, typed;
    struct buf text; /* NUL-terminated while it is shown */
    uint64_t until_us;
};

/* session: its name, copied; NULL towards stock. */
void status_init(struct status *s, const char *session, uint64_t now_us);
void status_fini(struct status *s);

/* Make the text anew, of at most `rows` lines (at least 1): where there is more, the last one says
 * how much. l->streams may be NULL or not started. */
void status_show(struct status *s, const struct lane *l, unsigned rows, uint64_t now_us);
/* The same for another size, if it is shown. */
void status_resize(struct status *s, const struct lane *l, unsigned rows, uint64_t now_us);
void status_hide(struct status *s);
/* The lines, separated by LF; NULL: it is not shown. Valid until the next call. */
const char *status_text(const struct status *s, uint64_t now_us);

/* One line of the list, without LF. */
void status_put_channel(const struct chan *c, struct buf *out);

#endif
