/* Passes: how a server without privileges learns that sshd allows a login to forward
 * (docs/adr/0022).
 *
 * A pass is a random word of this process. It is told to whoever connects to a listener of ours:
 * for TCP on a random address of 127.0.0.0/8 and a random port, for unix sockets in our private
 * folder. The client gets there only by a forward of the bootstrap ssh, so sshd judges: the address
 * cannot stand in a list of PermitOpen, so it passes only where nothing is restricted. Channels
 * that ask for a connection show the pass. */
#ifndef TERN_FWD_PASS_H
#define TERN_FWD_PASS_H

#include "base/addr.h"
#include "base/log.h"
#include "base/rng.h"
#include "io/loop.h"

enum pass_kind {
    PASS_TCP,        /* to connect to a host and port */
    PASS_UNIX,       /* to connect to a unix socket */
    PASS_LISTEN,     /* to listen at the loopback addresses (proof.h) */
    PASS_LISTEN_ANY, /* to listen anywhere; told in the place of the former */
    PASS_AGENT,      /* to lend us an agent; told in the connect line (docs/adr/0027) */
    PASS_X11,        /* the same for a display */
    PASS_KINDS
};

#define PASS_RANDOM 16 /* bytes */
#define PASS_TEXT   (2 * PASS_RANDOM + 1)
/* What is told: this, the pass, and a newline; then the connection is closed. */
#define PASS_MARK "TERN-PASS "
#define PASS_ANY  " any" /* behind PASS_LISTEN_ANY */
/* How long it can be asked for after passes_open. */
#define PASS_OPEN_US 60000000u
#define PASS_PATH    108

struct passes;

struct passes *passes_new(struct loop *l, const struct entropy *e, const struct log *log);
void passes_free(struct passes *p); /* NULL is allowed; wipes them */

/* Where passes are told; ADDR_NONE and "": they are not. */
struct passes_told {
    struct addr tcp, listen;
    char path[PASS_PATH];
};

/* Open the listeners (again, for PASS_OPEN_US) of the kinds whose bit (1u << kind) is set. */
void passes_open(struct passes *p, unsigned kinds, struct passes_told *out);
/* The pass of that kind, made now if need be, for who is told by another way. */
const char *passes_text(struct passes *p, enum pass_kind kind);
/* Was that one ever made? */
bool passes_made(const struct passes *p, enum pass_kind kind);
/* Are these bytes the pass of that kind? None was ever opened: false. */
bool passes_hold(const struct passes *p, enum pass_kind kind, const char *text, size_t len);

/* Of what was read from a listener: the pass, NUL-terminated; false: it is not there. *any (may be
 * NULL): it is PASS_LISTEN_ANY. */
bool pass_read(const char *text, char out[static PASS_TEXT], bool *any);

#endif
