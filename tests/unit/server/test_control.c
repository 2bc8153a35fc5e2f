#include "server/control.h"

#include "base/pb.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_request_round_trip(void **state)
{
    struct control_request q = {.verb = CONTROL_JOIN, .route = 8191, .forwards = 3}, got;
    struct buf b;
    size_t used;
    strcpy(q.session, "work");
    strcpy(q.nonce, "abcdefgh12345678");
    buf_init(&b, CONTROL_MAX + 4);
    control_put_request(&b, &q);
    buf_put_text(&b, "tail");
    assert_int_equal(buf_err(&b), 0);
    assert_int_equal(control_get_request(buf_data(&b), buf_len(&b), &got, &used), 1);
    assert_int_equal(used, buf_len(&b) - 4);
    assert_int_equal(got.verb, CONTROL_JOIN);
    assert_int_equal(got.route, 8191);
    assert_int_equal(got.forwards, 3);
    assert_string_equal(got.session, "work");
    assert_string_equal(got.nonce, "abcdefgh12345678");
    for (size_t n = 0; n < used; n++) /* every part of it is just not enough */
        assert_int_equal(control_get_request(buf_data(&b), n, &got, &used), 0);
    buf_fini(&b);
}

static void fill_session(struct control_session *s, int i)
{
    *s = (struct control_session){.cols = (uint16_t)(80 + i),
                                  .rows = 24,
                                  .attached = 1,
                                  .links = 2,
                                  .exited = true,
                                  .status = 255,
                                  .signal = 9,
                                  .age_s = 1ull << 40,
                                  .idle_s = 7,
                                  .away_s = 8,
                                  .pid = 4711};
    memset(s->name, 'a' + i % 26, SESSION_NAME_MAX); /* the longest name there is */
}

static void test_fullest_answer_fits(void **state)
{
    struct control_answer *a = calloc(1, sizeof *a), *got = calloc(1, sizeof *got);
    struct buf b;
    size_t used;
    a->ok = true;
    memset(a->text, 't', sizeof a->text - 1);
    memset(a->line, 'l', sizeof a->line);
    a->line_len = sizeof a->line;
    a->sessions = SERVER_SESSIONS;
    for (int i = 0; i < SERVER_SESSIONS; i++)
        fill_session(&a->session[i], i);
    buf_init(&b, CONTROL_MAX + 4);
    control_put_answer(&b, a);
    assert_int_equal(buf_err(&b), 0);
    assert_int_equal(control_get_answer(buf_data(&b), buf_len(&b), got, &used), 1);
    assert_int_equal(used, buf_len(&b));
    assert_true(got->ok);
    assert_string_equal(got->text, a->text);
    assert_int_equal(got->line_len, sizeof a->line);
    assert_memory_equal(got->line, a->line, sizeof a->line);
    assert_int_equal(got->sessions, SERVER_SESSIONS);
    for (int i = 0; i < SERVER_SESSIONS; i++) {
        const struct control_session *x = &a->session[i], *y = &got->session[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->cols, y->cols);
        assert_int_equal(y->attached, 1);
        assert_int_equal(y->links, 2);
        assert_true(y->exited);
        assert_int_equal(y->status, 255);
        assert_int_equal(y->signal, 9);
        assert_true(y->age_s == 1ull << 40);
        assert_int_equal(y->pid, 4711);
    }
    buf_fini(&b);
    free(a);
    free(got);
}

static int parse_request(const struct buf *body)
{
    struct control_request q;
    struct buf b;
    size_t used;
    buf_init(&b, 1u << 20);
    buf_put_u32(&b, (uint32_t)buf_len(body));
    buf_put(&b, buf_data(body), buf_len(body));
    int r = control_get_request(buf_data(&b), buf_len(&b), &q, &used);
    buf_fini(&b);
    return r;
}

static void test_malformed_requests(void **state)
{
    struct control_request q;
    struct buf body;
    size_t used;
    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    char name[SESSION_NAME_MAX + 1];
    assert_int_equal(control_get_request(huge, sizeof huge, &q, &used), ERR_CAP);
    memset(name, 'n', sizeof name);
    buf_init(&body, 1000);
    pb_put_bytes(&body, 2, name, sizeof name); /* one byte too long */
    assert_int_equal(parse_request(&body), ERR_SYNTAX);
    buf_clear(&body);
    pb_put_bytes(&body, 2, "a\0b", 3); /* a NUL inside */
    assert_int_equal(parse_request(&body), ERR_SYNTAX);
    buf_clear(&body);
    pb_put_varint(&body, 2, 5); /* another type */
    assert_int_equal(parse_request(&body), ERR_SYNTAX);
    buf_clear(&body);
    buf_put_u8(&body, 0x0a); /* a field that ends in its head */
    assert_int_equal(parse_request(&body), ERR_SYNTAX);
    buf_clear(&body);
    pb_put_varint(&body, 99, 5); /* unknown: skipped */
    assert_int_equal(parse_request(&body), 1);
    buf_fini(&body);
}

static void test_more_sessions_than_fit_are_refused_or_skipped(void **state)
{
    struct control_answer *got = calloc(1, sizeof *got);
    struct buf b;
    size_t used;
    buf_init(&b, CONTROL_MAX);
    buf_put_u32(&b, 0);
    for (int i = 0; i < SERVER_SESSIONS + 10; i++) {
        size_t mark = pb_begin(&b, 4);
        pb_put_bytes(&b, 1, "x", 1);
        pb_end(&b, mark);
    }
    wire_put_u32(b.mem, (uint32_t)buf_len(&b) - 4);
    int r = control_get_answer(buf_data(&b), buf_len(&b), got, &used);
    assert_true(r == 1 || r == ERR_SYNTAX || r == ERR_CAP);
    assert_true(got->sessions <= SERVER_SESSIONS);
    buf_fini(&b);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_fullest_answer_fits),
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_more_sessions_than_fit_are_refused_or_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
