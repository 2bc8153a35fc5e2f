/* The owner of a connection: a background process that shares one login with whoever speaks
 * OpenSSH's multiplexing protocol to its control socket, stock ssh and tern alike (design.md §2.5,
 * docs/adr/0023). This is its edge: the link, the socket, the clients, and when to end. */
#ifndef TERN_CLIENT_MUX_OWNER_H
#define TERN_CLIENT_MUX_OWNER_H

#include "boot/boot.h"
#include "client/client.h"
#include "link/connect.h"

#define OWNER_FOREVER UINT64_MAX

/* How a process is to own its connection. Texts are borrowed. */
struct owner_request {
    const char *path; /* of the control socket */
    bool ask;         /* ask and autoask: the user allows each use, by SSH_ASKPASS */
    /* How long it stays without a client, in microseconds; 0: no longer than the first one and
     * those that came meanwhile (ControlPersist no). */
    uint64_t persist_us;
    int first;        /* the first client's end of the protocol: a socket, taken over */
    bool keep_stderr; /* -v: complaints go where the first client's go */
};

struct owner;

struct owner_config {
    const struct owner_request *request;
    const struct client_options *options;
    struct login *login; /* NULL: this machine */
    const struct connect *connect;
    const struct addr *addrs;
    size_t addr_count;
    const struct boot_pipe *pipe; /* taken over */
    const char *server_command;   /* opens another one */
    struct entropy entropy;
};

/* Leaves the terminal, and serves; the loop is stopped when all is over. Never NULL: where the
 * socket cannot be had, one line says so, and the first client is served alone. */
struct owner *owner_new(struct loop *l, const struct owner_config *c);
void owner_free(struct owner *o);

#endif
