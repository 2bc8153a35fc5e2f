/* The private folder of sockets and state, /tmp/tern-UID (design.md §1), and unix stream sockets in
 * it. */
#ifndef TERN_IO_SOCKDIR_H
#define TERN_IO_SOCKDIR_H

#include "io/loop.h"

#include <stddef.h>

#define SOCKDIR_PATH  90 /* bytes of the folder's path, NUL included */
#define SOCKDIR_NAME  16 /* bytes of a socket's name, NUL included (sun_path is 108 in all) */
#define SOCKDIR_ERROR 256
#define SOCKDIR_LIST  256 /* most names that sockdir_list gives */

struct sockdir {
    char path[SOCKDIR_PATH];
};

/* Make or check $TERN_TMPDIR/tern-UID (/tmp without it): a folder, ours, 0700, no symbolic link.
 * On failure ERR_STATE or ERR_SYS with one line in why that says what to do. */
int MUST_USE sockdir_open(struct sockdir *d, char why[static SOCKDIR_ERROR]);

/* Names in the folder that begin with prefix, sorted; returns how many (at most max). */
size_t sockdir_list(const struct sockdir *d, const char *prefix, char (*out)[SOCKDIR_NAME],
                    size_t max);
void sockdir_remove(const struct sockdir *d, const char *name);

struct listener;
/* Listen on path/name (0600), replacing a dead socket of that name. accepted is called with a
 * connected descriptor (close-on-exec, non-blocking) that it owns; only processes of the same user
 * (or root) get that far. ERR_STATE: somebody alive listens there. ERR_CAP: name too long. */
int MUST_USE listener_new(struct loop *l, const struct sockdir *d, const char *name,
                          void (*accepted)(void *ctx, int fd), void *ctx, struct listener **out);
/* Also removes the socket's file. NULL is allowed. */
void listener_free(struct listener *s);

/* Connect; *fd is the caller's (close-on-exec). The listener's user is checked. ERR_STATE: nobody
 * listens (the file is removed if it was left behind by a dead process). */
int MUST_USE sockdir_connect(const struct sockdir *d, const char *name, int *fd);

/* 0 if the process at the other end runs as our user or root, else ERR_AUTH. */
int MUST_USE peer_check(int fd);

#define FDS_MAX 8
/* Send bytes (at least one) with up to FDS_MAX descriptors attached. Returns 0, ERR_STATE when the
 * socket is full, ERR_SYS. */
int MUST_USE fds_send(int sock, const void *bytes, size_t len, const int *fds, size_t nfds);
/* Receive; *len: in: room, out: bytes (0: end of file). Received descriptors (close-on-exec, the
 * caller's) go to fds, *nfds says how many; more than FDS_MAX are closed. ERR_STATE: nothing there
 * yet. */
int MUST_USE fds_recv(int sock, void *bytes, size_t *len, int fds[static FDS_MAX], size_t *nfds);

#endif
