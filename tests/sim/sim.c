/* The simulator's main: sim [--real] [--stock] [--verbose] [--events N] FIRST [LAST]
 * Runs seeds FIRST..LAST; a failing one is printed with the command that runs it alone. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fprintf(stderr, "usage: sim [--real] [--stock] [--verbose] [--events N] FIRST [LAST]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct world_options opt = {0};
    uint64_t range[2];
    int ranges = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--real"))
            opt.real = true;
        else if (!strcmp(argv[i], "--stock"))
            opt.stock = true;
        else if (!strcmp(argv[i], "--verbose"))
            opt.verbose = true;
        else if (!strcmp(argv[i], "--events") && i + 1 < argc)
            opt.events = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (argv[i][0] != '-' && ranges < 2)
            range[ranges++] = strtoull(argv[i], NULL, 10);
        else
            return usage();
    }
    if (!ranges)
        return usage();
    if (ranges == 1)
        range[1] = range[0];
    if (getenv("TERN_SOAK")) /* make soak: every seed seals and deflates for real */
        opt.real = true;
    static struct world w;
    unsigned failed = 0;
    uint64_t datagrams = 0, steps = 0, hours = 0;
    for (uint64_t seed = range[0]; seed <= range[1]; seed++) {
        opt.seed = seed;
        if (!world_run(&w, &opt)) {
            failed++;
            printf("seed %llu: %s\n  again: sim%s%s --verbose %llu\n", (unsigned long long)seed,
                   w.why, opt.real ? " --real" : "", opt.stock ? " --stock" : "",
                   (unsigned long long)seed);
            fflush(stdout);
        }
        datagrams += w.datagrams;
        steps += w.steps;
        hours += w.now / 1000000u;
    }
    printf("%llu seeds, %u failed; %llu datagrams, %llu steps, %llu virtual hours\n",
           (unsigned long long)(range[1] - range[0] + 1), failed, (unsigned long long)datagrams,
           (unsigned long long)steps, (unsigned long long)(hours / 3600));
    return failed != 0;
}
