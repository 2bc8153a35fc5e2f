/* Errors: 0 or one of these negative numbers. A peer's mistake is an error, our own is BUG(). */
#ifndef TERN_BASE_ERR_H
#define TERN_BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_SHORT = -1,   /* input ended too early */
    ERR_CAP = -2,     /* a stated cap would be exceeded */
    ERR_SYNTAX = -3,  /* malformed input */
    ERR_AUTH = -4,    /* failed authentication */
    ERR_REPLAY = -5,  /* seen before */
    ERR_STATE = -6,   /* well-formed, but not possible now; the caller drops it */
    ERR_VERSION = -7, /* a version or capability that we do not speak */
    ERR_LIMIT = -8,   /* a lifetime limit was reached (blocks per key) */
    ERR_SYS = -9,     /* a system call failed; errno says why (edge folders only) */
};

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* A short lower-case text for an err, for logs. Never NULL. */
const char *err_text(int err);

#endif
