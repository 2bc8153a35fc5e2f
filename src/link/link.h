/* The link: sealed datagrams between one client and one server over whatever paths there are
 * (design.md §2.1, mosh-protocol.md §2-3). Bytes and time go in, bytes and a deadline come out:
 *
 *   edge: datagram arrived  -> link_receive     session: a fragment to send -> link_send
 *   edge: deadline reached  -> link_poll until it gives 0, then link_deadline again
 *   after every call        -> link_wants until it gives LINK_WANT_NONE (client only)
 *
 * An endpoint is a client or a server and talks natively or to a stock peer; one that talks to
 * stock sends no link control and has one path whose ends move. Times are microseconds of one
 * monotonic clock that also runs while the machine sleeps or not; they never go back. */
#ifndef TERN_LINK_LINK_H
#define TERN_LINK_LINK_H

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "link/keys.h"
#include "link/path.h"
#include "link/seal.h"

#define LINK_LANE_CONTROL 0xFFFFu
#define LINK_FRAGMENT     10 /* id(8) | final<<15 + number(2): the head of every payload (§4.1) */
/* Longest payload that link_send takes (on a v4 path; link_mtu_payload says what fits now). */
#define LINK_PAYLOAD_MAX (SEAL_PLAIN - 4)
#define LINK_CANDIDATES  16

enum link_role { LINK_CLIENT, LINK_SERVER };

struct link_config {
    enum link_role role;
    bool stock;              /* the peer is a stock mosh */
    const struct keys *keys; /* copied; wipe your own */
    uint16_t route;          /* 1..8191 natively; ignored towards stock */
    enum seal_codec codec;   /* SEAL_OCB, but for simulators */
    struct entropy entropy;  /* for tokens; must outlive the link */
    const struct log *log;   /* may be NULL; must outlive the link */
    uint64_t now_us;
};

struct link;

struct link *link_new(const struct link_config *config); /* never NULL */
void link_free(struct link *l);                          /* wipes keys and buffers; NULL is fine */

/* ---- datagrams ------------------------------------------------------------------------------- */

/* Route id of a native datagram, for a server's table of links: 0..8191, or negative if it cannot
 * be a native sealed datagram (too short, a reserved bit, QUIC). No check of authenticity. */
static inline int link_route(const uint8_t *dgram, size_t len)
{
    return seal_route(dgram, len);
}

struct link_payload {
    uint16_t lane;       /* 0 towards stock */
    const uint8_t *data; /* fragment header with the lane bits cleared, and the piece; at least
                            LINK_FRAGMENT bytes; valid until the next call on this link */
    size_t len;
    bool in_order;   /* newer than all screen datagrams before (§3.4) */
    bool peer_moved; /* the peer is at another address or path since this datagram */
};

/* A datagram came in from `from`. `congested`: it bore the CE mark (§3.3). Negative: dropped,
 * nothing is to be said to anybody (counters tell why); 0: consumed by link control; 1: *out is
 * filled. One AEAD check at most; an unauthentic datagram changes nothing but counters. */
int MUST_USE link_receive(struct link *l, const struct path_ref *from, bool congested,
                          const uint8_t *dgram, size_t len, uint64_t now_us,
                          struct link_payload *out);

enum link_class {
    LINK_SCREEN, /* screens, keys, their acknowledgements: to the peer at once */
    LINK_BULK, /* histories, logs: held back towards an address that has not answered a challenge */
};

struct link_datagram {
    struct path_ref to;
    const uint8_t *data; /* valid until the next call on this link */
    size_t len;
    size_t segment; /* 0: one datagram; else a row of them, of so many bytes each but the last (only
                       packets of streams come so) */
};

/* Seal one payload (LINK_FRAGMENT..LINK_PAYLOAD_MAX bytes, lane bits of its id clear, else BUG;
 * lane not LINK_LANE_CONTROL) for the path in use. ERR_STATE: there is no peer or no path now;
 * ERR_CAP: a bulk datagram beyond link_room, try again when that has grown; ERR_LIMIT: the key is
 * used up, the session must end. For a second copy call it again: it is a datagram of its own. */
int MUST_USE link_send(struct link *l, uint16_t lane, const uint8_t *payload, size_t len,
                       enum link_class class, uint64_t now_us, struct link_datagram *out);

/* Bytes of datagrams of this class that may leave now: SIZE_MAX = no limit. Bulk: three times what
 * came from the address until it has answered a challenge. On a pipe: what its window still holds
 * (at most one RTT's worth lies in it); screens may overrun it but should wait for room > 0, bulk
 * gets the first three quarters of the window only. 0 without a peer. */
size_t link_room(const struct link *l, enum link_class class);

/* The next link control datagram that is due: 1 with *out filled, 0 when none is. */
int MUST_USE link_poll(struct link *l, uint64_t now_us, struct link_datagram *out);
/* When link_poll, link_wants or link_quiet will have something new to say; UINT64_MAX = never. May
 * lie in the past: then poll at once. */
uint64_t link_deadline(const struct link *l, uint64_t now_us);

/* Sending a datagram of len bytes to `to` failed with EMSGSIZE: the path takes only small ones from
 * now on (§3.5); of those that were larger than any of ours need be, only a try failed. */
void link_too_big(struct link *l, const struct path_ref *to, size_t len);

/* ---- sockets, pipes, network: what the edge tells and is asked ----------------------------------
 */

enum link_want {
    LINK_WANT_NONE,
    LINK_WANT_SOCKET, /* open a fresh UDP socket of `family` and call link_socket_open or _failed */
    LINK_WANT_CLOSE,  /* close socket `sock` (already forgotten here) */
};

struct link_request {
    enum link_want want;
    uint8_t family; /* enum addr_family */
    uint32_t sock;
};

/* The next thing the client's edge should do. Each request is given once. */
enum link_want link_wants(struct link *l, uint64_t now_us, struct link_request *out);

/* Client: another address of the server, best first (kept in order of calls; duplicates and more
 * than LINK_CANDIDATES are skipped). Towards stock the first is the server's address. */
void link_add_candidate(struct link *l, const struct addr *a, uint64_t now_us);
/* Client: a UDP socket is ready; probes go out over it, it is used in place of older ones. */
void link_socket_open(struct link *l, uint32_t sock, uint8_t family, uint64_t now_us);
/* Client: none of this family could be opened; asked for again after an event or half a minute. */
void link_socket_failed(struct link *l, uint8_t family, uint64_t now_us);
/* Either side: a socket of the edge's is gone for good. */
void link_socket_closed(struct link *l, uint32_t sock, uint64_t now_us);
/* Either side: a pipe to the peer is open. A client without a proven path uses it at once. */
void link_pipe_open(struct link *l, uint32_t sock, uint64_t now_us);
void link_pipe_closed(struct link *l, uint32_t sock, uint64_t now_us);
/* Client: routes or addresses changed, or the machine woke up: probe at once over a fresh socket.
 */
void link_network_event(struct link *l, uint64_t now_us);
/* Client: there is (no) route to anywhere. No probes without one; its return is an event. */
void link_no_route(struct link *l, bool none, uint64_t now_us);

/* ---- what the session tells -------------------------------------------------------------------
 */

/* Somebody typed or printed: heartbeats every 3 s for a minute (natively; the client sends them).
 */
void link_activity(struct link *l, uint64_t now_us);
/* Something of ours waits for the peer (unacknowledged input, an unacknowledged screen). */
void link_set_owed(struct link *l, bool owed, uint64_t now_us);
/* The newest state that the peer has acknowledged was sent at sent_us: a round trip (§3.6). */
void link_acked(struct link *l, uint64_t sent_us, uint64_t now_us);
/* Say BYE over every live path that is in use (natively); the link stays usable. */
void link_bye(struct link *l, uint64_t now_us);

/* ---- streams: their packets travel on the link's paths, unsealed -------------------------------
 */

/* Bytes of a datagram that any path must take, and the most that is tried. */
#define LINK_STREAM_MTU_MIN 1200
#define LINK_STREAM_MTU_MAX 1452
#define LINK_STREAM_ID      16

/* Client: tell the server the first connection id (LINK_STREAM_ID bytes), again and again until it
 * answers. Once in the life of a link. */
void link_streams_announce(struct link *l, const uint8_t *id, uint64_t now_us);
/* The id that was announced; NULL before. A server keeps to the first one that it was told. */
const uint8_t *link_streams_id(const struct link *l);
/* Client: packets of the connection are about to leave and the server has not answered: repeat the
 * announcement before them, once at a time. True if link_poll now gives it. */
bool link_streams_repeat(struct link *l, uint64_t now_us);
/* Client: the server knows it. */
bool link_streams_known(const struct link *l);
/* What streams wait for. While they do the link beats: about once a second, every 250 ms when the
 * wait has become long. */
enum link_wait {
    LINK_WAIT_NONE,
    LINK_WAIT,
    LINK_WAIT_LONG,   /* nothing was proven for some round trips */
    LINK_WAIT_STANDS, /* so long that their clock stands still */
};
void link_streams_wait(struct link *l, enum link_wait wait, uint64_t now_us);
/* Bytes that a packet may have on the path in use. */
size_t link_streams_mtu(const struct link *l);
/* So many bytes leave on the path in use (link_path tells it), or came from there. */
void link_streams_sent(struct link *l, size_t len, uint64_t now_us);
void link_streams_received(struct link *l, const struct path_ref *from, size_t len);
/* The kernel takes no more for this socket now, or does again: room for bulk is 0 until then. */
void link_socket_full(struct link *l, uint32_t sock, bool full);

/* ---- facts ------------------------------------------------------------------------------------
 */

bool link_has_peer(const struct link *l);      /* link_send would find a path */
size_t link_mtu_payload(const struct link *l); /* bytes of fragment contents: 1214, 1178 or 462 */
uint64_t link_srtt_us(const struct link *l);   /* of the path in use; 1 s before any sample */
uint64_t link_rto_us(const struct link *l);    /* 50 ms..1 s towards stock, ..3 s natively */
uint64_t link_rtt_floor_us(const struct link *l);        /* 0 = not measured yet */
double link_loss(const struct link *l, uint64_t now_us); /* of what we send, 0..1 */
uint64_t link_heard_us(const struct link *l);  /* newest in-order authentic datagram; 0 = never */
uint64_t link_proven_us(const struct link *l); /* newest proven round trip; 0 = never */
/* The same of the path in use only. */
uint64_t link_path_proven_us(const struct link *l);
/* Something is owed (ours, or a heartbeat unanswered) and no round trip was proven for max(3 RTO,
 * 1.5 s) since then. */
bool link_quiet(const struct link *l, uint64_t now_us);
/* Since when no round trip was proven although something was owed; 0 if nothing is owed. */
uint64_t link_silent_since_us(const struct link *l);
bool link_peer_left(const struct link *l); /* the newest thing heard was BYE */
/* The path in use; false if there is none. */
bool link_path(const struct link *l, struct path_ref *out);
/* "udp 192.0.2.1:60001", "pipe" or "none". */
void link_path_text(const struct link *l, char out[static PATH_TEXT]);

struct link_counters {
    uint64_t sent, sent_bytes, received, received_bytes; /* authentic datagrams, control included */
    uint64_t control_sent, control_received;
    uint64_t short_, oversize, misrouted, forged, replayed, malformed; /* dropped, by reason */
    uint64_t late;      /* out of order, but delivered */
    uint64_t moves;     /* the peer moved (server), another path was chosen (client) */
    uint64_t sockets;   /* fresh sockets asked for */
    uint64_t held;      /* bulk datagrams refused by link_room */
    uint64_t congested; /* CE marks */
};
const struct link_counters *link_counters(const struct link *l);

#endif
