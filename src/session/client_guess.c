#include "session/client_guess.h"

_Static_assert((int)PREDICT_TTY_KNOWN == (int)SYNC_TTY_KNOWN &&
                   (int)PREDICT_TTY_ECHO == (int)SYNC_TTY_ECHO &&
                   (int)PREDICT_TTY_CANONICAL == (int)SYNC_TTY_CANONICAL,
               "handed on as they are");

void client_guess_init(struct client_guess *g, const struct predict_config *c)
{
    g->predict = c->when == PREDICT_NEVER ? NULL : predict_new(c);
}

void client_guess_fini(struct client_guess *g)
{
    predict_free(g->predict);
    g->predict = NULL;
}

void client_guess_keys(struct client_guess *g, struct lane *l, const struct buf *typed,
                       uint64_t appended, size_t held, uint64_t now_us)
{
    size_t n = buf_len(typed);
    if (!g->predict || !n)
        return;
    uint64_t frame = sync_sent_num(l->sync) + 1, end = appended + held + n;
    if (held + n <= sync_input_window(l->sync))
        predict_keys(g->predict, buf_data(typed), n, frame, end, now_us);
    else
        predict_forget(g->predict, PREDICT_FRAME_UNKNOWN, end);
}

void client_guess_resize(struct client_guess *g, struct lane *l, uint64_t appended)
{
    if (g->predict)
        predict_forget(g->predict, sync_sent_num(l->sync) + 1, appended);
}

bool client_guess_news(struct client_guess *g, struct lane *l, int news, uint64_t now_us)
{
    if (!g->predict || news < 0 || !(news & (SYNC_NEWS_STATE | SYNC_NEWS_FACTS)))
        return false;
    struct sync_remote r = sync_remote(l->sync);
    predict_tty(g->predict, sync_tty_modes(l->sync), now_us);
    if (news & SYNC_NEWS_STATE && r.snapshot)
        predict_screen(g->predict, r.snapshot, r.echo_ack, sync_input_consumed(l->sync), now_us);
    return true;
}

const struct overlay *client_guess_overlay(struct client_guess *g, struct lane *l,
                                           const struct snapshot *s, uint64_t now_us)
{
    if (!g->predict)
        return NULL;
    predict_rtt(g->predict, link_proven_us(l->link) ? link_srtt_us(l->link) : 0);
    return predict_overlay(g->predict, s, now_us);
}

uint64_t client_guess_deadline(const struct client_guess *g, uint64_t now_us)
{
    return g->predict ? predict_deadline(g->predict, now_us) : UINT64_MAX;
}

size_t client_guess_memory(const struct client_guess *g)
{
    return g->predict ? predict_memory(g->predict) : 0;
}
