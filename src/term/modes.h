/* Telling a terminal its modes, in the manner of mosh-protocol.md §9.2. */
#ifndef TERN_TERM_MODES_H
#define TERN_TERM_MODES_H

#include "base/buf.h"
#include "term/snapshot.h"

/* CSI ? mode h or l. */
void mode_put(struct buf *out, unsigned mode, bool on);

/* §9.2's items 10 to 13 (paste, mouse, focus, mouse coding) and for NATIVE alternate scroll, keypad
 * and cursor shape, as far as they changed, or all if `fresh`. */
void modes_put(struct buf *out, const struct modes *from, const struct modes *to, bool fresh,
               enum snapshot_kind kind);

#endif
