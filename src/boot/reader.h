/* Finds the connect line in what a login prints: anything may come before it (profiles, banners,
 * messages of the day), and frames follow it at once. Pure: bytes in, the line out. */
#ifndef TERN_BOOT_READER_H
#define TERN_BOOT_READER_H

#include "base/buf.h"
#include "link/connect.h"

#define BOOT_NOISE_MAX (1u << 20) /* bytes before the line; past it the server is given up */

struct boot_reader {
    char nonce[CONNECT_NONCE_MAX + 1];
    struct buf text; /* not yet decided; afterwards what followed the line */
    size_t noise;    /* bytes found to be noise */
};

void boot_reader_init(struct boot_reader *r, const char *nonce);
void boot_reader_fini(struct boot_reader *r); /* wipes the text: it held the secret */

/* More bytes. 1: the line is there, *out is filled (wipe it), r->text holds what followed; feed no
 * more. 0: go on; bytes that are certain to be noise were appended to noise (NULL: nowhere), made
 * harmless: control characters other than LF and TAB are '?'. ERR_SYNTAX: the line is there, but
 * malformed. ERR_CAP: more than BOOT_NOISE_MAX bytes without it, or a line that is too long. */
int MUST_USE boot_reader_feed(struct boot_reader *r, const uint8_t *bytes, size_t len,
                              struct connect *out, struct buf *noise);

#endif
