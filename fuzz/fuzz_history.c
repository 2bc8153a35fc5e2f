/* The history log as a client reads it: records, lines, and what the view makes of them. Lines that
 * were read must be written and read the same again. */
#include "session/history_log.h"
#include "term/term.h"
#include "view/view.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct row *r)
{
    struct buf b;
    struct row *again;
    buf_init(&b, LINE_BYTES_MAX);
    line_put(&b, r);
    struct reader in = reader_of(buf_data(&b), buf_len(&b));
    if (buf_err(&b) || line_get(&in, &again) != 1 || in.len || again->used > r->used ||
        again->mark != r->mark || !row_equal(again, r, again->used))
        abort();
    row_unref(again);
    buf_fini(&b);
}

static void take_links(struct view *v, struct reader *in)
{
    const uint8_t *uri;
    uint32_t number;
    size_t len;
    while (history_link_get(in, &number, &uri, &len) == 1)
        view_history_link(v, number, uri, len);
}

static void take(struct view *v, const struct history_record *r)
{
    struct reader in = reader_of(buf_data(&r->lines), buf_len(&r->lines));
    struct row *row;
    uint64_t n = r->first;
    switch (r->kind) {
    case HISTORY_LINES:
        while (n < r->end && view_history_room(v) && line_get(&in, &row) == 1) {
            same_again(row);
            view_history_line(v, n++, row);
        }
        break;
    case HISTORY_GAP:
        view_history_gap(v, r->first, r->end);
        break;
    case HISTORY_CLEAR:
        view_history_clear(v, r->end);
        break;
    case HISTORY_SKIP:
        view_history_skip(v, r->end);
        break;
    case HISTORY_LINKS:
        take_links(v, &in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t cols = size ? (uint16_t)(1 + data[0] % 100) : 80;
    struct view_facts f;
    view_facts_default(&f, cols, 5);
    f.il_dl = f.clear_scrollback = true;
    struct view *v = view_new(&f);
    struct term *tty = term_new(&(struct term_config){.cols = cols, .rows = 5});
    struct snapshot *blank = snapshot_blank(cols, 5), *s = snapshot_copy(blank);
    s->history_end = UINT64_MAX;
    struct buf out;
    buf_init(&out, 16 << 20);
    struct history_record r;
    history_record_init(&r);
    int err = view_start(v, &out);
    for (size_t used; !err && size && history_record_get(data, size, &r, &used) == 1;) {
        data += used;
        size -= used;
        take(v, &r);
        err = view_frame(v, s, NULL, &out);
        term_write(tty, buf_data(&out), buf_len(&out));
        buf_clear(&out);
    }
    history_record_fini(&r);
    buf_fini(&out);
    snapshot_unref(s);
    snapshot_unref(blank);
    term_free(tty);
    view_free(v);
    return 0;
}
