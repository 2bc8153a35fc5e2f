/* The connect line, by which a server tells who started it how to reach it.
 *
 * Natively one line among whatever else a login prints:
 *     TERN <nonce> key=value key=value ... LF
 * The nonce comes from the client (start.h), so that the line is told from noise. Values hold no
 * space. Keys: secret (43 base64 characters of 32 bytes), route, port (decimal), addr (numeric
 * address, optionally with a port as 192.0.2.1:60001 or [2001:db8::1]:60001; may repeat), caps
 * (hex), session (name), pass-tcp, pass-listen (address and port) and pass-unix (path): where the
 * passes for forwards are (docs/PROTOCOL.md, Forwards); pass-agent and pass-x11: those passes
 * themselves (docs/PROTOCOL.md, Agent and display). Unknown keys are skipped, and so are
 * addresses that do not parse: a later version may write others. What follows the LF on the same
 * pipe are frames (frame.h).
 *
 * Stock: MOSH CONNECT <port> <22 characters> LF, exactly (mosh-protocol.md §1.2, §2). */
#ifndef TERN_LINK_CONNECT_H
#define TERN_LINK_CONNECT_H

#include "base/addr.h"
#include "base/buf.h"
#include "link/keys.h"

#define CONNECT_LINE_MAX    4096
#define CONNECT_ADDRS       16
#define CONNECT_NONCE_MIN   8
#define CONNECT_NONCE_MAX   64
#define CONNECT_SESSION_MAX 64
#define CONNECT_PATH        108
#define CONNECT_PASS        64 /* letters and digits */

/* What `tern-server --join SESSION.ROUTE` prints on a line of its own, followed by that word,
 * before frames. */
#define CONNECT_JOIN_MARK "TERN-JOIN "

struct connect {
    uint8_t secret[KEYS_SECRET];      /* wipe with connect_wipe */
    uint16_t route;                   /* 1..8191 */
    uint16_t port;                    /* UDP port; 0 = the server offers no UDP */
    struct addr addrs[CONNECT_ADDRS]; /* port filled in; more than fit are skipped */
    size_t addr_count;
    uint64_t caps;                         /* capability bits; sync defines them */
    char session[CONNECT_SESSION_MAX + 1]; /* [A-Za-z0-9._-]+, not beginning with '.' or '-' */
    struct addr pass_tcp;                  /* ADDR_NONE: none */
    struct addr pass_listen;               /* the same */
    char pass_unix[CONNECT_PATH];          /* printable, no space; "": none */
    char pass_agent[CONNECT_PASS + 1];     /* "": sshd does not allow it, or nobody asked */
    char pass_x11[CONNECT_PASS + 1];       /* the same */
};

void connect_wipe(struct connect *c);

/* A nonce is CONNECT_NONCE_MIN..MAX characters of [A-Za-z0-9]. */
bool connect_nonce_valid(const char *nonce);
bool connect_session_valid(const char *name);

/* Appends the line with its LF. The nonce and session must be valid (else BUG). */
void connect_put(struct buf *b, const char *nonce, const struct connect *c);

/* Look for the line of this nonce in text (which need not end with a NUL, and may begin and end in
 * mid-line). 1: found, *out filled, *used = bytes up to and with its LF; 0: not there yet, *used =
 * bytes that can be thrown away (or shown: they are noise); ERR_SYNTAX or ERR_CAP: the line is
 * there but not usable. */
int MUST_USE connect_find(const uint8_t *text, size_t len, const char *nonce, struct connect *out,
                          size_t *used);

struct connect_stock {
    uint16_t port;
    uint8_t key[KEYS_STOCK];
};

/* "MOSH CONNECT 60001 r1FYnbxIUSBbIWOfrbjeQw\n" */
void connect_stock_put(struct buf *b, const struct connect_stock *c);
/* Like connect_find, for the line of a stock server: it must be a line of its own. */
int MUST_USE connect_stock_find(const uint8_t *text, size_t len, struct connect_stock *out,
                                size_t *used);
/* The 22 characters of a stock key (spare bits zero) to 16 bytes; 0 or ERR_SYNTAX. */
int MUST_USE connect_stock_key(const char *text, uint8_t key[static KEYS_STOCK]);
/* The other way; out takes 22 characters and a NUL. */
void connect_stock_key_format(const uint8_t key[static KEYS_STOCK], char out[static 23]);

#endif
