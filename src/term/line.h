/* A line that left the screen as bytes: how histories travel. Compact for plain text (about its
 * UTF-8 and three bytes), exact for everything that a row holds, and
 * independent of any width table: the columns of each character are said.
 *
 * A line is a row of operations, each a varint `argument << 4 | kind`:
 *   0 END       the line is over; argument: bit 0 = soft-wrapped, its text goes on in the next
 * line; bit 1 = a prompt begins in it (ROW_PROMPT); other bits are skipped 1 TEXT      that many
 * characters of one column, as UTF-8 2 WIDE      that many characters of two columns 3 BLANK that
 * many empty cells 4 PEN       that many bytes: varints fg, bg, attributes, underline colour
 * (colours: 0 = default, 1..256 = palette, else 257 + rgb), number of a hyperlink (may be left
 *               out); holds until the next PEN; default at first
 *   5 CLUSTER   that many bytes of UTF-8: one cell of several characters
 *   6 CLUSTER2  the same of two columns
 *   7 LONE      the same of one column, combining characters without a base
 * Other kinds are followed by that many bytes, which are skipped. */
#ifndef TERN_TERM_LINE_H
#define TERN_TERM_LINE_H

#include "base/buf.h"
#include "base/wire.h"
#include "term/row.h"

/* A line takes at most this many bytes; what a row has beyond them is cut off. */
#define LINE_BYTES_MAX 32768
/* And this many columns (SCREEN_MAX). */
#define LINE_COLS_MAX 4096

/* Append the line. buf_err tells if it did not fit. */
void line_put(struct buf *out, const struct row *r);
/* Take the next line: 1 with *out = a row of one reference, without identity, its `used` being the
 * line's width; 0 at the end; ERR_SYNTAX. Characters are checked: no controls come out. */
int MUST_USE line_get(struct reader *r, struct row **out);

/* Unsigned LEB128, as protobuf writes it; for the framing around lines too. */
void line_put_varint(struct buf *out, uint64_t v);
/* 0, or ERR_SYNTAX. */
int MUST_USE line_get_varint(struct reader *r, uint64_t *v);

#endif
