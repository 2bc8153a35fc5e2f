/* tern under the name mosh-client: the stock command line (mosh-protocol.md §1.3). */
#ifndef TERN_CMD_MOSH_CLIENT_H
#define TERN_CMD_MOSH_CLIENT_H

#include <stdbool.h>

bool mosh_client_called(int argc, char *const *argv);
/* The exit status. */
int mosh_client_main(int argc, char **argv);

#endif
