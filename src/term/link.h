/* Hyperlinks (OSC 8): a number in the pen and in the cell, and a bounded table of what the numbers
 * name. Numbers are never used twice, so that rows, history and old snapshots may keep them: when
 * the table is full the oldest link is forgotten, and cells that have its number are no link any
 * more. So a table may be shared by an engine and its snapshots though it changes.
 *
 * One URI with one id is one link, however often it is opened. In NATIVE diffs a number is carried
 * as the parameter `tern=N`, and a replica keeps it: cells of both ends compare by number. */
#ifndef TERN_TERM_LINK_H
#define TERN_TERM_LINK_H

#include "base/buf.h"

#define LINKS_MAX    4096       /* links of one engine that are known at a time */
#define LINKS_BYTES  (1u << 20) /* of their URIs and ids */
#define LINK_URI_MAX 2083       /* longer ones are no link (VTE's limit) */
#define LINK_ID_MAX  250

struct links;

struct links *links_ref(struct links *l); /* NULL stays NULL */
void links_unref(struct links *l);
/* The number of a link, a new one if need be; *slot is made if it is NULL. 0: over a cap. */
uint32_t links_number(struct links **slot, const uint8_t *uri, size_t uri_len, const uint8_t *id,
                      size_t id_len);
/* A replica: that number names that from now on. */
void links_learn(struct links **slot, uint32_t number, const uint8_t *uri, size_t len);
/* The URI of a number, NUL-terminated, borrowed until the next call that changes the table; NULL
 * when it is 0 or no longer known, or when l is NULL. */
const char *links_uri(const struct links *l, uint32_t number);
/* Bytes that the table takes. */
size_t links_memory(const struct links *l);

#endif
