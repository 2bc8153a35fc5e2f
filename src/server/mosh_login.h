/* What a user of mosh-server finds after the login: environment, program, message of the day
 * (mosh-protocol.md §1.2). */
#ifndef TERN_SERVER_MOSH_LOGIN_H
#define TERN_SERVER_MOSH_LOGIN_H

#include "base/buf.h"
#include "link/start.h"
#include "server/mosh_server.h"

struct mosh_login {
    char *file;
    struct start_list argv, env; /* each with a NULL behind its end */
    char *home;
};

void mosh_login_init(struct mosh_login *l, const struct mosh_server_options *o);
void mosh_login_fini(struct mosh_login *l);

#define MOTD_MAX 65536
/* Appends the messages of the day for a terminal; nothing with ~/.hushlogin. A file too long for
 * the buffer is cut. */
void motd_read(const char *home, struct buf *out);

#endif
