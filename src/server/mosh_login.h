/* What a user of mosh-server finds after the login: environment and program
 * (mosh-protocol.md §1.2). */
#ifndef TERN_SERVER_MOSH_LOGIN_H
#define TERN_SERVER_MOSH_LOGIN_H

#include "link/start.h"
#include "server/mosh_server.h"

struct mosh_login {
    char *file;
    struct start_list argv, env; /* each with a NULL behind its end */
    char *home;
};

void mosh_login_init(struct mosh_login *l, const struct mosh_server_options *o);
void mosh_login_fini(struct mosh_login *l);

#endif
