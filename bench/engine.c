/* bench_engine COLS ROWS HISTORY_BYTES FILE: MB/s of one pass of our engine over FILE. */
#include "clock.h"
#include "term/term.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_engine COLS ROWS HISTORY_BYTES FILE\n");
        return 2;
    }
    size_t len, at = 0;
    char *bytes = clock_load(argv[4], &len);
    struct term_config config = {.cols = (uint16_t)strtoul(argv[1], NULL, 10),
                                 .rows = (uint16_t)strtoul(argv[2], NULL, 10),
                                 .history_bytes = strtoul(argv[3], NULL, 10)};
    struct term *t = term_new(&config);
    double start = clock_processor(), spent = 0;
    while (at < len && spent < PASS_SECONDS) {
        size_t n = len - at < PIECE ? len - at : PIECE;
        term_write(t, bytes + at, n);
        at += n;
        spent = clock_processor() - start;
    }
    printf("%.2f\n", (double)at / spent / 1e6);
    term_free(t);
    free(bytes);
    return 0;
}
