#include "link/keys.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_hex(const uint8_t *p, size_t len, const char *hex)
{
    char text[128] = {0};
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
    assert_string_equal(text, hex);
}

/* RFC 5869, appendix A.3: no salt, no info. */
static void matches_rfc_5869(void **state)
{
    uint8_t ikm[22], okm[42];
    memset(ikm, 0x0b, sizeof ikm);
    keys_hkdf(ikm, sizeof ikm, "", okm, sizeof okm);
    assert_hex(okm, sizeof okm,
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
               "9d201395faa4b61a96c8");
}

/* Values computed with Python's hmac and hashlib. */
static void derives_all_keys(void **state)
{
    uint8_t secret[KEYS_SECRET];
    struct keys k;
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)i;
    keys_prepare(); /* changes nothing */
    keys_derive(&k, secret);
    assert_hex(k.c2s, 16, "a34564829d283ead2d36da9ac60765f1");
    assert_hex(k.s2c, 16, "3fe058379fdb162ade8f63e472e11830");
    assert_hex(k.quic, 32, "6356234ab5f365769a1c57c75e7a823625c762e96f8f4d0a502dce20c5d72067");
    assert_hex(k.join, 32, "ec32fe129f1b1d6cda57e909d6d7105aaad8018bb4c686ea71201376d615131b");
    keys_wipe(&k);
    static const struct keys zero;
    assert_memory_equal(&k, &zero, sizeof k);
}

static void stock_has_one_key(void **state)
{
    uint8_t key[KEYS_STOCK];
    struct keys k;
    memset(key, 7, sizeof key);
    keys_stock(&k, key);
    assert_memory_equal(k.c2s, key, 16);
    assert_memory_equal(k.s2c, key, 16);
    assert_int_equal(k.quic[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_rfc_5869),
        cmocka_unit_test(derives_all_keys),
        cmocka_unit_test(stock_has_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
