/* tern-server under the name mosh-server: the stock command line (mosh-protocol.md §1.2). */
#ifndef TERN_CMD_MOSH_SERVER_H
#define TERN_CMD_MOSH_SERVER_H

#include <stdbool.h>

/* Is it this that was called: by the name mosh-server, or as `tern-server new ...`? */
bool mosh_server_called(int argc, char *const *argv);
/* The exit status. */
int mosh_server_main(int argc, char **argv);

#endif
