/* The client's endpoint for commands: a link with channels and without a screen (design.md §2.4).
 * On the server it holds a session of its own, without a program, that ends with it. The edge's
 * turn is that of client_end.h. */
#ifndef TERN_SESSION_COMMAND_END_H
#define TERN_SESSION_COMMAND_END_H

#include "base/log.h"
#include "base/rng.h"
#include "chan/chans.h"
#include "link/connect.h"
#include "link/link.h"

struct command_end;

struct command_end_config {
    const struct connect *connect; /* what the server told; copied */
    bool null_codec;               /* simulator: no encryption, no zlib */
    struct entropy entropy;
    const struct log *log;         /* may be NULL; outlives the object */
    const struct chans_ops *chans; /* outlives the object */
    void *chans_ctx;
    uint64_t now_us;
};

struct command_end *command_end_new(const struct command_end_config *c);
void command_end_free(struct command_end *e); /* wipes the keys; open channels hear `broken` */

/* Channels may be opened at once. */
struct chans *command_end_chans(struct command_end *e);
struct link *command_end_link(struct command_end *e);

void command_end_datagram(struct command_end *e, const struct path_ref *from, bool congested,
                          const uint8_t *dgram, size_t len, uint64_t now_us);
/* The next datagram to send now: 1 with *out filled (valid until the next call), else 0. */
int command_end_poll(struct command_end *e, uint64_t now_us, struct link_datagram *out);
uint64_t command_end_deadline(struct command_end *e, uint64_t now_us); /* UINT64_MAX: none */

/* Everything is done, or the user wants no more: tell the server. The second time it is over at
 * once, without its word. */
void command_end_leave(struct command_end *e, uint64_t now_us);

enum command_state {
    COMMAND_LIVE,
    COMMAND_LEAVING, /* the server has not yet confirmed */
    COMMAND_OVER,    /* see command_end_text */
};
enum command_state command_end_state(const struct command_end *e);
/* Why it ended without our leave, one line, or NULL; lives as long as the object. */
const char *command_end_text(const struct command_end *e);
/* May still be asked for an acknowledgement: keep it turning until this is false. */
bool command_end_lingers(const struct command_end *e, uint64_t now_us);

#endif
