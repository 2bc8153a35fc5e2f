#include "term/row.h"

#include "base/mem.h"
#include "term/row_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct row *row_of(const char *text, const struct pen *p)
{
    uint16_t n = (uint16_t)strlen(text);
    struct row *r = row_new(n ? n : 1, 2);
    for (; r->used < n; r->used++)
        r->cell[r->used] = cell_make((uint8_t)text[r->used], p);
    return r;
}

static const struct pen plain;

static void cell_sizes(void **state)
{
    assert_int_equal(sizeof(struct cell), 12);
    assert_true(sizeof(struct row) <= 64);
}

static void blank_row_is_never_counted(void **state)
{
    struct row *r = row_ref(&row_blank_row);
    assert_ptr_equal(r, &row_blank_row);
    for (int i = 0; i < 5; i++)
        row_unref(r);
    assert_int_equal(row_blank_row.refs, 2);
    uint8_t out[CELL_UTF8_MAX];
    assert_int_equal(row_text(r, 77, out), 1);
    assert_int_equal(out[0], ' ');
}

static void own_replaces_the_blank_row(void **state)
{
    uint64_t id = 7;
    struct row *slot = row_ref(&row_blank_row);
    struct row *r = row_own(&slot, 80, &id);
    assert_ptr_equal(r, slot);
    assert_ptr_not_equal(r, &row_blank_row);
    assert_int_equal(r->id, 7);
    assert_int_equal(id, 8);
    assert_int_equal(r->version, 0);
    assert_int_equal(r->used, 0);
    assert_true(r->size >= 80);
    row_unref(r);
}

static void own_clones_what_is_shared(void **state)
{
    uint64_t id = 9;
    struct row *slot = row_of("abc", &plain);
    slot->cell[1].text = 'e';
    assert_true(row_combine(slot, 1, 0x301));
    struct row *shared = row_ref(slot);
    struct row *mine = row_own(&slot, 10, &id);
    assert_ptr_not_equal(mine, shared);
    assert_int_equal(shared->refs, 1);
    assert_int_equal(mine->refs, 1);
    assert_int_equal(mine->id, shared->id);
    assert_int_equal(mine->version, shared->version + 1);
    assert_true(row_equal(mine, shared, 10));
    mine->cell[0].text = 'X';
    row_combine(mine, 1, 0x302);
    uint8_t out[CELL_UTF8_MAX];
    assert_int_equal(row_text(shared, 0, out), 1);
    assert_int_equal(out[0], 'a');
    assert_int_equal(row_text(shared, 1, out), 3);
    assert_int_equal(row_text(mine, 1, out), 5);
    assert_false(row_equal(mine, shared, 10));
    row_unref(shared);
    row_unref(mine);
}

static void own_alone_stays_and_grows(void **state)
{
    uint64_t id = 9;
    struct row *slot = row_of("abc", &plain), *before = slot;
    assert_ptr_equal(row_own(&slot, 2, &id), before);
    assert_int_equal(slot->version, 0);
    row_own(&slot, 200, &id);
    assert_int_equal(slot->size, 200);
    assert_int_equal(slot->used, 3);
    assert_int_equal(slot->cell[2].text, 'c');
    row_unref(slot);
}

static void own_gives_an_erased_line_an_identity(void **state)
{
    uint64_t id = 5;
    struct row *shared = row_new(4, ROW_ID_ERASED);
    struct row *slot = row_ref(shared), *other = row_ref(shared);
    assert_int_equal(row_own(&slot, 4, &id)->id, 5);
    assert_int_equal(row_own(&other, 4, &id)->id, 6);
    assert_int_equal(shared->id, ROW_ID_ERASED);
    row_unref(slot);
    row_unref(other);
    row_unref(shared);
}

static void equality_is_of_the_picture(void **state)
{
    struct pen red = {.bg = COLOUR_PALETTE | 1}, line = {.attr = 1 << ATTR_UNDERLINE_SHIFT};
    struct row *a = row_of("ab", &plain), *b = row_of("ab   ", &plain), *c = row_of("ab ", &red);
    struct row *d = row_of("ab ", &line);
    assert_true(row_equal(a, b, 80));
    assert_true(row_equal(b, a, 80));
    assert_false(row_equal(a, c, 80));
    assert_false(row_equal(b, d, 80));
    assert_true(row_equal(a, a, 80));
    b->wrapped = true;
    assert_false(row_equal(a, b, 80));
    b->wrapped = false;
    b->cell[4].text = 'x';
    assert_false(row_equal(a, b, 80));
    assert_true(row_equal(a, b, 4));
    assert_true(row_cell_equal(a, b, 3));
    assert_false(row_cell_equal(a, b, 4));
    row_unref(a);
    row_unref(b);
    row_unref(c);
    row_unref(d);
}

static void equality_of_clusters(void **state)
{
    struct row *a = row_of("xe", &plain), *b = row_of("ye", &plain);
    /* The same cluster at different places of the arena. */
    row_combine(a, 1, 0x301);
    row_combine(b, 0, 0x300);
    row_combine(b, 1, 0x301);
    assert_true(row_cell_equal(a, b, 1));
    assert_false(row_cell_equal(a, b, 0));
    row_combine(b, 1, 0x301);
    assert_false(row_cell_equal(a, b, 1));
    row_unref(a);
    row_unref(b);
}

static void fallback_equals_no_break_space(void **state)
{
    struct row *a = row_of("x", &plain), *b = row_of("x", &plain);
    a->cell[0].text = 0;
    b->cell[0].text = 0xa0;
    assert_true(row_combine(a, 0, 0x301));
    assert_true(a->cell[0].text & CELL_FALLBACK);
    assert_true(row_combine(b, 0, 0x301));
    assert_false(b->cell[0].text & CELL_FALLBACK);
    assert_true(row_equal(a, b, 1));
    /* And they take equally many more. */
    int na = 0, nb = 0;
    while (row_combine(a, 0, 0x302))
        na++;
    while (row_combine(b, 0, 0x302))
        nb++;
    assert_int_equal(na, nb);
    assert_true(row_equal(a, b, 1));
    uint8_t out[CELL_UTF8_MAX];
    assert_true(row_text(a, 0, out) <= CLUSTER_BYTES + 3);
    row_unref(a);
    row_unref(b);
}

static void cluster_cap(void **state)
{
    struct row *r = row_of("a", &plain);
    int n = 0;
    while (row_combine(r, 0, 0x1d165)) /* four bytes */
        n++;
    assert_int_equal(n, 8); /* 1 + 4 * 8 = 33 >= 32 */
    row_unref(r);
}

static void arena_stays_small(void **state)
{
    struct row *r = row_of("abcdefghijklmnopqrstuvwxyz", &plain);
    for (int i = 0; i < 100000; i++) {
        uint16_t col = (uint16_t)(i % 26);
        r->cell[col].text = 'a';
        row_combine(r, col, 0x300 + (uint32_t)i % 64);
        row_combine(r, col, 0x301);
    }
    assert_true(r->text_size <= 2 * 26 * 8 + 26 + 32);
    uint8_t out[CELL_UTF8_MAX];
    for (uint16_t col = 0; col < 26; col++) {
        assert_int_equal(row_text(r, col, out), 5);
        assert_memory_equal(out + 3, "\xcc\x81", 2);
    }
    row_unref(r);
}

static void exts_are_sorted_and_replaced(void **state)
{
    struct row *r = row_of("abcdef", &plain);
    static const uint16_t order[] = {3, 1, 5, 1, 0};
    for (unsigned i = 0; i < 5; i++) {
        struct pen p = {.ul = COLOUR_PALETTE | i, .attr = ATTR_EXT};
        r->cell[order[i]] = cell_make('x', &p);
        row_ext_set(r, order[i], &p);
    }
    assert_int_equal(r->ext_n, 4);
    for (unsigned i = 1; i < r->ext_n; i++)
        assert_true(r->ext[i - 1].col < r->ext[i].col);
    assert_int_equal(row_pen(r, 1).ul, COLOUR_PALETTE | 3);
    assert_int_equal(row_pen(r, 3).ul, COLOUR_PALETTE | 0);
    assert_int_equal(row_pen(r, 2).ul, 0);
    assert_int_equal(row_pen(r, 1).attr, 0);
    row_unref(r);
}

static void exts_shift(void **state)
{
    struct row *r = row_of("abcdef", &plain);
    for (uint16_t col = 0; col < 6; col++)
        row_ext_set(r, col, &(struct pen){.ul = col + 1u});
    row_ext_shift(r, 2, 3, 6); /* 2 moves to 5; 3..5 leave */
    assert_int_equal(r->ext_n, 3);
    assert_int_equal(r->ext[2].col, 5);
    assert_int_equal(r->ext[2].ul, 3);
    row_ext_shift(r, 1, -4, 6); /* 1 is deleted; 5 moves to 1 */
    assert_int_equal(r->ext_n, 2);
    assert_int_equal(r->ext[1].col, 1);
    assert_int_equal(r->ext[1].ul, 3);
    row_unref(r);
}

static void pen_and_cell_agree(void **state)
{
    struct pen p = {.fg = COLOUR_RGB | 0x123456,
                    .bg = COLOUR_PALETTE | 200,
                    .attr = ATTR_BOLD | ATTR_INVISIBLE | ATTR_STRIKE | 5 << ATTR_UNDERLINE_SHIFT};
    struct row *r = row_of("a", &p);
    struct pen q = row_pen(r, 0);
    assert_int_equal(p.fg, q.fg);
    assert_int_equal(p.bg, q.bg);
    assert_int_equal(p.attr, q.attr);
    assert_int_equal(p.ul | p.link, q.ul | q.link);
    row_unref(r);
}

static void parts_are_appended(void **state)
{
    static const struct pen red = {.fg = COLOUR_PALETTE | 1}, link = {.link = 7, .attr = ATTR_EXT};
    static const uint8_t heart[] = "\xe2\x9d\xa4\xef\xb8\x8f";
    struct row *a = row_of("abc", &red), *b = row_of("0123456", &link);
    for (uint16_t c = 0; c < b->used; c++)
        row_ext_set(b, c, &link);
    row_cluster_put(b, 2, heart, 6);
    row_append(&a, b, 1, 4);
    row_append(&a, b, 0, 0);
    row_append(&a, b, 6, 7);
    assert_int_equal(a->used, 7);
    static const char *const want[] = {"a", "b", "c", "1", (const char *)heart, "3", "6"};
    for (uint16_t c = 0; c < 7; c++) {
        uint8_t t[CELL_UTF8_MAX];
        assert_int_equal(row_text(a, c, t), strlen(want[c]));
        assert_memory_equal(t, want[c], strlen(want[c]));
        assert_int_equal(row_pen(a, c).link, c < 3 ? 0 : 7);
        assert_int_equal(row_pen(a, c).fg, c < 3 ? red.fg : 0);
    }
    row_unref(a);
    row_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cell_sizes),
        cmocka_unit_test(blank_row_is_never_counted),
        cmocka_unit_test(own_replaces_the_blank_row),
        cmocka_unit_test(own_clones_what_is_shared),
        cmocka_unit_test(own_alone_stays_and_grows),
        cmocka_unit_test(own_gives_an_erased_line_an_identity),
        cmocka_unit_test(equality_is_of_the_picture),
        cmocka_unit_test(equality_of_clusters),
        cmocka_unit_test(fallback_equals_no_break_space),
        cmocka_unit_test(cluster_cap),
        cmocka_unit_test(arena_stays_small),
        cmocka_unit_test(exts_are_sorted_and_replaced),
        cmocka_unit_test(exts_shift),
        cmocka_unit_test(parts_are_appended),
        cmocka_unit_test(pen_and_cell_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
