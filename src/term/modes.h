/* Telling a terminal its modes, in the manner of mosh-protocol.md §9.2. */
#ifndef TERN_TERM_MODES_H
#define TERN_TERM_MODES_H

#include "base/buf.h"
#include "term/snapshot.h"

/* CSI ? mode h or l. */
void mode_put(struct buf *out, unsigned mode, bool on);

/* §9.2's items 10 to 13 (paste, mouse, focus, mouse coding) and for NATIVE those marked so in
 * struct modes but graphemes, as far as they changed, or all if `fresh`. */
void modes_put(struct buf *out, const struct modes *from, const struct modes *to, bool fresh,
               enum snapshot_kind kind);

/* What a peer of that kind can tell apart is the same. */
bool modes_equal(const struct modes *a, const struct modes *b, enum snapshot_kind kind);

#endif
