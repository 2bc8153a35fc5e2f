/* bench_vterm COLS ROWS FILE: MB/s of one pass of libvterm's screen layer over FILE. */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <vterm.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_vterm COLS ROWS FILE\n");
        return 2;
    }
    size_t len, at = 0;
    char *bytes = clock_load(argv[3], &len);
    VTerm *vt = vterm_new((int)strtol(argv[2], NULL, 10), (int)strtol(argv[1], NULL, 10));
    vterm_set_utf8(vt, 1);
    VTermScreen *screen = vterm_obtain_screen(vt);
    vterm_screen_set_damage_merge(screen, VTERM_DAMAGE_SCROLL);
    vterm_screen_reset(screen, 1);
    double start = clock_processor(), spent = 0;
    while (at < len && spent < PASS_SECONDS) {
        size_t n = len - at < PIECE ? len - at : PIECE;
        vterm_input_write(vt, bytes + at, n);
        at += n;
        spent = clock_processor() - start;
    }
    printf("%.2f\n", (double)at / spent / 1e6);
    vterm_free(vt);
    free(bytes);
    return 0;
}
