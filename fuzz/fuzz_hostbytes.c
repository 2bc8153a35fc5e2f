/* Host bytes: what a server sends into the client's replica of the screen.
 * Input: columns, rows, length of the first part, then a program's output that makes a state, then
 * host bytes on top of it. A replica never answers; any two screens reached so are brought to each
 * other by their diffs. */
#include "term/diff.h"
#include "term/term.h"

#include <stdlib.h>

static void check(int ok)
{
    if (!ok)
        abort();
}

static struct term *engine(uint16_t cols, uint16_t rows, bool replica)
{
    return term_new(&(struct term_config){.cols = cols, .rows = rows, .replica = replica});
}

/* from -> to by a diff, on a replica. */
static void check_reaches(const struct snapshot *from, const struct snapshot *to,
                          enum snapshot_kind kind)
{
    struct term *r = engine(from->cols, from->rows, true);
    struct buf b;
    buf_init(&b, 1 << 22);
    term_load(r, from);
    check(diff_screen(&b, from, to, kind) == 0);
    if (from->cols != to->cols || from->rows != to->rows)
        term_resize(r, to->cols, to->rows);
    term_write(r, buf_data(&b), buf_len(&b));
    check(buf_len(term_replies(r)) == 0);
    struct snapshot *got = term_snapshot(r);
    check(snapshot_equal(got, to, kind));
    snapshot_unref(got);
    buf_fini(&b);
    term_free(r);
}

static void check_partial(const struct snapshot *from, const struct snapshot *to)
{
    struct snapshot *part = diff_partial(from, to, 100);
    check_reaches(from, part, SNAPSHOT_NATIVE);
    check_reaches(part, to, SNAPSHOT_NATIVE);
    snapshot_unref(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 3)
        return 0;
    uint16_t cols = (uint16_t)(1 + data[0] % 40), rows = (uint16_t)(1 + data[1] % 16);
    size_t first = data[2] * 4u;
    data += 3;
    len -= 3;
    if (first > len)
        first = len;

    struct term *t = engine(cols, rows, false), *replica = engine(cols, rows, true);
    struct snapshot *blank = term_snapshot(replica);
    term_write(t, data, first);
    struct snapshot *a = term_snapshot(t);
    term_load(replica, a);
    term_write(replica, data + first, len - first);
    check(buf_len(term_replies(replica)) == 0);
    struct snapshot *b = term_snapshot(replica);

    for (int kind = SNAPSHOT_STOCK; kind <= SNAPSHOT_NATIVE; kind++) {
        check_reaches(a, b, (enum snapshot_kind)kind);
        check_reaches(b, a, (enum snapshot_kind)kind);
        check_reaches(blank, b, (enum snapshot_kind)kind);
    }
    check_partial(a, b);
    snapshot_unref(a);
    snapshot_unref(b);
    snapshot_unref(blank);
    term_free(t);
    term_free(replica);
    return 0;
}
