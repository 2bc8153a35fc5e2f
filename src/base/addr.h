/* A network address without the system's headers; io converts it from and to sockaddr. */
#ifndef TERN_BASE_ADDR_H
#define TERN_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
    uint8_t family; /* enum addr_family; a v4-mapped v6 address is always stored as ADDR_V4 */
    uint8_t ip[16]; /* network order; 4 bytes for v4, the rest 0 */
    uint16_t port;  /* host order */
    uint32_t scope; /* interface index of a link-local v6 address, else 0 */
};

bool addr_equal(const struct addr *a, const struct addr *b); /* port included */
bool addr_same_host(const struct addr *a, const struct addr *b);
/* Private, link-local, loopback or unique-local (RFC 1918, 3927, 4193, 6598). */
bool addr_private(const struct addr *a);

/* "192.0.2.1" or "2001:db8::1" (no brackets, no port; %N scope as a number); 0 or ERR_SYNTAX. */
int addr_parse(const char *text, struct addr *out);
/* "192.0.2.1:60001" or "[2001:db8::1]:60001" into out; always NUL-terminated. */
#define ADDR_TEXT 64
void addr_format(const struct addr *a, char out[static ADDR_TEXT]);
/* Only the address, as addr_parse reads it. */
void addr_format_ip(const struct addr *a, char out[static ADDR_TEXT]);

#endif
