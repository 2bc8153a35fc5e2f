#include "server/control.h"

#include "base/pb.h"

#include <string.h>

/* Request fields */
enum { Q_VERB = 1, Q_SESSION = 2, Q_NONCE = 3, Q_ROUTE = 4, Q_HISTORY = 5, Q_FORWARDS = 6 };
/* Answer fields */
enum { A_OK = 1, A_TEXT = 2, A_LINE = 3, A_SESSION = 4 };
/* Session fields */
enum {
    S_NAME = 1,
    S_COLS,
    S_ROWS,
    S_ATTACHED,
    S_LINKS,
    S_EXITED,
    S_STATUS,
    S_SIGNAL,
    S_AGE,
    S_IDLE,
    S_AWAY,
    S_PID,
    S_BARE
};

/* Put the length of what was appended since `mark` in the four bytes in front of it. */
static void close_message(struct buf *b, size_t mark)
{
    if (!b->failed)
        wire_put_u32(b->mem + b->start + mark, (uint32_t)(buf_len(b) - mark - 4));
}

static void put_text(struct buf *b, uint32_t field, const char *text)
{
    pb_put_bytes(b, field, text, strlen(text));
}

void control_put_request(struct buf *b, const struct control_request *r)
{
    size_t mark = buf_len(b);
    buf_put_u32(b, 0);
    pb_put_varint(b, Q_VERB, r->verb);
    put_text(b, Q_SESSION, r->session);
    put_text(b, Q_NONCE, r->nonce);
    pb_put_varint(b, Q_ROUTE, r->route);
    pb_put_varint(b, Q_HISTORY, r->history_lines);
    pb_put_varint(b, Q_FORWARDS, r->forwards);
    close_message(b, mark);
}

static void put_session(struct buf *b, const struct control_session *s)
{
    size_t mark = pb_begin(b, A_SESSION);
    put_text(b, S_NAME, s->name);
    pb_put_varint(b, S_COLS, s->cols);
    pb_put_varint(b, S_ROWS, s->rows);
    pb_put_varint(b, S_ATTACHED, s->attached);
    pb_put_varint(b, S_LINKS, s->links);
    pb_put_varint(b, S_EXITED, s->exited);
    pb_put_varint(b, S_STATUS, (uint64_t)s->status);
    pb_put_varint(b, S_SIGNAL, (uint64_t)s->signal);
    pb_put_varint(b, S_AGE, s->age_s);
    pb_put_varint(b, S_IDLE, s->idle_s);
    pb_put_varint(b, S_AWAY, s->away_s);
    pb_put_varint(b, S_PID, s->pid);
    if (s->bare)
        pb_put_varint(b, S_BARE, 1);
    pb_end(b, mark);
}

void control_put_answer(struct buf *b, const struct control_answer *a)
{
    size_t mark = buf_len(b);
    buf_put_u32(b, 0);
    pb_put_varint(b, A_OK, a->ok);
    put_text(b, A_TEXT, a->text);
    if (a->line_len)
        pb_put_bytes(b, A_LINE, a->line, a->line_len);
    for (size_t i = 0; i < a->sessions; i++)
        put_session(b, &a->session[i]);
    close_message(b, mark);
}

/* The message at the front: 1 with *r over its body. */
static int open_message(const uint8_t *p, size_t len, struct reader *r, size_t *used)
{
    if (len < 4)
        return 0;
    size_t body = wire_get_u32(p);
    if (body > CONTROL_MAX)
        return ERR_CAP;
    if (len - 4 < body)
        return 0;
    *r = reader_of(p + 4, body);
    *used = 4 + body;
    return 1;
}

/* Copy a text field with a NUL; what does not fit, or has a NUL inside, is malformed. */
static int get_text(const struct pb_field *f, char *out, size_t size)
{
    if (f->type != PB_BYTES || f->len >= size || memchr(f->bytes, 0, f->len))
        return ERR_SYNTAX;
    memcpy(out, f->bytes, f->len);
    out[f->len] = 0;
    return ERR_OK;
}

int control_get_request(const uint8_t *p, size_t len, struct control_request *q, size_t *used)
{
    struct reader r;
    struct pb_field f;
    int got = open_message(p, len, &r, used), err = 0;
    *q = (struct control_request){0};
    if (got <= 0)
        return got;
    while (!err && (got = pb_next(&r, &f)) > 0) {
        if (f.number == Q_SESSION)
            err = get_text(&f, q->session, sizeof q->session);
        else if (f.number == Q_NONCE)
            err = get_text(&f, q->nonce, sizeof q->nonce);
        else if (f.number == Q_VERB)
            q->verb = (uint32_t)f.value;
        else if (f.number == Q_ROUTE)
            q->route = (uint16_t)f.value;
        else if (f.number == Q_HISTORY)
            q->history_lines = f.value;
        else if (f.number == Q_FORWARDS)
            q->forwards = (uint32_t)f.value;
    }
    return err || got < 0 ? ERR_SYNTAX : 1;
}

static int get_session(const struct pb_field *field, struct control_session *s)
{
    struct reader r = reader_of(field->bytes, field->len);
    struct pb_field f;
    int got, err = 0;
    *s = (struct control_session){0};
    while (!err && (got = pb_next(&r, &f)) > 0) {
        switch (f.number) {
        case S_NAME:
            err = get_text(&f, s->name, sizeof s->name);
            break;
        case S_COLS:
            s->cols = (uint16_t)f.value;
            break;
        case S_ROWS:
            s->rows = (uint16_t)f.value;
            break;
        case S_ATTACHED:
            s->attached = (uint16_t)f.value;
            break;
        case S_LINKS:
            s->links = (uint16_t)f.value;
            break;
        case S_EXITED:
            s->exited = f.value != 0;
            break;
        case S_STATUS:
            s->status = (int)(f.value & 0xff);
            break;
        case S_SIGNAL:
            s->signal = (int)(f.value & 0x7f);
            break;
        case S_AGE:
            s->age_s = f.value;
            break;
        case S_IDLE:
            s->idle_s = f.value;
            break;
        case S_AWAY:
            s->away_s = f.value;
            break;
        case S_BARE:
            s->bare = f.value != 0;
            break;
        case S_PID:
            s->pid = (uint32_t)f.value;
            break;
        default:
            break;
        }
    }
    return err || got < 0 ? ERR_SYNTAX : ERR_OK;
}

int control_get_answer(const uint8_t *p, size_t len, struct control_answer *a, size_t *used)
{
    struct reader r;
    struct pb_field f;
    int got = open_message(p, len, &r, used), err = 0;
    memset(a, 0, sizeof *a);
    if (got <= 0)
        return got;
    while (!err && (got = pb_next(&r, &f)) > 0) {
        if (f.number == A_OK) {
            a->ok = f.value != 0;
        } else if (f.number == A_TEXT) {
            err = get_text(&f, a->text, sizeof a->text);
        } else if (f.number == A_LINE && f.type == PB_BYTES && f.len <= sizeof a->line) {
            memcpy(a->line, f.bytes, f.len);
            a->line_len = f.len;
        } else if (f.number == A_SESSION && f.type == PB_BYTES && a->sessions < SERVER_SESSIONS) {
            err = get_session(&f, &a->session[a->sessions++]);
        }
    }
    return err || got < 0 ? ERR_SYNTAX : 1;
}
