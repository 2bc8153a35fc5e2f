/* What the client's end tells the predictor: keys with the state that they travel in, screens with
 * what is known of them. */
#ifndef TERN_SESSION_CLIENT_GUESS_H
#define TERN_SESSION_CLIENT_GUESS_H

#include "predict/predict.h"
#include "session/lane.h"

struct client_guess {
    struct predict *predict; /* NULL: never */
};

/* PREDICT_NEVER costs nothing from here on. */
void client_guess_init(struct client_guess *g, const struct predict_config *c);
void client_guess_fini(struct client_guess *g);

/* Bytes typed, about to be handed to sync; before them `appended` have been, and `held` are about
 * to be, or wait until the far side has room. */
void client_guess_keys(struct client_guess *g, struct lane *l, const struct buf *typed,
                       uint64_t appended, size_t held, uint64_t now_us);
void client_guess_resize(struct client_guess *g, struct lane *l, uint64_t appended);
/* A datagram came; `news` as of sync_receive. True if the frame may be another one by that. */
bool client_guess_news(struct client_guess *g, struct lane *l, int news, uint64_t now_us);
/* What to show over s; NULL: nothing. */
const struct overlay *client_guess_overlay(struct client_guess *g, struct lane *l,
                                           const struct snapshot *s, uint64_t now_us);
uint64_t client_guess_deadline(const struct client_guess *g, uint64_t now_us);
size_t client_guess_memory(const struct client_guess *g);

#endif
