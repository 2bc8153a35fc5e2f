/* The client's process: the edge around session/client_end. It moves bytes between the user's tty,
 * UDP sockets and the pipe, keeps the time, and restores the terminal on every way out. */
#ifndef TERN_CLIENT_CLIENT_H
#define TERN_CLIENT_CLIENT_H

#include "base/log.h"
#include "predict/predict.h"

#include <stdbool.h>
#include <stdint.h>

struct lend;
struct login;
struct owner_request;

enum client_transport { CLIENT_AUTO, CLIENT_UDP, CLIENT_PIPE };

/* A command without a terminal, and its like: channels, no session. */
struct command_request {
    const char *text; /* for the user's shell there, or a subsystem's name; NULL: the login shell */
    const char *const *env; /* NAME=value, to be set there if that is allowed; NULL: none */
    bool subsystem;         /* -s */
    bool nothing;           /* -N: neither */
    const char *stdio;      /* -W: stdin and stdout go to this host:port; NULL: none of that */
    bool null_stdin;        /* -n */
    bool background;        /* -f, within the child (command.h) */
    bool quiet;             /* -q */
    int verbose;            /* -v */
};

/* What the user asked for. Texts are borrowed for the time of client_run. */
struct client_options {
    struct login *login;        /* another host; NULL: this machine */
    bool mosh;                  /* --mosh: its mosh-server, whatever else is there */
    bool fallback;              /* no tern-server there: mosh-server, else plain ssh */
    const char *server_command; /* NULL: our own tern-server */
    const char *server_log;     /* --log of the server; NULL: none */
    const char *log_level;      /* of the server's log; NULL: its default */
    const char *session;        /* name of the new session or of the one to attach to; NULL: none */
    bool attach;
    const char *const *argv; /* the command, NULL-terminated; empty: the login shell */
    bool shell;              /* argv[0] is a text for the user's shell, as ssh's commands are */
    bool forwards;           /* -L or -D: nothing that cannot serve them is gone on with */
    const char *const *udp, *const *udp_remote; /* forwards of UDP, for spec_udp */
    size_t udp_count, udp_remote_count;
    const struct lend *lend;               /* agent; NULL: none */
    const struct command_request *command; /* in place of a session; NULL: a session */
    const struct owner_request *owner;     /* share the connection (mux_owner.h); NULL: do not */
    enum client_transport transport;
    uint64_t outage_us;           /* leave when an outage lasts so long; 0: never */
    uint16_t port_low, port_high; /* UDP ports of the server; 0, 0: its default */
    uint32_t detach_timeout_s;    /* 0: the server's default */
    uint64_t connect_timeout_us;  /* 0: wait for ever */
    int escape_key;               /* 1..127 or ESCAPE_KEY_NONE */
    bool signal_status;
    bool scrollback;        /* draw on the main screen and feed the terminal's scrollback */
    uint64_t history_lines; /* newest lines brought into it; UINT64_MAX: all */
    bool ask;               /* the terminal, for what it is */
    bool clipboard, clipboard_read, notify; /* what programs there may do to it */
    enum predict_when predict;
    bool predict_overwrite;
    const struct log *log; /* may be NULL */
    int (*width)(void *ctx, uint32_t cp);
};

/* Status of an end that is not the command's own: as ssh's. */
#define CLIENT_STATUS_LOST 255

/* Runs one attachment from the bootstrap to the end. Says what there is to say on stderr and
 * returns the exit status. */
int client_run(const struct client_options *o);

/* Runs the server command with these words (--ls, --kill NAME) in place of this process; returns a
 * status only if that was not possible (said on stderr). */
int client_exec_server(const char *server_command, const char *const *args);

#endif
