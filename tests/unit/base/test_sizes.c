/* Caps on the sizes of structs that exist in numbers or are copied often: growing one is a
 * decision, taken here. */
#include "base/addr.h"
#include "base/buf.h"
#include "base/pb.h"
#include "base/utf8.h"
#include "link/frame.h"
#include "link/path.h"
#include "session/events.h"
#include "term/cell.h"
#include "term/parser.h"
#include "term/row.h"
#include "term/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* One cell is what a full screen, its history and every diff are made of. */
_Static_assert(sizeof(struct cell) == 12, "a cell is 12 bytes");
_Static_assert(sizeof(struct pen) == 20, "a pen is 20 bytes");
_Static_assert(sizeof(struct cell_ext) == 12, "an extension is 12 bytes");

struct cap {
    const char *name;
    size_t size, most;
};

static void test_key_structs_stay_small(void **state)
{
    static const struct cap caps[] = {
        {"struct row without cells", offsetof(struct row, cell), 56},
        {"struct snapshot", sizeof(struct snapshot), 152},
        {"struct modes", sizeof(struct modes), 24},
        {"struct cursor", sizeof(struct cursor), 6},
        {"struct writing", sizeof(struct writing), 48},
        {"struct buf", sizeof(struct buf), 48},
        {"struct utf8", sizeof(struct utf8), 8},
        {"struct addr", sizeof(struct addr), 24},
        {"struct pb_field", sizeof(struct pb_field), 32},
        {"struct parser", sizeof(struct parser), 1088},
        {"struct path_ref", sizeof(struct path_ref), 32},
        {"struct path", sizeof(struct path), 320},
        {"struct frame_reader", sizeof(struct frame_reader), FRAME_MAX + 32},
        {"struct event", sizeof(struct event), 48},
    };
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        if (caps[i].size > caps[i].most)
            fail_msg("%s takes %zu bytes, more than %zu", caps[i].name, caps[i].size, caps[i].most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_key_structs_stay_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
