/* What server processes of one user say to each other (server/control): the first byte says whether
 * a request or an answer follows. What was read and is written again reads the same. */
#include "base/mem.h"
#include "server/control.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct control_answer answer, again; /* large: not on the stack */

static void try_request(const uint8_t *p, size_t len)
{
    struct control_request q, r;
    size_t used;
    if (control_get_request(p, len, &q, &used) != 1)
        return;
    BUG_ON(used > len);
    BUG_ON(strlen(q.session) > SESSION_NAME_MAX || strlen(q.nonce) > CONNECT_NONCE_MAX);
    struct buf b;
    buf_init(&b, CONTROL_MAX + 4);
    control_put_request(&b, &q);
    BUG_ON(buf_err(&b));
    BUG_ON(control_get_request(buf_data(&b), buf_len(&b), &r, &used) != 1);
    BUG_ON(used != buf_len(&b) || r.verb != q.verb || r.route != q.route);
    BUG_ON(strcmp(r.session, q.session) || strcmp(r.nonce, q.nonce));
    buf_fini(&b);
}

static void try_answer(const uint8_t *p, size_t len)
{
    size_t used;
    if (control_get_answer(p, len, &answer, &used) != 1)
        return;
    BUG_ON(used > len || answer.line_len > sizeof answer.line);
    BUG_ON(answer.sessions > SERVER_SESSIONS);
    struct buf b;
    buf_init(&b, CONTROL_MAX + 4);
    control_put_answer(&b, &answer);
    BUG_ON(buf_err(&b));
    BUG_ON(control_get_answer(buf_data(&b), buf_len(&b), &again, &used) != 1);
    BUG_ON(again.sessions != answer.sessions || again.line_len != answer.line_len);
    for (size_t i = 0; i < answer.sessions; i++)
        BUG_ON(strcmp(answer.session[i].name, again.session[i].name));
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!len)
        return 0;
    if (data[0] & 1)
        try_answer(data + 1, len - 1);
    else
        try_request(data + 1, len - 1);
    return 0;
}
