#include "link/seal.h"

#include "base/mem.h"
#include "base/wire.h"
#include "link/ossl.h"

#include <stdlib.h>
#include <string.h>

#define BIT_TO_CLIENT ((uint64_t)1 << 63)
#define BIT_QUIC      ((uint64_t)1 << 62)
#define BIT_PHASE     ((uint64_t)1 << 61)
#define SEQ_BITS      48
#define SEQ_MAX       (((uint64_t)1 << SEQ_BITS) - 1)
#define NONCE         12

struct seal {
    enum seal_codec codec;
    bool stock;
    uint64_t head_out, head_in; /* what the number has above the sequence number */
    uint64_t next;              /* sequence number of the next datagram */
    uint64_t blocks;            /* encrypted under our key */
    uint64_t null_out, null_in; /* checksum keys of SEAL_NULL */
    EVP_CIPHER_CTX *out, *in;   /* keyed once, a nonce for each datagram */
};

/* libcrypto without AES-128-OCB, or one that fails for a reason of its own, is no peer's doing. */
static EVP_CIPHER_CTX *cipher_new(EVP_CIPHER *cipher, const uint8_t *key, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx || !EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL) <= 0 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, NULL) <= 0 ||
        !EVP_CipherInit_ex(ctx, NULL, NULL, key, NULL, encrypt))
        BUG("libcrypto has no AES-128-OCB");
    return ctx;
}

static void ocb_init(struct seal *s, const uint8_t *out, const uint8_t *in)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-OCB", NULL);
    if (!cipher)
        BUG("libcrypto has no AES-128-OCB");
    s->out = cipher_new(cipher, out, 1);
    s->in = cipher_new(cipher, in, 0);
    EVP_CIPHER_free(cipher); /* the contexts hold it */
}

struct seal *seal_new(const struct seal_config *config)
{
    BUG_ON(config->route >= SEAL_ROUTES);
    struct seal *s = mem_new(1, sizeof *s);
    const uint8_t *out = config->server ? config->keys->s2c : config->keys->c2s;
    const uint8_t *in = config->server ? config->keys->c2s : config->keys->s2c;
    s->codec = config->codec;
    s->stock = config->stock;
    uint64_t route = config->stock ? 0 : (uint64_t)config->route << SEQ_BITS;
    s->head_out = route | (config->server ? BIT_TO_CLIENT : 0);
    s->head_in = route | (config->server ? 0 : BIT_TO_CLIENT);
    if (s->codec == SEAL_OCB) {
        ocb_init(s, out, in);
    } else {
        s->null_out = wire_get_u64(out) ^ wire_get_u64(out + 8);
        s->null_in = wire_get_u64(in) ^ wire_get_u64(in + 8);
    }
    return s;
}

void seal_free(struct seal *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->out);
    EVP_CIPHER_CTX_free(s->in);
    mem_wipe(s, sizeof *s);
    free(s);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t p = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b | 1);
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* No cryptography: tells damage and the wrong key or direction apart, fast. */
static void null_tag(uint64_t key, uint64_t number, const uint8_t *p, size_t len,
                     uint8_t tag[static SEAL_TAG])
{
    uint64_t h = mix(key ^ 0x2545f4914f6cdd1du, number + 0x632be59bd9b4e019u) ^ len;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word; /* both ends are in one process: its byte order will do */
        memcpy(&word, p + i, sizeof word);
        h = (h ^ word) * 0xe7037ed1a0b428dbu;
        h ^= h >> 32;
    }
    for (; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    wire_put_u64(tag, mix(h, 0x8ebc6af09c88c6e3u));
    wire_put_u64(tag + 8, mix(h ^ 0x589965cc75374cc3u, 0x1d8e4e27c47d124fu));
}

static void nonce_put(uint8_t nonce[static NONCE], const uint8_t *head)
{
    memset(nonce, 0, NONCE - SEAL_HEAD);
    memcpy(nonce + NONCE - SEAL_HEAD, head, SEAL_HEAD);
}

static void ocb_close(struct seal *s, const uint8_t *plain, size_t len, uint8_t *out)
{
    uint8_t nonce[NONCE];
    int n = 0, last = 0;
    nonce_put(nonce, out);
    uint8_t *body = out + SEAL_HEAD;
    if (!EVP_EncryptInit_ex(s->out, NULL, NULL, NULL, nonce) ||
        (len && !EVP_EncryptUpdate(s->out, body, &n, plain, (int)len)) ||
        !EVP_EncryptFinal_ex(s->out, body + n, &last) || (size_t)n + (size_t)last != len ||
        EVP_CIPHER_CTX_ctrl(s->out, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, body + len) <= 0)
        BUG("AES-128-OCB failed to encrypt");
}

int seal_close(struct seal *s, const uint8_t *plain, size_t len, uint8_t *out, size_t *out_len)
{
    BUG_ON(len > SEAL_PLAIN);
    uint64_t blocks = (len + 15) / 16;
    /* Every datagram of ours holds a block, so that the counter cannot run out before this. */
    if (blocks > SEAL_BLOCKS - s->blocks || (!s->stock && s->next > SEQ_MAX))
        return ERR_LIMIT;
    s->blocks += blocks;
    uint64_t number = s->head_out | s->next++;
    wire_put_u64(out, number);
    if (s->codec == SEAL_OCB) {
        ocb_close(s, plain, len, out);
    } else {
        if (len)
            memcpy(out + SEAL_HEAD, plain, len);
        null_tag(s->null_out, number, plain, len, out + SEAL_HEAD + len);
    }
    *out_len = len + SEAL_OVERHEAD;
    return ERR_OK;
}

static int ocb_open(struct seal *s, const uint8_t *dgram, size_t len, uint8_t *plain)
{
    uint8_t nonce[NONCE], tag[SEAL_TAG];
    int n = 0, last = 0;
    nonce_put(nonce, dgram);
    const uint8_t *body = dgram + SEAL_HEAD;
    memcpy(tag, body + len, SEAL_TAG);
    if (!EVP_DecryptInit_ex(s->in, NULL, NULL, NULL, nonce) ||
        EVP_CIPHER_CTX_ctrl(s->in, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, tag) <= 0 ||
        (len && !EVP_DecryptUpdate(s->in, plain, &n, body, (int)len)) ||
        EVP_DecryptFinal_ex(s->in, plain + n, &last) <= 0)
        return ERR_AUTH;
    return ERR_OK;
}

static int null_open(struct seal *s, const uint8_t *dgram, size_t len, uint8_t *plain)
{
    uint8_t tag[SEAL_TAG];
    const uint8_t *body = dgram + SEAL_HEAD;
    null_tag(s->null_in, wire_get_u64(dgram), body, len, tag);
    if (memcmp(tag, body + len, SEAL_TAG))
        return ERR_AUTH;
    if (len)
        memcpy(plain, body, len);
    return ERR_OK;
}

int seal_open(struct seal *s, const uint8_t *dgram, size_t len, uint8_t *plain, size_t *plain_len,
              uint64_t *seq)
{
    if (len < SEAL_OVERHEAD)
        return ERR_SHORT;
    if (len > SEAL_DATAGRAM)
        return ERR_CAP;
    uint64_t number = wire_get_u64(dgram);
    uint64_t seq_mask = s->stock ? ~BIT_TO_CLIENT : SEQ_MAX;
    if ((number & ~seq_mask) != s->head_in)
        return ERR_VERSION;
    size_t body = len - SEAL_OVERHEAD;
    int err =
        s->codec == SEAL_OCB ? ocb_open(s, dgram, body, plain) : null_open(s, dgram, body, plain);
    if (err)
        return err;
    *plain_len = body;
    *seq = number & seq_mask;
    return ERR_OK;
}

void seal_skip_to(struct seal *s, uint64_t seq)
{
    BUG_ON(seq < s->next);
    s->next = seq;
}

void seal_count_blocks(struct seal *s, uint64_t blocks)
{
    s->blocks += blocks;
}

int seal_route(const uint8_t *dgram, size_t len)
{
    if (len < SEAL_OVERHEAD)
        return ERR_SHORT;
    uint64_t number = wire_get_u64(dgram);
    if (number & (BIT_QUIC | BIT_PHASE))
        return ERR_VERSION;
    return (int)(number >> SEQ_BITS & (SEAL_ROUTES - 1));
}
