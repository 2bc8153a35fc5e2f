/* A small program of the host that answers at once or is done without: run it and wait, with a
 * limit. Outside the loop; proc.h is for everything that lives longer. */
#ifndef TERN_IO_RUN_H
#define TERN_IO_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct run {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    int fds[3];              /* become its 0, 1, 2; -1: /dev/null. They stay the caller's */
    int give_fd;             /* > 2: kept open under its number */
};

/* Starts it. The caller waits for it: run_wait, or waitpid. -1: errno. */
pid_t run_start(const struct run *r);
/* Wait until it ended, at most limit_us. True: *status is as waitpid gives it. */
bool run_wait(pid_t pid, uint64_t limit_us, int *status);
/* Start it, read what it prints (cut to size - 1 bytes, NUL-terminated), and kill it after
 * limit_us. Its exit status; negative: not started, killed, or not done in time. fds[1] is not
 * used if text is not NULL. */
int run_ask(const struct run *r, uint64_t limit_us, char *text, size_t size);

#endif
