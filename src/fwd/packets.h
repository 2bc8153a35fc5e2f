/* Datagrams over a channel (docs/PROTOCOL.md §10): beside its stream where they fit, each once and
 * perhaps never; else on the stream as DATA, each behind its length in two bytes. */
#ifndef TERN_FWD_PACKETS_H
#define TERN_FWD_PACKETS_H

#include "chan/chans.h"

#define PACKETS_MAX 65535
/* No more waits on the stream: what does not fit is lost, as datagrams are. */
#define PACKETS_UNSENT_MAX (128u << 10)

/* ERR_CAP: it was dropped. len <= PACKETS_MAX, else it is dropped too. */
int packets_send(struct chan *c, const void *bytes, size_t len);
/* Takes what came on the stream; `take` gets each whole one, and must not give up the channel. */
void packets_read(struct chan *c, void (*take)(void *ctx, const uint8_t *bytes, size_t len),
                  void *ctx);

#endif
