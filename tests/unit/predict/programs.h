/* Far programs, as far as a key's echo goes, and the way there and back in virtual time. */
#ifndef TERN_TESTS_PREDICT_PROGRAMS_H
#define TERN_TESTS_PREDICT_PROGRAMS_H

#include "base/rng.h"
#include "predict/predict.h"
#include "term/term.h"

enum program { PROGRAM_CAT, PROGRAM_READLINE, PROGRAM_VI, PROGRAM_SECRET, PROGRAM_COOKED };

#define LINE_MOST  600
#define STATES     4096
#define IN_FLIGHT  4096
#define ECHO_AFTER 50000u /* mosh-protocol.md §8 */

struct world {
    enum program program;
    bool stock; /* no offsets, no modes of the pty */
    bool label; /* vi tells its mode */
    uint64_t now, rtt;
    unsigned tty;

    /* far side */
    struct term *term;
    char line[LINE_MOST];
    unsigned len, at, row;
    bool insert;
    uint64_t read; /* bytes */

    /* on the way: keys there, screens back */
    struct {
        uint64_t at, frame;
        char bytes[8];
        size_t n;
    } key[IN_FLIGHT];
    unsigned keys, arrived, acked;
    struct {
        uint64_t at, ack, read;
        unsigned tty;
        struct snapshot *s;
    } screen[IN_FLIGHT];
    unsigned screens, seen;
    uint64_t sent; /* bytes */

    /* near side */
    struct predict *predict;
    struct snapshot *shown; /* the newest screen */
    struct {
        uint64_t hash, since, until;
    } saw[STATES]; /* pictures that the user saw */
    unsigned saws;
    uint64_t was[STATES]; /* all that the far side ever showed */
    unsigned states;
    bool covered; /* a guess was ever shown */
};

void world_open(struct world *w, enum program program, uint64_t rtt, enum predict_when when,
                bool stock);
void world_close(struct world *w);
/* Time passes. */
void world_wait(struct world *w, uint64_t us);
void world_type(struct world *w, const char *bytes, size_t n);
/* Each byte a key, `gap` us between. */
void world_text(struct world *w, const char *text, uint64_t gap);
/* What the user sees in a row, without blanks at the end; of the guesses, too. */
const char *world_row(struct world *w, unsigned row);
uint16_t world_col(struct world *w);
bool world_guesses(struct world *w);
/* The far program prints by itself. */
void world_print(struct world *w, const char *text);
/* Pictures that the user saw and the far side never showed: how many; the time of the longest. */
unsigned world_wrong(const struct world *w, uint64_t *longest);
/* The user sees what the far side shows, and nothing is on its way. */
bool world_settled(struct world *w);

#endif
