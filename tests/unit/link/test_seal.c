#include "link/seal.h"

#include "base/mem.h"
#include "base/wire.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct seal *make(enum seal_codec codec, bool server, bool stock, uint16_t route)
{
    struct keys k;
    uint8_t secret[KEYS_SECRET] = {1, 2, 3};
    if (stock)
        keys_stock(&k, secret);
    else
        keys_derive(&k, secret);
    return seal_new(&(struct seal_config){codec, &k, server, stock, route});
}

/* ---- mosh-vectors.json: the few keys that matter, in the order in which they stand there ---- */

static char *read_vectors(void)
{
    char path[4096];
    const char *root = getenv("TERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/vectors/mosh-vectors.json", root ? root : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = mem_new(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    assert_true(n > 1000);
    fclose(f);
    return text;
}

/* The text behind `"key": ` at or after *at, which is moved there. */
static const char *find_value(const char **at, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *p = strstr(*at, quoted);
    assert_non_null(p);
    return *at = p + strlen(quoted);
}

static size_t hex_value(const char **at, const char *key, uint8_t *out, size_t size)
{
    const char *p = find_value(at, key) + 1;
    size_t n = 0;
    for (unsigned byte; *p != '"'; p += 2) {
        assert_int_equal(sscanf(p, "%2x", &byte), 1);
        assert_true(n < size);
        out[n++] = (uint8_t)byte;
    }
    return n;
}

struct vector {
    uint8_t key[KEYS_STOCK], dgram[SEAL_DATAGRAM], plain[SEAL_PLAIN];
    size_t dgram_len, plain_len;
    uint64_t seq;
    bool to_client;
};

static void check_vector(const struct vector *v)
{
    struct keys k;
    uint8_t plain[SEAL_PLAIN], dgram[SEAL_DATAGRAM];
    size_t len;
    uint64_t seq;
    keys_stock(&k, v->key);
    struct seal *from = seal_new(&(struct seal_config){SEAL_OCB, &k, v->to_client, true, 0});
    struct seal *to = seal_new(&(struct seal_config){SEAL_OCB, &k, !v->to_client, true, 0});
    assert_int_equal(seal_open(to, v->dgram, v->dgram_len, plain, &len, &seq), 0);
    assert_int_equal(seq, v->seq);
    assert_int_equal(len, v->plain_len);
    assert_memory_equal(plain, v->plain, len);
    seal_skip_to(from, v->seq);
    assert_int_equal(seal_close(from, v->plain, v->plain_len, dgram, &len), 0);
    assert_int_equal(len, v->dgram_len);
    assert_memory_equal(dgram, v->dgram, len);
    assert_int_equal(seal_open(from, v->dgram, v->dgram_len, plain, &len, &seq), ERR_VERSION);
    seal_free(from);
    seal_free(to);
}

static void stock_vectors_byte_for_byte(void **state)
{
    char *text = read_vectors();
    const char *at = text;
    struct vector v;
    int count = 0;
    while (strstr(at, "\"datagram_hex\"")) {
        const char *key = strstr(at, "\"key_hex\""), *packet = strstr(at, "\"dir\"");
        if (key && key < packet)
            assert_int_equal(hex_value(&at, "key_hex", v.key, sizeof v.key), KEYS_STOCK);
        v.to_client = !strncmp(find_value(&at, "dir"), "\"to_client", 10);
        v.seq = strtoull(find_value(&at, "seq"), NULL, 10);
        v.dgram_len = hex_value(&at, "datagram_hex", v.dgram, sizeof v.dgram);
        v.plain_len = hex_value(&at, "plaintext_hex", v.plain, sizeof v.plain);
        check_vector(&v);
        count++;
    }
    assert_int_equal(count, 16);
    free(text);
}

static void number_has_the_right_bits(void **state)
{
    uint8_t dgram[64];
    size_t len;
    struct seal *c = make(SEAL_OCB, false, false, 0x1abc), *s = make(SEAL_OCB, true, false, 0x1abc);
    assert_int_equal(seal_close(c, dgram, 20, dgram + 20, &len), 0);
    assert_int_equal(wire_get_u64(dgram + 20), (uint64_t)0x1abc << 48);
    assert_int_equal(seal_route(dgram + 20, len), 0x1abc);
    assert_int_equal(seal_close(c, dgram, 20, dgram + 20, &len), 0);
    assert_int_equal(wire_get_u64(dgram + 20), (uint64_t)0x1abc << 48 | 1);
    assert_int_equal(seal_close(s, dgram, 20, dgram + 20, &len), 0);
    assert_int_equal(wire_get_u64(dgram + 20), (uint64_t)0x9abc << 48);
    assert_int_equal(dgram[20] & 0x60, 0); /* neither QUIC nor the other key phase */
    assert_int_equal(seal_route(dgram, 23), ERR_SHORT);
    dgram[0] = 0x40;
    assert_int_equal(seal_route(dgram, 24), ERR_VERSION);
    dgram[0] = 0x20;
    assert_int_equal(seal_route(dgram, 24), ERR_VERSION);
    seal_free(c);
    seal_free(s);
}

static void refuses_what_is_not_ours(enum seal_codec codec)
{
    struct seal *c = make(codec, false, false, 5), *s = make(codec, true, false, 5);
    struct seal *other = make(codec, true, false, 6);
    uint8_t text[100], dgram[SEAL_DATAGRAM + 1], plain[SEAL_PLAIN];
    size_t len, plain_len;
    uint64_t seq;
    memset(text, 'x', sizeof text);
    assert_int_equal(seal_close(c, text, sizeof text, dgram, &len), 0);
    assert_int_equal(len, sizeof text + SEAL_OVERHEAD);
    assert_int_equal(seal_open(s, dgram, len, plain, &plain_len, &seq), 0);
    assert_int_equal(plain_len, sizeof text);
    assert_memory_equal(plain, text, sizeof text);
    assert_int_equal(seal_open(other, dgram, len, plain, &plain_len, &seq), ERR_VERSION);
    assert_int_equal(seal_open(c, dgram, len, plain, &plain_len, &seq), ERR_VERSION);
    /* Every single flipped bit. */
    for (size_t bit = 0; bit < len * 8; bit++) {
        dgram[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int err = seal_open(s, dgram, len, plain, &plain_len, &seq);
        assert_int_equal(err, bit < 16 ? ERR_VERSION : ERR_AUTH);
        dgram[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* Every truncation, and too much. */
    for (size_t n = 0; n < len; n++)
        assert_int_equal(seal_open(s, dgram, n, plain, &plain_len, &seq),
                         n < SEAL_OVERHEAD ? ERR_SHORT : ERR_AUTH);
    assert_int_equal(seal_open(s, dgram, sizeof dgram, plain, &plain_len, &seq), ERR_CAP);
    assert_int_equal(seal_open(s, dgram, SEAL_DATAGRAM, plain, &plain_len, &seq), ERR_AUTH);
    assert_int_equal(seal_open(s, dgram, len, plain, &plain_len, &seq), 0);
    seal_free(c);
    seal_free(s);
    seal_free(other);
}

static void ocb_refuses(void **state)
{
    refuses_what_is_not_ours(SEAL_OCB);
}

static void null_refuses(void **state)
{
    refuses_what_is_not_ours(SEAL_NULL);
}

static void every_length(void **state)
{
    for (int codec = SEAL_OCB; codec <= SEAL_NULL; codec++) {
        struct seal *c = make((enum seal_codec)codec, false, true, 0);
        struct seal *s = make((enum seal_codec)codec, true, true, 0);
        uint8_t text[SEAL_PLAIN], dgram[SEAL_DATAGRAM], plain[SEAL_PLAIN];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)(i * 7);
        for (size_t n = 0; n <= SEAL_PLAIN; n += n < 70 ? 1 : 61) {
            size_t len, plain_len;
            uint64_t seq;
            assert_int_equal(seal_close(c, text, n, dgram, &len), 0);
            assert_int_equal(seal_open(s, dgram, len, plain, &plain_len, &seq), 0);
            assert_int_equal(plain_len, n);
            assert_memory_equal(plain, text, n);
        }
        seal_free(c);
        seal_free(s);
    }
}

static void stops_at_the_block_limit(void **state)
{
    struct seal *c = make(SEAL_OCB, false, false, 1);
    uint8_t text[32] = {0}, dgram[64];
    size_t len;
    seal_count_blocks(c, SEAL_BLOCKS - 3);
    assert_int_equal(seal_close(c, text, 17, dgram, &len), 0); /* two blocks */
    assert_int_equal(seal_close(c, text, 17, dgram, &len), ERR_LIMIT);
    assert_int_equal(seal_close(c, text, 16, dgram, &len), 0);
    assert_int_equal(seal_close(c, text, 1, dgram, &len), ERR_LIMIT);
    seal_free(c);
    /* And the counter never runs into the route id. */
    c = make(SEAL_OCB, false, false, 1);
    seal_skip_to(c, ((uint64_t)1 << 48) - 1);
    assert_int_equal(seal_close(c, text, 1, dgram, &len), 0);
    assert_int_equal(wire_get_u64(dgram), 0x0001ffffffffffffu);
    assert_int_equal(seal_close(c, text, 1, dgram, &len), ERR_LIMIT);
    seal_free(c);
}

static void stock_numbers_have_63_bits(void **state)
{
    struct seal *c = make(SEAL_OCB, false, true, 0), *s = make(SEAL_OCB, true, true, 0);
    uint8_t text[16] = {0}, dgram[64], plain[SEAL_PLAIN];
    size_t len, plain_len;
    uint64_t seq;
    seal_skip_to(c, (uint64_t)0x7fff << 48);
    assert_int_equal(seal_close(c, text, 16, dgram, &len), 0);
    assert_int_equal(seal_open(s, dgram, len, plain, &plain_len, &seq), 0);
    assert_int_equal(seq, (uint64_t)0x7fff << 48);
    seal_free(c);
    seal_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stock_vectors_byte_for_byte),
        cmocka_unit_test(number_has_the_right_bits),
        cmocka_unit_test(ocb_refuses),
        cmocka_unit_test(null_refuses),
        cmocka_unit_test(every_length),
        cmocka_unit_test(stops_at_the_block_limit),
        cmocka_unit_test(stock_numbers_have_63_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
