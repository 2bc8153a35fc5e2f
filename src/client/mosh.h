/* A session on a stock mosh-server as the stock mosh-client shows it: on the alternate screen, with
 * its bar, its escape key, its words and exit statuses (mosh-protocol.md §1.3, §11). */
#ifndef TERN_CLIENT_MOSH_H
#define TERN_CLIENT_MOSH_H

#include "base/addr.h"
#include "base/log.h"
#include "link/connect.h"
#include "predict/predict.h"

#include <stdbool.h>

struct mosh_client_options {
    struct connect_stock connect; /* wiped by mosh_client_run */
    struct addr addr;             /* of the server, with the port */
    int escape_key;               /* 1..127, or ESCAPE_KEY_NONE */
    bool title_noprefix;          /* no "[mosh] " before titles */
    bool no_term_init;            /* leave the terminal's alternate screen alone */
    enum predict_when predict;
    bool predict_overwrite;
    const struct log *log;
    int (*width)(void *ctx, uint32_t cp);
};

/* The exit status: 0 after a clean shutdown, else 1. */
int mosh_client_run(struct mosh_client_options *o);

#endif
