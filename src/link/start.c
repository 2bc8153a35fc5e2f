#include "link/start.h"

#include "base/mem.h"
#include "base/pb.h"

#include <stdlib.h>
#include <string.h>

enum field {
    FIELD_VERSION = 1,
    FIELD_NONCE = 2,
    FIELD_COLS = 3,
    FIELD_ROWS = 4,
    FIELD_COLORTERM = 5,
    FIELD_ENV = 6,
    FIELD_ARGV = 7,
    FIELD_CAPS = 8,
    FIELD_ACTION = 9,
    FIELD_SESSION = 10,
    FIELD_DETACH_TIMEOUT = 11,
    FIELD_NO_UDP = 12,
    FIELD_PORT_LOW = 13,
    FIELD_PORT_HIGH = 14,
    FIELD_BIND = 15,
    FIELD_SIGNAL_STATUS = 16,
    FIELD_WIDTH = 17,
    FIELD_VERBOSE = 18,
    FIELD_SHELL = 19,
    FIELD_HISTORY = 20,
    FIELD_FORWARDS = 21,
    FIELD_SCREEN = 22,
    FIELD_LAST = FIELD_SCREEN,
};

void start_init(struct start_record *s)
{
    *s = (struct start_record){.version = START_VERSION};
}

static void list_fini(struct start_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct start_list){0};
}

void start_fini(struct start_record *s)
{
    free(s->colorterm);
    free(s->bind);
    list_fini(&s->env);
    list_fini(&s->argv);
    *s = (struct start_record){0};
}

static void list_add(struct start_list *l, const void *p, size_t len)
{
    if ((l->count & (l->count - 1)) == 0) /* 0, 1, 2, 4 …: room for twice as many */
        l->item = mem_resize(l->item, l->count ? l->count * 2 : 1, sizeof *l->item);
    l->item[l->count++] = mem_text(p, len);
}

void start_list_add(struct start_list *l, const char *text)
{
    BUG_ON(l->count >= START_ARGV_MAX);
    list_add(l, text, strlen(text));
}

static void put_number(struct buf *b, uint32_t field, uint64_t v)
{
    if (v)
        pb_put_varint(b, field, v);
}

static void put_text(struct buf *b, uint32_t field, const char *text)
{
    if (text && *text)
        pb_put_bytes(b, field, text, strlen(text));
}

static void put_list(struct buf *b, uint32_t field, const struct start_list *l)
{
    for (size_t i = 0; i < l->count; i++) /* an empty word is a word */
        pb_put_bytes(b, field, l->item[i], strlen(l->item[i]));
}

int start_put(struct buf *b, const struct start_record *s)
{
    size_t head = buf_len(b);
    buf_put_u32(b, 0);
    put_number(b, FIELD_VERSION, s->version);
    put_text(b, FIELD_NONCE, s->nonce);
    put_number(b, FIELD_COLS, s->cols);
    put_number(b, FIELD_ROWS, s->rows);
    put_text(b, FIELD_COLORTERM, s->colorterm);
    put_list(b, FIELD_ENV, &s->env);
    put_list(b, FIELD_ARGV, &s->argv);
    put_number(b, FIELD_CAPS, s->caps);
    put_number(b, FIELD_ACTION, s->action);
    put_text(b, FIELD_SESSION, s->session);
    put_number(b, FIELD_DETACH_TIMEOUT, s->detach_timeout_s);
    put_number(b, FIELD_NO_UDP, s->no_udp);
    put_number(b, FIELD_PORT_LOW, s->port_low);
    put_number(b, FIELD_PORT_HIGH, s->port_high);
    put_text(b, FIELD_BIND, s->bind);
    put_number(b, FIELD_SIGNAL_STATUS, s->signal_status);
    put_number(b, FIELD_WIDTH, s->width);
    put_number(b, FIELD_VERBOSE, s->verbose);
    put_number(b, FIELD_SHELL, s->shell);
    put_number(b, FIELD_HISTORY, s->history_lines);
    put_number(b, FIELD_FORWARDS, s->forwards);
    put_number(b, FIELD_SCREEN, s->screen);
    if (buf_err(b))
        return ERR_CAP;
    size_t len = buf_len(b) - head - START_HEAD;
    if (len > START_RECORD_MAX) {
        buf_trim(b, head);
        return ERR_CAP;
    }
    wire_put_u32(b->mem + b->start + head, (uint32_t)len);
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Text into a fixed array of size bytes. No NUL inside. */
static int get_fixed(const struct pb_field *f, char *out, size_t size)
{
    if (f->len >= size || memchr(f->bytes, 0, f->len))
        return ERR_SYNTAX;
    memcpy(out, f->bytes, f->len);
    out[f->len] = 0;
    return ERR_OK;
}

static int get_text(const struct pb_field *f, char **out)
{
    if (memchr(f->bytes, 0, f->len))
        return ERR_SYNTAX;
    free(*out);
    *out = mem_text(f->bytes, f->len);
    return ERR_OK;
}

static int get_word(const struct pb_field *f, struct start_list *l, size_t max)
{
    if (memchr(f->bytes, 0, f->len))
        return ERR_SYNTAX;
    if (l->count >= max)
        return ERR_CAP;
    list_add(l, f->bytes, f->len);
    return ERR_OK;
}

static int get_env(const struct pb_field *f, struct start_list *l)
{
    const uint8_t *eq = memchr(f->bytes, '=', f->len);
    if (!eq || eq == f->bytes)
        return ERR_SYNTAX;
    return get_word(f, l, START_ENV_MAX);
}

/* The fields that are text. */
static int take_bytes(struct start_record *s, const struct pb_field *f)
{
    switch (f->number) {
    case FIELD_NONCE:
        if (get_fixed(f, s->nonce, sizeof s->nonce) || !connect_nonce_valid(s->nonce))
            return ERR_SYNTAX;
        return ERR_OK;
    case FIELD_SESSION:
        if (get_fixed(f, s->session, sizeof s->session) || !connect_session_valid(s->session))
            return ERR_SYNTAX;
        return ERR_OK;
    case FIELD_COLORTERM:
        return get_text(f, &s->colorterm);
    case FIELD_BIND:
        return get_text(f, &s->bind);
    case FIELD_ENV:
        return get_env(f, &s->env);
    case FIELD_ARGV:
        return get_word(f, &s->argv, START_ARGV_MAX);
    default:
        return f->number <= FIELD_LAST ? ERR_SYNTAX : ERR_OK;
    }
}

static int get_u16(uint64_t v, uint16_t *out)
{
    *out = (uint16_t)v;
    return v > UINT16_MAX ? ERR_SYNTAX : ERR_OK;
}

static int get_u32(uint64_t v, uint32_t *out)
{
    *out = (uint32_t)v;
    return v > UINT32_MAX ? ERR_SYNTAX : ERR_OK;
}

/* The fields that are numbers. */
static int take_number(struct start_record *s, const struct pb_field *f)
{
    switch (f->number) {
    case FIELD_VERSION:
        return get_u32(f->value, &s->version);
    case FIELD_COLS:
        return get_u16(f->value, &s->cols);
    case FIELD_ROWS:
        return get_u16(f->value, &s->rows);
    case FIELD_CAPS:
        s->caps = f->value;
        return ERR_OK;
    case FIELD_ACTION:
        return get_u32(f->value, &s->action);
    case FIELD_DETACH_TIMEOUT:
        return get_u32(f->value, &s->detach_timeout_s);
    case FIELD_NO_UDP:
        s->no_udp = f->value != 0;
        return ERR_OK;
    case FIELD_PORT_LOW:
        return get_u16(f->value, &s->port_low);
    case FIELD_PORT_HIGH:
        return get_u16(f->value, &s->port_high);
    case FIELD_SIGNAL_STATUS:
        s->signal_status = f->value != 0;
        return ERR_OK;
    case FIELD_WIDTH:
        return get_u32(f->value, &s->width);
    case FIELD_VERBOSE:
        s->verbose = f->value != 0;
        return ERR_OK;
    case FIELD_SHELL:
        s->shell = f->value != 0;
        return ERR_OK;
    case FIELD_HISTORY:
        s->history_lines = f->value;
        return ERR_OK;
    case FIELD_FORWARDS:
        return get_u32(f->value, &s->forwards);
    case FIELD_SCREEN:
        return get_u16(f->value, &s->screen);
    default:
        return f->number <= FIELD_LAST ? ERR_SYNTAX : ERR_OK;
    }
}

static int take_field(struct start_record *s, const struct pb_field *f)
{
    if (f->type == PB_BYTES)
        return take_bytes(s, f);
    if (f->type == PB_VARINT)
        return take_number(s, f);
    return f->number <= FIELD_LAST ? ERR_SYNTAX : ERR_OK;
}

static int take_all(struct start_record *s, const uint8_t *p, size_t len)
{
    struct reader r = reader_of(p, len);
    struct pb_field f;
    int got, bad = ERR_OK;
    while ((got = pb_next(&r, &f)) > 0) {
        int err = take_field(s, &f);
        bad = bad ? bad : err; /* of another version only version and nonce must make sense */
    }
    if (got < 0)
        return got;
    if (s->version && s->version != START_VERSION)
        return ERR_VERSION;
    if (bad)
        return bad;
    if (s->shell && s->argv.count != 1)
        return ERR_SYNTAX;
    return s->version && s->nonce[0] && s->port_low <= s->port_high ? ERR_OK : ERR_SYNTAX;
}

int start_get(const uint8_t *p, size_t len, struct start_record *out, size_t *used)
{
    *out = (struct start_record){0};
    *used = 0;
    if (len < START_HEAD)
        return 0;
    size_t body = wire_get_u32(p);
    if (body > START_RECORD_MAX)
        return ERR_CAP;
    if (len - START_HEAD < body)
        return 0;
    int err = take_all(out, p + START_HEAD, body);
    if (!err) {
        *used = START_HEAD + body;
        return 1;
    }
    struct start_record kept = {0};
    if (err == ERR_VERSION) {
        kept.version = out->version;
        memcpy(kept.nonce, out->nonce, sizeof kept.nonce);
        if (!connect_nonce_valid(kept.nonce))
            kept.nonce[0] = 0;
    }
    start_fini(out);
    *out = kept;
    return err;
}
