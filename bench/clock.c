#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double ask(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double clock_seconds(void)
{
    return ask(CLOCK_MONOTONIC);
}

double clock_processor(void)
{
    return ask(CLOCK_PROCESS_CPUTIME_ID);
}

char *clock_load(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *all = NULL;
    long size = -1;
    if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0) {
        rewind(f);
        all = malloc((size_t)size);
    }
    if (!all || fread(all, 1, (size_t)size, f) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(f);
    *len = (size_t)size;
    return all;
}
