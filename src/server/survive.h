/* Where the host ends all processes of a user at logout (systemd-logind's KillUserProcesses), our
 * process must leave the scope of its login: into one of the user's own manager, by systemd-run,
 * which outlives the logout if the user lingers. Everywhere else nothing happens. */
#ifndef TERN_SERVER_SURVIVE_H
#define TERN_SERVER_SURVIVE_H

#include "base/log.h"
#include "link/start.h"

#include <stdint.h>

#define SURVIVE_US 1000000u /* what the start may take longer */

struct survive_config {
    const char *cgroup; /* file that says where this process is: /proc/self/cgroup */
    const char *user;   /* our user's name */
    char *const *argv;  /* our command line, to be run once more; argv[0] is replaced */
    const char *self;   /* our executable */
    uint64_t limit_us;  /* SURVIVE_US */
    const struct log *log;
};

enum survive {
    SURVIVE_SAFE,   /* nobody will end us at logout, or nobody can tell */
    SURVIVE_DOOMED, /* somebody will */
    SURVIVE_MOVED,  /* another process has taken the record, stdin and stdout over, and has ended */
};

/* MOVED: *status is its exit status. SAFE or DOOMED: this process goes on, with its stdin as it
 * was. */
enum survive survive_logout(const struct survive_config *c, const struct start_record *r,
                            int *status);
/* In that other process: the descriptor from which to read the record, once. -1: this is none. */
int survive_adopt(void);

/* Part of it, for tests: does what logind says of itself (lines NAME=value) mean that this user's
 * processes are ended? */
bool survive_kills(const char *properties, const char *user);

#endif
