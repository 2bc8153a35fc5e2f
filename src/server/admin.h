/* Talking to the other tern-servers of this user, through the socket folder. */
#ifndef TERN_SERVER_ADMIN_H
#define TERN_SERVER_ADMIN_H

#include "link/start.h"
#include "session/server_end.h"

#define ADMIN_ERROR 256

/* Taken from before admin_choose_name until the session can be asked for: two servers that start at
 * once neither take one name nor wait for each other's answer. Not waited for longer than an answer
 * would be. Returns a descriptor for admin_unlock, or -1, which admin_unlock takes too. */
int admin_lock(void);
/* The same without waiting, to be tried again: false, somebody has it. *lock is -1 at first; it is
 * kept for the next try. */
bool admin_lock_now(int *lock);
void admin_unlock(int lock);

/* Tells on stderr which sessions were left here (if `tell`), and chooses the name of a new session:
 * `wish`, or the first free number. ERR_STATE with a line in why when wish is taken, ERR_SYS when
 * the folder cannot be used. Before this process itself listens, or it would wait for its own
 * answer. */
int MUST_USE admin_choose_name(const char *wish, bool tell, char name[static SESSION_NAME_MAX + 1],
                               char why[static ADMIN_ERROR]);
/* Have the owner of session `name` (empty: the one that was left last) open a link, print its
 * connect line, as the record asks for, and relay between stdin/stdout and its socket until either
 * ends. Exit status. */
int admin_attach(const char *name, const struct start_record *r);

#endif
