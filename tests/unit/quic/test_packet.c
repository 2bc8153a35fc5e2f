#include "quic/packet.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void short_header(void **state)
{
    const uint8_t p[] = {0x41, 0x12, 0x34, 3, 4, 5, 6, 7, 8, 99};
    struct quic_packet out;
    assert_int_equal(quic_packet_get(p, sizeof p, &out), 0);
    assert_false(out.is_long);
    assert_ptr_equal(out.id, p + 1);
    assert_int_equal(out.id_len, QUIC_ID);
    assert_int_equal(quic_packet_route(&out), 0x1234);
    for (size_t n = 0; n < 9; n++)
        assert_int_equal(quic_packet_get(p, n, &out), ERR_SHORT);
}

static void long_header(void **state)
{
    uint8_t p[40] = {0xc3, 0, 0, 0, 1, QUIC_ID_FIRST};
    struct quic_packet out;
    assert_int_equal(quic_packet_get(p, sizeof p, &out), 0);
    assert_true(out.is_long);
    assert_ptr_equal(out.id, p + 6);
    assert_int_equal(out.id_len, QUIC_ID_FIRST);
    assert_int_equal(quic_packet_route(&out), 0); /* the first id tells no route */
    assert_int_equal(quic_packet_get(p, 6 + QUIC_ID_FIRST - 1, &out), ERR_SHORT);
    p[5] = 21;
    assert_int_equal(quic_packet_get(p, sizeof p, &out), ERR_SYNTAX);
}

static void other_versions(void **state)
{
    uint8_t p[40] = {0xc3, 0x6b, 0x33, 0x43, 0xcf, 8}; /* version 2 */
    struct quic_packet out;
    assert_int_equal(quic_packet_get(p, sizeof p, &out), ERR_VERSION);
    memset(p + 1, 0, 4); /* version negotiation */
    assert_int_equal(quic_packet_get(p, sizeof p, &out), ERR_VERSION);
}

static void sealed_datagrams(void **state)
{
    struct quic_packet out;
    for (unsigned b = 0; b < 256; b++) {
        uint8_t p[40] = {(uint8_t)b, 0, 0, 0, 1, 8};
        bool quic = (b & 0x40) != 0;
        assert_int_equal(quic_packet_is(p, sizeof p), quic);
        assert_int_equal(quic_packet_get(p, sizeof p, &out) == 0, quic);
    }
    assert_false(quic_packet_is((const uint8_t *)"", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_header),
        cmocka_unit_test(long_header),
        cmocka_unit_test(other_versions),
        cmocka_unit_test(sealed_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
