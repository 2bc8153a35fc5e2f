#include "base/err.h"

const char *err_text(int err)
{
    switch (err) {
    case ERR_OK:
        return "ok";
    case ERR_SHORT:
        return "truncated";
    case ERR_CAP:
        return "over a cap";
    case ERR_SYNTAX:
        return "malformed";
    case ERR_AUTH:
        return "not authentic";
    case ERR_REPLAY:
        return "replayed";
    case ERR_STATE:
        return "out of place";
    case ERR_VERSION:
        return "unknown version";
    case ERR_LIMIT:
        return "limit reached";
    case ERR_SYS:
        return "system call failed";
    default:
        return "unknown error";
    }
}
