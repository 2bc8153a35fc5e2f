/* Answers that wait for facts. A program asks for the terminal's colours when it starts, which may
 * be before the client could tell them: such a question waits, and so does every answer after it,
 * so that they stay in order. */
#ifndef TERN_TERM_DEFER_H
#define TERN_TERM_DEFER_H

#include "base/buf.h"
#include "term/term.h"

/* Questions that wait; with one more all are answered with what is known. */
#define DEFER_MAX 64

enum defer_kind {
    DEFER_COLOUR, /* a: OSC number, b: index or -1 */
    DEFER_SCHEME,
    DEFER_KITTY,
    DEFER_OTHER_KEYS,
    DEFER_PIXELS, /* a: XTWINOPS' operation */
    DEFER_MODE,   /* a: private mode */
};

struct deferred {
    struct {
        enum defer_kind kind;
        int a, b;
        bool bel;
        size_t at; /* in text */
    } question[DEFER_MAX];
    size_t count;
    struct buf text; /* answers that wait behind questions */
};

/* True: the question waits. False: it is to be answered now. */
bool defer_question(struct term *t, enum defer_kind kind, int a, int b);
/* Where an answer goes now. */
struct buf *defer_answers(struct term *t);

#endif
