#include "quic/packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MS ((uint64_t)1000)
#define S  ((uint64_t)1000000)

static void numbers_there_and_back(void **state)
{
    static const uint64_t ids[] = {0,        4,         63, 64, 16383, 16384, (1u << 30) - 1,
                                   1u << 30, 1ull << 61};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct quic_packets p;
        uint64_t id;
        size_t head;
        quic_packets_init(&p);
        quic_packets_put(&p, ids[i], "xyz", 3);
        quic_packets_stamp(&p, 1);
        struct quic_packet_out *o = quic_packets_first(&p, 1200, 1200, 1);
        assert_int_equal(quic_packets_get(o->body, o->len, &id, &head), 0);
        assert_int_equal(id, ids[i]);
        assert_int_equal(o->len - head, 3);
        assert_memory_equal(o->body + head, "xyz", 3);
        assert_int_equal(quic_packets_room(id, 1200), 1200 - QUIC_PACKETS_FRAME - head);
        for (size_t n = 0; n < head; n++)
            assert_int_equal(quic_packets_get(o->body, n, &id, &head), ERR_SHORT);
        quic_packets_fini(&p);
    }
    assert_int_equal(quic_packets_room(0, 10), 0);
}

/* In order, no longer than the path takes, none that is old. */
static void what_is_of_no_use_is_dropped(void **state)
{
    struct quic_packets p;
    uint8_t big[2000] = {0};
    quic_packets_init(&p);
    quic_packets_put(&p, 0, big, 1);
    quic_packets_put(&p, 0, big, 2);
    quic_packets_stamp(&p, 1 * S);
    quic_packets_put(&p, 0, big, sizeof big);
    quic_packets_put(&p, 0, big, 3);
    quic_packets_stamp(&p, 2 * S);
    assert_int_equal(quic_packets_first(&p, 1200, 1200, 1 * S)->len, 2);
    quic_packets_drop(&p, quic_packets_first(&p, 1200, 1200, 1 * S));
    assert_int_equal(quic_packets_first(&p, 1200, 1200, 1 * S + QUIC_PACKETS_AGE)->len, 3);
    assert_int_equal(p.dropped, 0);
    assert_int_equal(quic_packets_first(&p, 1200, 1200, 1 * S + QUIC_PACKETS_AGE + 1)->len, 4);
    assert_int_equal(p.dropped, 2);
    assert_null(quic_packets_first(&p, QUIC_PACKETS_FRAME + 3, 1200, 1600 * MS)); /* not now */
    assert_int_equal(quic_packets_first(&p, QUIC_PACKETS_FRAME + 4, 1200, 1600 * MS)->len, 4);
    assert_null(quic_packets_first(&p, 1200, 1200, 3 * S));
    assert_int_equal(p.count, 0);
    assert_int_equal(p.bytes, 0);
    quic_packets_fini(&p);
}

static void floods_are_bounded(void **state)
{
    struct quic_packets p;
    uint8_t bytes[1400] = {0};
    quic_packets_init(&p);
    for (int i = 0; i < 5000; i++) {
        bytes[0] = (uint8_t)i;
        quic_packets_put(&p, 0, bytes, i % 2 ? 1 : sizeof bytes);
        assert_true(p.count <= QUIC_PACKETS_MAX && p.bytes <= QUIC_PACKETS_BYTES);
    }
    assert_int_equal(p.count + p.dropped, 5000);
    quic_packets_stamp(&p, 1);
    size_t left = p.count;
    struct quic_packet_out *o = quic_packets_first(&p, 1500, 1500, 1);
    assert_int_equal(o->body[1], (uint8_t)(5000 - left)); /* the newest have stayed */
    quic_packets_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_there_and_back),
        cmocka_unit_test(what_is_of_no_use_is_dropped),
        cmocka_unit_test(floods_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
