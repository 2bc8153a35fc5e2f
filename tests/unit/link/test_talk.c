/* Link control as one end speaks it, against an other end made by hand. */
#include "link/control.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "toy.h"

struct scene {
    struct toy t;
    struct seal *forger; /* seals as the client towards the server, or the other way */
    struct seal *reader; /* opens what it answers */
    struct app *under_test;
    struct path_ref from;
    uint64_t id;
};

static void scene_init(struct scene *s, bool test_server)
{
    struct keys keys;
    uint8_t secret[KEYS_SECRET] = {9};
    *s = (struct scene){.id = 1};
    toy_init(&s->t, false, SEAL_OCB);
    keys_derive(&keys, secret);
    s->forger = toy_forger(!test_server);
    s->reader = seal_new(&(struct seal_config){SEAL_OCB, &keys, !test_server, false, 77});
    s->under_test = test_server ? &s->t.s : &s->t.c;
    s->from = (struct path_ref){PATH_UDP, SERVER_SOCK, toy_addr("203.0.113.66", 6666)};
}

/* A client with a socket and somewhere to send to. */
static void scene_init_client(struct scene *s)
{
    struct link_request r;
    scene_init(s, false);
    link_add_candidate(s->t.c.link, &s->from.remote, s->t.now);
    assert_int_equal(link_wants(s->t.c.link, s->t.now, &r), LINK_WANT_SOCKET);
    link_socket_open(s->t.c.link, SERVER_SOCK, ADDR_V4, s->t.now);
}

static void scene_fini(struct scene *s)
{
    seal_free(s->forger);
    seal_free(s->reader);
    toy_fini(&s->t);
}

static int say(struct scene *s, const struct control *msg)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put_u64(&b, (uint64_t)LINK_LANE_CONTROL << 48 | s->id++);
    buf_put_u16(&b, 0x8000);
    control_put(&b, msg);
    int err = toy_forge(&s->t, s->forger, s->under_test, &s->from, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    return err;
}

/* The next message of the end under test: 1, or 0. */
static int hear(struct scene *s, struct control *msg, struct path_ref *to)
{
    struct link_datagram d;
    uint8_t plain[SEAL_PLAIN];
    size_t len;
    uint64_t seq;
    if (!link_poll(s->under_test->link, s->t.now, &d))
        return 0;
    assert_int_equal(seal_open(s->reader, d.data, d.len, plain, &len, &seq), 0);
    assert_true(len >= 4 + LINK_FRAGMENT);
    assert_int_equal(wire_get_u16(plain + 4), LINK_LANE_CONTROL);
    assert_int_equal(wire_get_u16(plain + 12), 0x8000);
    assert_int_equal(control_get(plain + 14, len - 14, msg), 0);
    assert_true(len - 14 <= CONTROL_MAX);
    *to = d.to;
    return 1;
}

static void probes_are_answered_where_they_came_from(void **state)
{
    struct scene s;
    struct control m;
    struct path_ref to;
    scene_init(&s, true);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_PROBE, .token = 42}), 0);
    assert_false(link_has_peer(s.t.s.link)); /* a probe tells nothing about the peer */
    assert_int_equal(hear(&s, &m, &to), 1);
    assert_int_equal(m.kind, CONTROL_REPLY);
    assert_int_equal(m.token, 42);
    assert_true(m.challenge != 0);
    assert_true(m.loss >= 1);
    assert_true(path_ref_equal(&to, &s.from));
    assert_int_equal(hear(&s, &m, &to), 0);
    /* A switch with the challenge repeated: the peer, of proven address. */
    uint64_t challenge = m.challenge;
    assert_int_equal(
        say(&s, &(struct control){.kind = CONTROL_SWITCH, .token = 43, .answer = challenge}), 0);
    assert_true(link_has_peer(s.t.s.link));
    assert_int_equal(link_room(s.t.s.link, LINK_BULK), SIZE_MAX);
    assert_int_equal(hear(&s, &m, &to), 1);
    assert_int_equal(m.kind, CONTROL_REPLY);
    assert_int_equal(m.token, 43);
    assert_int_equal(m.challenge, 0);
    assert_int_equal(hear(&s, &m, &to), 0);
    scene_fini(&s);
}

static void wrong_answers_prove_nothing(void **state)
{
    struct scene s;
    struct control m;
    struct path_ref to;
    scene_init(&s, true);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_HEARTBEAT, .token = 1}), 0);
    assert_int_equal(hear(&s, &m, &to), 1);
    uint64_t challenge = m.challenge;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_ANSWER, .answer = challenge ^ 1}),
                     0);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_ANSWER}), 0);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_REPLY, .token = challenge}),
                     ERR_STATE);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_REPLY}), ERR_STATE);
    /* The right one from another place. */
    struct path_ref here = s.from;
    s.from.remote.port++;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_ANSWER, .answer = challenge}), 0);
    assert_true(link_room(s.t.s.link, LINK_BULK) != SIZE_MAX);
    s.from = here;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_ANSWER, .answer = challenge}), 0);
    assert_int_equal(link_room(s.t.s.link, LINK_BULK), SIZE_MAX);
    scene_fini(&s);
}

static void floods_are_bounded(void **state)
{
    struct scene s;
    struct control m;
    struct path_ref to;
    scene_init(&s, true);
    for (int i = 0; i < 10000; i++) {
        s.from.remote.port = (uint16_t)(1 + i % 500);
        assert_int_equal(say(&s, &(struct control){.kind = CONTROL_PROBE, .token = 42}), 0);
    }
    int answers = 0;
    while (hear(&s, &m, &to))
        answers++;
    assert_in_range(answers, 1, 64);
    scene_fini(&s);
}

static void a_client_answers_challenges(void **state)
{
    struct scene s;
    struct control m;
    struct path_ref to;
    scene_init_client(&s);
    while (hear(&s, &m, &to))
        ;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_CHALLENGE, .challenge = 99}), 0);
    assert_int_equal(hear(&s, &m, &to), 1);
    assert_int_equal(m.kind, CONTROL_ANSWER);
    assert_int_equal(m.answer, 99);
    assert_true(path_ref_equal(&to, &s.from));
    scene_fini(&s);
}

/* The token of a probe proves the path that was asked, and only once. */
static void replies_prove_once(void **state)
{
    struct scene s;
    struct control m;
    struct path_ref to;
    scene_init_client(&s);
    assert_int_equal(hear(&s, &m, &to), 1);
    assert_true(m.token != 0);
    uint64_t token = m.token;
    s.t.now += 123 * MS;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_REPLY, .token = token + 1}),
                     ERR_STATE);
    assert_int_equal(link_proven_us(s.t.c.link), 0);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_REPLY, .token = token, .loss = 251}),
                     0);
    assert_int_equal(link_proven_us(s.t.c.link), s.t.now);
    assert_int_equal(link_srtt_us(s.t.c.link), 123 * MS);
    assert_true(link_loss(s.t.c.link, s.t.now) == 0.25);
    s.t.now += S;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_REPLY, .token = token}), ERR_STATE);
    assert_int_equal(link_proven_us(s.t.c.link), s.t.now - S);
    scene_fini(&s);
}

static void late_bye_is_not_heeded(void **state)
{
    struct scene s;
    scene_init(&s, true);
    struct seal *late = s.forger;
    s.forger = toy_forger(false);
    seal_skip_to(s.forger, 100010);
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_HEARTBEAT, .token = 1}), 0);
    struct seal *newer = s.forger;
    s.forger = late; /* sealed before, arrives after */
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_BYE}), 0);
    assert_false(link_peer_left(s.t.s.link));
    assert_true(link_has_peer(s.t.s.link));
    s.forger = newer;
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_BYE}), 0);
    assert_true(link_peer_left(s.t.s.link));
    assert_false(link_has_peer(s.t.s.link));
    assert_int_equal(say(&s, &(struct control){.kind = CONTROL_HEARTBEAT, .token = 2}), 0);
    assert_false(link_peer_left(s.t.s.link)); /* back again */
    seal_free(late);
    scene_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_answered_where_they_came_from),
        cmocka_unit_test(wrong_answers_prove_nothing),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(a_client_answers_challenges),
        cmocka_unit_test(replies_prove_once),
        cmocka_unit_test(late_bye_is_not_heeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
