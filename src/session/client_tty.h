/* The client's conversation with the user's terminal, beside keys and the screen: questions and
 * their answers, which the server is told; side effects that the server tells. */
#ifndef TERN_SESSION_CLIENT_TTY_H
#define TERN_SESSION_CLIENT_TTY_H

#include "session/lane.h"
#include "session/tty_facts.h"
#include "view/questions.h"
#include "view/view.h"

struct client_tty {
    struct view *view; /* borrowed */
    struct lane *lane; /* borrowed */
    struct buf *out;   /* to the terminal; borrowed */
    bool native, started;
    struct questions questions;
    uint8_t scheme;         /* as it was when the colours were asked for */
    bool told, news;        /* the server has been told of the terminal; not of the latest */
    struct tty_facts facts; /* what it was told */
    struct event_text text; /* of the server's events */
    unsigned fences;        /* of the view, that the questions know of */
    uint16_t cols, rows;    /* as the kernel says */
    uint64_t odd_us;        /* since when the terminal itself says another; 0: it does not */
};

void client_tty_init(struct client_tty *t, bool native, struct view *v, struct lane *l,
                     struct buf *out);
void client_tty_fini(struct client_tty *t);
/* The terminal is ours and its cursor stands on a free line; `ask`: it may be asked. */
void client_tty_start(struct client_tty *t, bool ask, uint64_t now_us);
/* Answers came, or time went on: tells the server what is new. `quiet`: ask nothing further. */
void client_tty_follow(struct client_tty *t, bool quiet, uint64_t now_us);
/* A frame was made: its fence, if it has one, is answered some time. */
void client_tty_framed(struct client_tty *t, uint64_t now_us);
/* The kernel's word on the terminal's size. */
void client_tty_resize(struct client_tty *t, uint16_t cols, uint16_t rows);
/* When client_tty_follow may have something to do by time alone. */
uint64_t client_tty_deadline(const struct client_tty *t);
/* A record with text: shows what it asks for when it is whole. */
void client_tty_event(struct client_tty *t, const struct event *e, uint64_t now_us);

#endif
