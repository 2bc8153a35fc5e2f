#include "client/linger.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

uint64_t linger_here(const struct link *l, uint64_t now_us)
{
    struct path_ref path;
    return link_path(l, &path) && path.kind == PATH_PIPE ? now_us + LINGER_PIPE_US : 0;
}

bool linger_fork(struct loop *l)
{
    fflush(NULL);
    /* If we lead the terminal's session, our end hangs up on the child before it can leave it. */
    signal(SIGHUP, SIG_IGN);
    if (fork() != 0)
        return false;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dup2(null, fd);
    setsid();
    if (loop_forked(l))
        _exit(0);
    return true;
}
