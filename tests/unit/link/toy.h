/* Two links on a virtual clock and a toy network, for test_link*.c: a server with one socket and
 * two addresses, a client whose sockets live behind addresses that a test changes, a pipe. */
#ifndef TERN_TESTS_LINK_TOY_H
#define TERN_TESTS_LINK_TOY_H

#include "link/link.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

#define MS ((uint64_t)1000)
#define S  ((uint64_t)1000000)

#define TOY_PACKETS 4096
#define TOY_SOCKETS 4096
#define SERVER_SOCK 7
#define PIPE_SOCK   900

struct packet {
    uint64_t at;
    bool to_server, pipe;
    uint8_t family;
    uint32_t sock;        /* of the client */
    struct path_ref from; /* as the receiver sees it */
    size_t len;
    uint8_t data[SEAL_DATAGRAM];
};

/* What a way of travel does now. */
struct way {
    bool up_down, up_up; /* server to client, client to server */
    uint64_t delay_us;   /* one way */
    double loss;
};

struct app { /* something like sync: data is repeated until acknowledged */
    struct link *link;
    uint64_t id, want, done; /* data numbers: newest made, and newest acknowledged */
    uint64_t sent_us, again_us;
    uint64_t got, got_bytes; /* datagrams of data received */
    uint64_t newest;         /* data number received */
    uint64_t newest_us;
    size_t sent;
    uint64_t bulk_bytes;
};

struct toy {
    uint64_t now;
    struct rng rng;
    struct app c, s;
    bool c_stock;
    struct way v4, v6, pipe;
    uint8_t client_ip[2]; /* last byte of its addresses now: v4, v6 */
    struct addr server[2];
    bool open[TOY_SOCKETS];
    uint8_t sock_family[TOY_SOCKETS];
    uint32_t next_sock;
    uint64_t sockets_opened;
    bool sockets_fail;
    struct packet *queue[TOY_PACKETS];
    size_t count;
    uint64_t packets; /* put on any way */
    uint64_t packets_by_kind[2];
    /* Every datagram that was ever delivered to a side, for replays. */
    struct packet **kept;
    size_t kept_count, kept_room;
    bool keep;
};

/* A server and a client that have not met; the clock stands at 1,000 s. */
void toy_init(struct toy *t, bool stock, enum seal_codec codec);
void toy_fini(struct toy *t);
/* A native session in its usual state: begun on the pipe (if any), now on UDP. */
void toy_start(struct toy *t, bool pipe);
/* Both ends of a pipe are opened. */
void toy_pipe(struct toy *t);
/* The client learns both addresses of the server. */
void toy_candidates(struct toy *t);
/* Let both ends act and time pass. */
void toy_run(struct toy *t, uint64_t us);
/* There is something new to bring over; it is repeated until acknowledged. */
void app_type(struct toy *t, struct app *a);
/* Send what is due of that. */
void app_tick(struct toy *t, struct app *a);
/* One datagram of an app; negative as link_send. */
int toy_send(struct toy *t, struct app *a, char kind, uint64_t number, size_t len,
             enum link_class class);
/* The next packet that is there by now, or NULL; free it. */
struct packet *toy_take(struct toy *t);
/* Give it to its receiver, as link_receive. */
int toy_deliver(struct toy *t, const struct packet *p);
/* The path in use, as text; valid until the call after next. */
const char *toy_path(const struct app *a);
/* An address from text. */
struct addr toy_addr(const char *ip, uint16_t port);
/* The address that a client socket has at the server. */
struct addr toy_source(const struct toy *t, uint32_t sock);
/* One who has the keys and uses them badly: seals any plaintext as the client (or server) of a toy.
 * Begins far ahead of the counters of the real ones. */
struct seal *toy_forger(bool server);
/* Seals `len` bytes of payload behind two empty timestamps and gives them to a side, as
 * link_receive. */
int toy_forge(struct toy *t, struct seal *forger, struct app *to, const struct path_ref *from,
              const uint8_t *payload, size_t len);

#endif
