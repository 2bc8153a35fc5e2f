/* The bytes that bring one screen to another. Invariant, tested at every step of the simulator: an
 * engine loaded with `from` (term_load) and fed the diff is at `to` (snapshot_equal of that kind).
 */
#ifndef TERN_TERM_DIFF_H
#define TERN_TERM_DIFF_H

#include "base/buf.h"
#include "term/snapshot.h"

/* Append to out the host string from `from` to `to`. STOCK: only sequences of mosh-protocol.md
 * §9.3, in the manner of §9.2, and only the showing screen. NATIVE: both screens (switched by CSI ?
 * 47 h/l, which neither clears nor moves the cursor), all attributes, cursor shape; no bell, no
 * clipboard. If sizes differ the caller sends a resize first, and the string repaints all. Hidden
 * state (region, insert, origin, tabs, charset) stands at its default before and after.
 * Deterministic: the same pair gives the same bytes. 0 or ERR_CAP when out is full. */
int MUST_USE diff_screen(struct buf *out, const struct snapshot *from, const struct snapshot *to,
                         enum snapshot_kind kind);

/* A snapshot between from and to whose NATIVE diff from `from` takes at most about budget bytes:
 * the first changed rows of `to` (from the cursor's row on, wrapping), everything else of `from`. A
 * reference for the caller; `to` itself when all fits. Always makes progress: at least one row
 * changes even if it alone is larger. Needs equal sizes and equal `alt`, else gives `to`. */
struct snapshot *diff_partial(const struct snapshot *from, const struct snapshot *to,
                              size_t budget);

#endif
