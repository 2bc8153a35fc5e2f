/* What a login shows before its shell: messages of the day, and who was here last
 * (openssh-mux.md §3.1). sshd and PAM print them for their own terminals only. */
#ifndef TERN_SERVER_MOTD_H
#define TERN_SERVER_MOTD_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

#define MOTD_MAX 65536 /* bytes; what is longer is cut */

/* The user wants none of it: ~/.hushlogin. */
bool motd_hushed(const char *home);
/* Appends the messages of the day for a terminal. */
void motd_read(struct buf *out);

struct lastlogin_files {
    const char *lastlog; /* the last login of each user, by uid */
    const char *wtmp;    /* all logins; for hosts without the other */
};
extern const struct lastlogin_files lastlogin_files;
/* Appends "Last login: DATE from HOST", or nothing where that is not known. */
void lastlogin_read(const struct lastlogin_files *f, uid_t uid, const char *user, struct buf *out);

#endif
