#include "boot/reader.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* More than one connect line and one turn's frames behind it. */
#define TEXT_MAX (256u << 10)

void boot_reader_init(struct boot_reader *r, const char *nonce)
{
    memset(r, 0, sizeof *r);
    size_t n = strlen(nonce);
    BUG_ON(n > CONNECT_NONCE_MAX);
    memcpy(r->nonce, nonce, n);
    buf_init(&r->text, TEXT_MAX);
}

void boot_reader_fini(struct boot_reader *r)
{
    if (r->text.mem)
        mem_wipe(r->text.mem, r->text.size);
    buf_fini(&r->text);
}

static void take_noise(struct boot_reader *r, size_t len, struct buf *noise)
{
    const uint8_t *p = buf_data(&r->text);
    for (size_t i = 0; noise && i < len; i++) {
        bool shown = p[i] == '\n' || p[i] == '\t' || (p[i] >= 0x20 && p[i] != 0x7f);
        if (p[i] != '\r')
            buf_put_u8(noise, shown ? p[i] : '?');
    }
    r->noise += len;
    buf_skip(&r->text, len);
}

/* Bytes before the line's mark, which connect_find found within len bytes. */
static size_t before_line(const struct boot_reader *r, size_t len)
{
    char mark[CONNECT_NONCE_MAX + 8];
    int n = snprintf(mark, sizeof mark, "TERN %s ", r->nonce);
    const uint8_t *text = buf_data(&r->text);
    const uint8_t *at = memmem(text, len, mark, (size_t)n);
    return at ? (size_t)(at - text) : 0;
}

int boot_reader_feed(struct boot_reader *r, const uint8_t *bytes, size_t len, struct connect *out,
                     struct buf *noise)
{
    buf_put(&r->text, bytes, len);
    if (buf_err(&r->text))
        return ERR_CAP;
    size_t used = 0;
    int got = connect_find(buf_data(&r->text), buf_len(&r->text), r->nonce, out, &used);
    if (got == 1) {
        size_t noise_len = before_line(r, used);
        take_noise(r, noise_len, noise);
        buf_skip(&r->text, used - noise_len);
        return 1;
    }
    if (got < 0)
        return got;
    take_noise(r, used, noise);
    return r->noise > BOOT_NOISE_MAX ? ERR_CAP : 0;
}
