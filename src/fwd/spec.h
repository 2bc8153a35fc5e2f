/* What is forwarded to where, as `ssh -G` prints it (openssh-mux.md §2.1, §5): ssh itself has read
 * the user's words, with all of its grammars, and complained of them. */
#ifndef TERN_FWD_SPEC_H
#define TERN_FWD_SPEC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_HOST 1025 /* with the NUL, as ssh has it */
#define SPEC_PATH 108  /* sun_path */

/* One end: a host and port, or the path of a unix socket. */
struct spec_end {
    bool named;           /* listening: a bind address was given; "" and "*" are all addresses */
    char host[SPEC_HOST]; /* "" with a path */
    uint16_t port;
    char path[SPEC_PATH]; /* "": host and port */
};

struct spec {
    bool dynamic; /* SOCKS: `to` is what each client asks for */
    struct spec_end listen, to;
};

/* "8080 [host]:80", "[bind]:8080 /path", ...: the value of localforward. ERR_SYNTAX. */
int MUST_USE spec_local(const char *text, struct spec *out);
/* "0 [host]:80", ...: the value of remoteforward, where the port to listen at may be 0. SOCKS there
 * is ERR_SYNTAX. */
int MUST_USE spec_remote(const char *text, struct spec *out);
/* "1080" or "[bind]:1080": the value of dynamicforward. */
int MUST_USE spec_dynamic(const char *text, struct spec *out);
/* "[bind:]port:host:hostport" as -L has it, addresses of IPv6 in brackets: of UDP forwards, which
 * ssh knows nothing of. */
int MUST_USE spec_udp(const char *text, struct spec *out);
/* "host:port", "[host]:port", with a number or a service's name: -W. */
int MUST_USE spec_stdio(const char *text, struct spec_end *out);

/* `ssh -G` prints "dynamicforward LISTEN" for each local forward to a unix socket, too: is this
 * value (of dynamicforward) such a one, by this value of localforward? */
bool spec_is_artefact(const char *dynamic, const char *local);

/* The same forward: both ends alike, as they were written. */
bool spec_equal(const struct spec *a, const struct spec *b);

/* For people: "8080", "[bind]:8080", "/path". */
#define SPEC_TEXT (SPEC_HOST + 16)
void spec_end_text(const struct spec_end *e, char out[static SPEC_TEXT]);

#endif
