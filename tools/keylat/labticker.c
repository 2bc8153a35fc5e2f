/* The far program of recovery tests: every PERIOD ms it draws its monotonic clock (ms) on row 1 and
 * how many bytes of input it has seen on row 2. Ends on Q. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    long period = argc > 1 ? strtol(argv[1], NULL, 10) : 50;
    struct termios t;
    if (tcgetattr(0, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(0, TCSANOW, &t);
    }
    long keys = 0;
    long long next = now_ms();
    fputs("\033[2J\033[H", stdout);
    for (;;) {
        long long now = now_ms();
        if (now >= next) {
            printf("\033[1;1HT %lld \033[2;1HK %ld \033[3;1HREADY> ", now, keys);
            fflush(stdout);
            next = next + period < now ? now + period : next + period;
        }
        struct pollfd p = {0, POLLIN, 0};
        long long wait = next - now_ms();
        if (poll(&p, 1, wait < 0 ? 0 : (int)wait) <= 0)
            continue;
        char bytes[256];
        ssize_t got = read(0, bytes, sizeof bytes);
        if (got <= 0 || memchr(bytes, 'Q', (size_t)got))
            return 0;
        keys += got;
    }
}
