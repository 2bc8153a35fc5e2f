/* The user's display for -X and -Y: where it listens, and the cookie that it wants to see
 * (openssh-mux.md §3.3). */
#ifndef TERN_CLIENT_DISPLAY_H
#define TERN_CLIENT_DISPLAY_H

#include "fwd/spec.h"
#include "fwd/x11.h"

struct display {
    struct spec_end at;
    unsigned screen;
    struct x11_auth auth; /* without a name: it wants none, as far as xauth knows */
};

#define DISPLAY_TEXT 300 /* longest value of DISPLAY, with its NUL */
#define DISPLAY_WHY  400

/* Of DISPLAY: "[host]:N[.S]", "unix:N", "/path" or "/path:N". ERR_SYNTAX. name: as xauth knows it,
 * "unix:N" for localhost:N. */
int MUST_USE display_parse(const char *text, struct display *out, char name[static DISPLAY_TEXT]);

struct display_config {
    const char *display; /* $DISPLAY; NULL: not set */
    const char *xauth;   /* XAuthLocation */
    bool trusted;        /* -Y, ForwardX11Trusted */
    unsigned timeout_s;  /* ForwardX11Timeout, of an untrusted cookie; 0: for ever */
};

/* Asks xauth, and for an untrusted cookie the display, some seconds at most. ERR_STATE with a line
 * in why: there is nothing to forward. The cookie is to be wiped. */
int MUST_USE display_find(const struct display_config *c, struct display *out,
                          char why[static DISPLAY_WHY]);

#endif
