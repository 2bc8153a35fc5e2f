/* Links in lines of the history: they come beside the screen's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "term/row_edit.h"
#include "term/term.h"
#include "view/view.h"

#include <string.h>

/* Links of lines come beside the screen's; from a peer, so they hide nothing. */
static void links_of_lines(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool good;
    } t[] = {
        {"http://x/y?z=\xc3\xa9", true},
        {"", false},
        {"http://x\033\\\033]52;c;QQ==", false},
        {"http://x\a", false},
        {"http://x\xc2\x9c", false},
        {"http://x\x9c", false},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct view_facts f;
        view_facts_default(&f, 20, 5);
        f.paint.links = PAINT_LINKS_PLAIN;
        struct view *v = view_new(&f);
        struct buf out;
        struct term *far =
            term_new(&(struct term_config){.cols = 20, .rows = 5, .history_bytes = 9999});
        struct row *line = row_new(6, 1);
        for (uint16_t c = 0; c < 6; c++) {
            struct pen pen = {.link = 7, .attr = ATTR_EXT};
            line->cell[line->used++] = cell_make('l', &pen);
            row_ext_set(line, c, &pen);
        }
        buf_init(&out, 1 << 16);
        assert_int_equal(view_start(v, &out), 0);
        view_history_link(v, 7, (const uint8_t *)t[i].uri, strlen(t[i].uri));
        view_history_line(v, 0, line);
        term_write(far, "1\r\n2\r\n3\r\n4\r\n5\r\n6", 16);
        struct snapshot *s = term_snapshot(far);
        assert_int_equal(view_frame(v, s, NULL, &out), 0);
        buf_put_u8(&out, 0);
        const char *got = (const char *)buf_data(&out), *at = strstr(got, "\033]8;id=tern7;");
        if (t[i].good) {
            assert_non_null(at);
            assert_memory_equal(at + 13, t[i].uri, strlen(t[i].uri));
        } else {
            assert_null(at);
        }
        assert_non_null(strstr(got, "llllll"));
        snapshot_unref(s);
        term_free(far);
        view_free(v);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_of_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
