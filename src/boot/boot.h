/* Starts a server and brings back how to reach it (design.md §1): runs the server command with
 * pipes, writes the start record, reads its stdout until the connect line with our nonce. For
 * --local now; with ssh in front the same later. */
#ifndef TERN_BOOT_BOOT_H
#define TERN_BOOT_BOOT_H

#include "base/rng.h"
#include "io/loop.h"
#include "link/connect.h"
#include "link/start.h"

#include <sys/types.h>

struct boot;

/* The server's stdin and stdout, which are now the pipe path: the descriptors are the receiver's to
 * close; `rest` was read behind the connect line and comes before what `out` gives (valid during
 * the call). */
struct boot_pipe {
    int in;  /* to write to: the server's stdin */
    int out; /* to read from: the server's stdout */
    const uint8_t *rest;
    size_t rest_len;
    const char *mark; /* frames begin behind a line that ends with this; NULL: at once */
};

struct boot_ops {
    /* It answered. *c is valid during the call and wiped afterwards. */
    void (*connected)(void *ctx, const struct connect *c, const struct boot_pipe *pipe);
    /* It will not: one line that says why and what to do (valid during the call; empty when
     * tern-server itself has said it on stderr), and the exit status to leave with. */
    void (*failed)(void *ctx, const char *text, int status);
    /* What was printed before the line, made harmless; may be NULL. */
    void (*noise)(void *ctx, const uint8_t *text, size_t len);
    void *ctx; /* boot may be freed from within connected and failed */
};

struct boot_config {
    /* COMMAND for sh -c, or NULL: tern-server beside our own executable, else in PATH. */
    const char *command;
    /* COMMAND logs in on another host and starts a server there: what to call that in messages.
     * ssh's status 255 then needs no words of ours. NULL: none of that. */
    const char *login;
    const char *const *args;           /* words behind the command, NULL-terminated; NULL: none */
    const struct start_record *record; /* NULL: none is written; `nonce` must be set then */
    const char *nonce;                 /* NULL: the record's */
    uint64_t timeout_us;               /* 0: wait for ever */
};

/* ERR_CAP: the record is too large; ERR_SYS: errno. Everything in config is copied or used up. */
int MUST_USE boot_new(struct loop *l, const struct boot_config *c, const struct boot_ops *ops,
                      struct boot **out);
/* NULL is allowed. Before `connected` the command gets SIGHUP; afterwards it is left alone. */
void boot_free(struct boot *b);
/* The answer is of no use to us: end the command (SIGTERM), also after `connected`. */
void boot_abort(struct boot *b);

/* The process that runs the command, or 0 when it ended. */
pid_t boot_pid(const struct boot *b);

/* The command line that starts the server, for proc_new or execv: argv[0..], NULL-terminated, all
 * owned by *cmd. */
struct boot_command {
    char **argv;
    size_t argc;
};
void boot_command_init(struct boot_command *cmd, const char *command, const char *const *args);
void boot_command_fini(struct boot_command *cmd);
/* What to call it in a message. */
const char *boot_command_text(const char *command);

/* A fresh nonce for a start record, from random bytes. */
#define BOOT_NONCE 20
void boot_nonce(const struct entropy *e, char out[static CONNECT_NONCE_MAX + 1]);

#endif
