/* Private to paint: what its files share. */
#ifndef TERN_TERM_PAINT_IMPL_H
#define TERN_TERM_PAINT_IMPL_H

#include "term/paint.h"
#include "term/paint_put.h"

/* Bytes go straight into out's memory, while a window of it is open. */
void paint_window_open(struct paint *p);
void paint_window_close(struct paint *p);

/* Where the next n <= sizeof spill bytes go. */
static inline uint8_t *room(struct paint *p, size_t n)
{
    if ((size_t)(p->limit - p->at) < n) {
        paint_window_close(p);
        paint_window_open(p);
    }
    return p->at;
}

/* A pen with which erasing takes that background and nothing else; the window is open. */
void paint_erase_pen(struct paint *p, uint32_t bg);

/* paint_move while the window is open. */
void paint_go(struct paint *p, uint16_t row, uint16_t col);

/* May the wrap mark of the row that the scrolls brought to `at` be gone? */
bool paint_mark_lost(const struct paint *p, const struct row *const *from,
                     const struct scroll *scrolls, size_t n, uint16_t at);

#endif
