/* The predictor between a user and a peer who do anything: keys, screens of any content and size,
 * acknowledgements of any number. The first byte of each step says what it is. What is shown lies
 * on the screen, nothing is shown for a pty that reads lines without echo, and memory stays small.
 */
#include "predict/predict.h"
#include "term/row_edit.h"
#include "term/term.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
    const uint8_t *bytes;
    size_t len;
    uint8_t what, much;
};

static bool next(struct step *s, const uint8_t **at, size_t *left)
{
    if (*left < 3)
        return false;
    *s = (struct step){*at + 3, (*at)[2], (*at)[0], (*at)[1]};
    *at += 3;
    *left -= 3;
    if (s->len > *left)
        s->len = *left;
    *at += s->len;
    *left -= s->len;
    return true;
}

static void check(struct predict *p, const struct snapshot *s, unsigned tty, uint64_t now)
{
    const struct overlay *o = predict_overlay(p, s, now);
    uint64_t at = predict_deadline(p, now);
    if (at <= now || predict_memory(p) > (256u << 10))
        abort();
    if (!o)
        return;
    if (o->n > PREDICT_ROWS || o->row >= s->rows || o->col >= s->cols ||
        (tty & PREDICT_TTY_CANONICAL && !(tty & PREDICT_TTY_ECHO)))
        abort();
    for (unsigned i = 0; i < o->n; i++)
        if (o->rows[i].at >= s->rows || (i && o->rows[i].at <= o->rows[i - 1].at) ||
            o->rows[i].row->used > (o->rows[i].row->size) ||
            (o->rows[i].row->used && o->rows[i].row->cell[0].text & CELL_TAIL))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct term *t = term_new(&(struct term_config){.cols = 20, .rows = 5});
    struct predict *p =
        predict_new(&(struct predict_config){.when = data[0] & 3, .overwrite = data[0] & 4});
    struct snapshot *shown = term_snapshot(t);
    uint64_t now = 1, frame = 0, end = 0, ack = 0, read = 0;
    unsigned tty = 0;
    struct step s;
    data++, size--;
    predict_rtt(p, 200000);
    predict_screen(p, shown, 0, 0, now);
    while (next(&s, &data, &size)) {
        now += s.much * 1000u;
        switch (s.what % 8) {
        case 0:
        case 1:
            end += s.len;
            predict_keys(p, s.bytes, s.len, ++frame, end, now);
            break;
        case 2:
        case 3: /* the program prints what it likes, or what was typed */
            term_write(t, s.bytes, s.len);
            snapshot_unref(shown);
            shown = term_snapshot(t);
            ack += s.much & 3;
            read += s.much >> 2 & 7;
            predict_screen(p, shown, ack, s.what & 8 ? UINT64_MAX : read, now);
            break;
        case 4:
            tty = s.much & 7;
            predict_tty(p, tty, now);
            break;
        case 5:
            term_resize(t, (uint16_t)(1 + s.much % 30), (uint16_t)(1 + s.len % 8));
            predict_forget(p, s.much & 1 ? PREDICT_FRAME_UNKNOWN : ++frame, end);
            break;
        case 6:
            predict_rtt(p, s.much * 2000u);
            break;
        case 7:
            now += s.much * 100000u;
            break;
        }
        check(p, shown, tty, now);
    }
    predict_free(p);
    snapshot_unref(shown);
    term_free(t);
    return 0;
}
