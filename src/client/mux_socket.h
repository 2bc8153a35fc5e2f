/* The control socket: a file at which the owner of a connection is found (openssh-mux.md §1.7). The
 * name never stands before somebody listens there, nothing that lives is replaced, and the file is
 * removed only if it is still ours. */
#ifndef TERN_CLIENT_MUX_SOCKET_H
#define TERN_CLIENT_MUX_SOCKET_H

#include "io/loop.h"

#define MUX_PATH  108 /* sun_path */
#define MUX_ERROR 300

struct mux_socket;

/* accepted is called with a connected descriptor (close-on-exec, non-blocking), the receiver's;
 * only processes of our user or root get that far. What a dead owner left at the path is removed;
 * ERR_STATE: somebody lives there, or it is no socket; ERR_CAP, ERR_SYS: it cannot be had. Then
 * `why` is one line. */
int MUST_USE mux_socket_new(struct loop *l, const char *path, void (*accepted)(void *ctx, int fd),
                            void *ctx, char why[static MUX_ERROR], struct mux_socket **out);
/* Listens no more; removes the file if it is ours. NULL is allowed. */
void mux_socket_free(struct mux_socket *s);

/* Connect to an owner: *fd is the caller's (blocking, close-on-exec). ERR_STATE: there is no such
 * file; ERR_AUTH: it belongs to somebody else; ERR_SYS: errno (ECONNREFUSED: its owner is dead). */
int MUST_USE mux_socket_connect(const char *path, int *fd);

#endif
