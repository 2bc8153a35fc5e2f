/* The engine beside libvterm: any bytes become control sequences that both know
 * (tests/judge/grammar.c), and both must show the same. What is otherwise on purpose is in
 * tests/judge/argued.txt. */
#include "../tests/judge/look.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct play p;
    static struct look a, b;
    char what[512];
    grammar_read(SIDE_VTERM, data, len, &p);
    look_tern(&p, NULL, &a, NULL, 0);
    look_vterm(&p, NULL, &b);
    if (look_differ(&a, &b, what, sizeof what)) {
        fprintf(stderr, "%s\nsize %ux%u\npush \"", what, p.cols, p.rows);
        for (size_t i = 0; i < p.n; i++)
            for (size_t k = 0; k < p.token[i].len; k++)
                fprintf(stderr, "\\x%02x", p.token[i].bytes[k]);
        fprintf(stderr, "\"\n");
        abort();
    }
    return 0;
}
