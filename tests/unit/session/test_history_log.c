#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pb.h"
#include "session/history_log.h"

#include <string.h>

static void record_again(enum history_kind kind, uint64_t first, uint64_t end, const char *text,
                         size_t times)
{
    struct history_record r, got;
    struct buf b;
    size_t used;
    history_record_init(&r);
    history_record_init(&got);
    buf_init(&b, 1 << 20);
    r.kind = kind;
    r.first = first;
    r.end = end;
    for (size_t i = 0; i < times; i++)
        buf_put_text(&r.lines, text);
    struct codec pack;
    codec_init(&pack, false);
    history_record_put(&b, &r, times > 100 ? &pack : NULL);
    codec_fini(&pack);
    assert_int_equal(buf_err(&b), 0);
    for (size_t cut = 0; cut < buf_len(&b); cut += 1 + buf_len(&b) / 50)
        assert_int_equal(history_record_get(buf_data(&b), cut, &got, &used), 0);
    size_t len = buf_len(&b);
    buf_put_text(&b, "next");
    assert_int_equal(history_record_get(buf_data(&b), buf_len(&b), &got, &used), 1);
    assert_int_equal(used, len);
    assert_int_equal(got.kind, kind);
    assert_true(got.first == first && got.end == end);
    assert_int_equal(buf_len(&got.lines), buf_len(&r.lines));
    if (buf_len(&r.lines))
        assert_memory_equal(buf_data(&got.lines), buf_data(&r.lines), buf_len(&r.lines));
    if (times > 100)
        assert_true(len < buf_len(&r.lines) / 4);
    history_record_fini(&r);
    history_record_fini(&got);
    buf_fini(&b);
}

static void records_come_back(void **state)
{
    (void)state;
    record_again(HISTORY_LINES, 7, 9, "short", 1);
    record_again(HISTORY_LINES, 0, 4096, "many lines of one kind", 2000);
    record_again(HISTORY_LINKS, 0, 0, "not read here", 1);
    record_again(HISTORY_LINKS, 0, 0, "but deflated", 2000);
    record_again(HISTORY_GAP, 1, UINT64_MAX, "", 0);
    record_again(HISTORY_CLEAR, 0, 1234567890123, "", 0);
    record_again(HISTORY_SKIP, 0, 0, "", 0);
}

static void links_come_back(void **state)
{
    (void)state;
    struct history_record r;
    const uint8_t *uri;
    uint32_t number;
    size_t len;
    char text[2000];
    unsigned n = 0;
    history_record_init(&r);
    memset(text, 'u', sizeof text);
    text[sizeof text - 1] = 0;
    while (history_link_put(&r, n + 1, text + n))
        n++;
    assert_true(n > 30);
    assert_int_equal(buf_err(&r.lines), 0);
    struct reader in = reader_of(buf_data(&r.lines), buf_len(&r.lines));
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(history_link_get(&in, &number, &uri, &len), 1);
        assert_int_equal(number, i + 1);
        assert_int_equal(len, sizeof text - 1 - i);
    }
    assert_int_equal(history_link_get(&in, &number, &uri, &len), 0);
    /* no number, one that is too large, cut off */
    static const char *const bad[] = {"\000\001a", "\377\377\377\377\177\001a", "\001",
                                      "\001\005abcd"};
    static const size_t size[] = {3, 7, 1, 6};
    for (size_t i = 0; i < 4; i++) {
        in = reader_of((const uint8_t *)bad[i], size[i]);
        assert_int_equal(history_link_get(&in, &number, &uri, &len), ERR_SYNTAX);
    }
    history_record_fini(&r);
}

static void refuses_nonsense(void **state)
{
    (void)state;
    struct history_record got;
    struct buf b;
    size_t used;
    history_record_init(&got);
    buf_init(&b, 1 << 20);
    /* backwards, too many, no stream, too long, not bytes */
    for (int i = 0; i < 5; i++) {
        buf_clear(&b);
        if (i == 4) {
            pb_put_varint(&b, HISTORY_LINES, 1);
        } else {
            size_t mark = pb_begin(&b, HISTORY_LINES);
            pb_put_varint(&b, 1, i == 0 ? 9 : 0);
            pb_put_varint(&b, 2, i == 1 ? HISTORY_LINES_MAX + 1 : 8);
            if (i == 2)
                pb_put_bytes(&b, 4, "no zlib", 7);
            for (int k = 0; i == 3 && k < 9000; k++)
                pb_put_bytes(&b, 3, "12345678", 8);
            pb_end(&b, mark);
        }
        assert_int_equal(history_record_get(buf_data(&b), buf_len(&b), &got, &used), ERR_SYNTAX);
    }
    /* A later version's kind is handed out. */
    buf_clear(&b);
    pb_put_bytes(&b, 77, "\x08\x01\x10\x02", 4);
    assert_int_equal(history_record_get(buf_data(&b), buf_len(&b), &got, &used), 1);
    assert_int_equal(got.kind, 77);
    buf_fini(&b);
    history_record_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(links_come_back),
        cmocka_unit_test(refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
