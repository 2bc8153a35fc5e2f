/* What ssh's configuration says of a host: the output of `ssh -G` (openssh-mux.md §2.1). */
#ifndef TERN_BOOT_SSHCONF_H
#define TERN_BOOT_SSHCONF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSHCONF_TEXT_MAX (1u << 20) /* bytes of output that are read */
#define SSHCONF_LIST_MAX 256        /* entries kept of a repeated keyword */

struct sshconf_list {
    char **item; /* owned */
    size_t count;
};

/* Texts are owned; NULL = not said, or "none". */
struct sshconf {
    char *hostname, *user;
    uint16_t port;
    char *remote_command, *local_command, *escape_char, *address_family, *control_path;
    bool proxy; /* a ProxyJump or ProxyCommand is in the way of UDP */
    bool permit_local_command;
    int request_tty;              /* -1 no, 0 auto, 1 yes, 2 force */
    bool session_none, subsystem; /* SessionType */
    bool stdin_null, background;  /* StdinNull, ForkAfterAuthentication */
    bool forwards;                /* any of Local-, Remote-, DynamicForward, Tunnel */
    bool remote;                  /* SOCKS by RemoteForward, or Tunnel: what ssh alone can serve */
    bool gateway_ports, exit_on_forward_failure, bind_unlink;
    unsigned bind_mask;       /* StreamLocalBindMask */
    struct sshconf_list back; /* values of RemoteForward */
    /* Values of LocalForward and DynamicForward; the latter with what ssh -G prints there by
     * mistake (spec_is_artefact). */
    struct sshconf_list local, dynamic;
    bool agent, x11;      /* ForwardAgent, ForwardX11 */
    char *agent_socket;   /* ForwardAgent as it is: "yes", a path or $NAME */
    char *identity_agent; /* as it is, "none" included */
    bool x11_trusted;     /* ForwardX11Trusted */
    unsigned x11_timeout; /* ForwardX11Timeout, seconds */
    char *xauth;          /* XAuthLocation */
    struct sshconf_list set_env, send_env;
};

/* Reads the output; unknown keywords and lines that make no sense are skipped. */
void sshconf_parse(struct sshconf *c, const char *text, size_t len);
void sshconf_fini(struct sshconf *c);

/* The environment to send along for a session: SetEnv, and what of `environ` a SendEnv pattern
 * matches (a pattern with '-' in front takes names out again). Appends owned "NAME=value" texts. */
void sshconf_env(const struct sshconf *c, char *const *environ, struct sshconf_list *out);
/* Does SendEnv let a variable of this name through? */
bool sshconf_sends(const struct sshconf *c, const char *name);
void sshconf_list_fini(struct sshconf_list *l);

#endif
