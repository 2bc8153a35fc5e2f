#include "damage.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A damage with settings given as one row of words. */
static void open_with(struct damage *d, uint64_t seed, const char *words)
{
    char copy[256], *save = NULL;
    damage_init(d, seed);
    strncpy(copy, words, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        assert_int_equal(damage_set(d, w), 0);
}

/* n packets, one each step_us; what came out is in arrive (UINT64_MAX: never came). Returns how
 * many came out, copies included. */
static size_t run(struct damage *d, size_t n, uint64_t step_us, size_t len, uint64_t *arrive)
{
    static uint8_t bytes[DAMAGE_PACKET];
    struct damage_pkt p;
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        arrive[i] = UINT64_MAX;
    for (size_t i = 0; i <= n; i++) {
        uint64_t now = i * step_us;
        while (damage_deadline(d) <= (i < n ? now : DAMAGE_NEVER - 1)) {
            uint64_t at = damage_deadline(d);
            assert_true(damage_get(d, at, &p));
            assert_int_equal(p.due_us, at);
            assert_int_equal(p.len, len);
            got++;
            if (arrive[p.tag] == UINT64_MAX)
                arrive[p.tag] = at;
        }
        if (i < n)
            damage_put(d, now, bytes, len, i);
    }
    assert_int_equal(d->count, 0);
    assert_int_equal(d->bytes, 0);
    return got;
}

static void assert_near(double got, double want, double by)
{
    if (fabs(got - want) > by)
        fail_msg("got %g, want %g within %g", got, want, by);
}

static void test_perfect(void **state)
{
    struct damage d;
    struct damage_pkt p;
    open_with(&d, 1, "");
    assert_true(damage_deadline(&d) == DAMAGE_NEVER);
    assert_false(damage_get(&d, 5, &p));
    assert_true(damage_put(&d, 7, "abc", 3, 42));
    assert_int_equal(damage_deadline(&d), 7);
    assert_false(damage_get(&d, 6, &p));
    assert_true(damage_get(&d, 7, &p));
    assert_memory_equal(p.data, "abc", 3);
    assert_int_equal(p.tag, 42);
    assert_false(damage_get(&d, 7, &p));
    assert_true(damage_put(&d, 8, NULL, 0, 1)); /* an empty packet is a packet */
    assert_true(damage_get(&d, 8, &p));
    assert_int_equal(p.len, 0);
    damage_fini(&d);
}

static void test_loss(void **state)
{
    enum { N = 100000 };
    static uint64_t at[N];
    const double shares[] = {0.01, 0.29, 0.5, 1};
    for (size_t s = 0; s < 4; s++) {
        struct damage d;
        open_with(&d, 11 + s, "delay=30");
        d.set.loss = shares[s];
        size_t got = run(&d, N, 100, 100, at);
        assert_near(1 - (double)got / N, shares[s],
                    4 * sqrt(shares[s] * (1 - shares[s]) / N) + 1e-9);
        assert_int_equal(d.stats.lost + got, N);
        /* Independent: a loss is followed by a loss as often as anything is. */
        size_t pairs = 0, lost = 0;
        for (size_t i = 1; i < N; i++) {
            lost += at[i - 1] == UINT64_MAX;
            pairs += at[i - 1] == UINT64_MAX && at[i] == UINT64_MAX;
        }
        assert_near((double)pairs / (double)lost, shares[s], 0.05);
        damage_fini(&d);
    }
}

static void test_burst_loss(void **state)
{
    enum { N = 200000 };
    static uint64_t at[N];
    struct damage d;
    open_with(&d, 5, "ge_p=0.01 ge_r=20%");
    size_t got = run(&d, N, 100, 100, at);
    /* share of the bad state p / (p + r); mean length of a burst 1 / r */
    assert_near(1 - (double)got / N, 0.01 / 0.21, 0.004);
    size_t bursts = 0;
    for (size_t i = 1; i < N; i++)
        bursts += at[i] == UINT64_MAX && at[i - 1] != UINT64_MAX;
    assert_near((double)(N - got) / (double)bursts, 5, 0.4);
    damage_fini(&d);
}

static void test_delay_and_jitter(void **state)
{
    enum { N = 20000 };
    static uint64_t at[N];
    struct damage d;
    open_with(&d, 3, "delay=50");
    assert_int_equal(run(&d, N, 10, 100, at), N);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(at[i], i * 10 + 50000);
    damage_fini(&d);

    open_with(&d, 3, "delay=50ms jitter=20ms"); /* far apart: no packet waits for another */
    assert_int_equal(run(&d, N, 100000, 100, at), N);
    double sum = 0, low = 1e9, high = 0;
    for (uint64_t i = 0; i < N; i++) {
        double x = (double)(at[i] - i * 100000);
        sum += x;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    assert_near(sum / N, 50000, 400);
    assert_near(low, 30000, 100);
    assert_near(high, 70000, 100);
    damage_fini(&d);

    open_with(&d, 3, "delay=10 jitter=30"); /* close together: order is kept; never before sent */
    assert_int_equal(run(&d, N, 100, 100, at), N);
    for (uint64_t i = 1; i < N; i++) {
        assert_true(at[i] >= at[i - 1]);
        assert_true(at[i] >= i * 100);
    }
    damage_fini(&d);
}

static void test_reorder(void **state)
{
    enum { N = 50000 };
    static uint64_t at[N];
    struct damage d;
    open_with(&d, 9, "delay=40 reorder=0.1");
    assert_int_equal(run(&d, N, 1000, 100, at), N);
    size_t overtook = 0;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t took = at[i] - i * 1000;
        assert_true(took == 40000 || took == 10000);
        overtook += took == 10000;
    }
    assert_near((double)overtook / N, 0.1, 0.006);
    assert_int_equal(d.stats.reordered, overtook);
    damage_fini(&d);
}

static void test_dup(void **state)
{
    enum { N = 50000 };
    static uint64_t at[N];
    struct damage d;
    open_with(&d, 9, "delay=40 dup=0.2");
    size_t got = run(&d, N, 1000, 100, at);
    assert_near((double)got / N, 1.2, 0.01);
    assert_int_equal(got, N + d.stats.dups);
    damage_fini(&d);
}

static void test_rate_and_queue(void **state)
{
    enum { N = 3000 };
    static uint64_t at[N];
    struct damage d;
    /* 1000 bytes at 1 Mbit/s take 8 ms; offered four times that; the queue holds 20 packets. */
    open_with(&d, 9, "rate=1mbit queue=20k delay=10");
    size_t got = run(&d, N, 2000, 1000, at);
    assert_near((double)got, N / 4.0 + 20, 2);
    assert_int_equal(d.stats.queue_drops, N - got);
    assert_true(d.stats.queue_max <= 20000 && d.stats.queue_max > 18000);
    assert_int_equal(at[0], 8000 + 10000);
    uint64_t last = 0;
    for (uint64_t i = 0; i < N; i++) {
        if (at[i] == UINT64_MAX)
            continue;
        assert_true(last == 0 || at[i] == last + 8000);
        assert_true(at[i] - i * 2000 <= 160000 + 10000);
        last = at[i];
    }
    damage_fini(&d);

    open_with(&d, 9, "rate=1m queue=500ms");
    run(&d, N, 2000, 1000, at);
    assert_near((double)d.stats.queue_max, 62500, 1000);
    damage_fini(&d);

    open_with(&d, 9, "rate=8k queue=100"); /* shorter than a packet: one at a time still passes */
    assert_int_equal(run(&d, 10, 2000000, 1000, at), 10);
    damage_fini(&d);

    open_with(&d, 9, "rate=1mbit loss=0.5"); /* a lost packet has used the link */
    got = run(&d, N, 2000, 1000, at);
    uint64_t newest = 0;
    for (size_t i = 0; i < N; i++)
        newest = at[i] != UINT64_MAX && at[i] > newest ? at[i] : newest;
    assert_near((double)newest, N * 8000.0, 200000);
    damage_fini(&d);
}

static void test_corrupt(void **state)
{
    struct damage d;
    struct damage_pkt p;
    uint8_t zero[64] = {0}, seen[64] = {0};
    open_with(&d, 9, "corrupt=1");
    d.set.corrupt_from = 28;
    for (int i = 0; i < 5000; i++) {
        damage_put(&d, 0, zero, sizeof zero, 0);
        assert_true(damage_get(&d, 0, &p));
        int bits = 0;
        for (size_t k = 0; k < sizeof zero; k++) {
            bits += __builtin_popcount(p.data[k]);
            seen[k] |= p.data[k];
        }
        assert_int_equal(bits, 1);
    }
    for (size_t k = 0; k < sizeof seen; k++)
        assert_int_equal(seen[k], k < 28 ? 0 : 0xff);
    damage_put(&d, 0, zero, 28, 0); /* nothing to corrupt */
    assert_true(damage_get(&d, 0, &p));
    assert_memory_equal(p.data, zero, 28);
    damage_fini(&d);
}

static void test_outage_and_stall(void **state)
{
    struct damage d;
    struct damage_pkt p;
    open_with(&d, 1, "delay=10");
    damage_put(&d, 0, "a", 1, 1);
    assert_int_equal(damage_set(&d, "down"), 0);
    assert_false(damage_put(&d, 1, "b", 1, 2));
    assert_int_equal(damage_set(&d, "up"), 0);
    assert_true(damage_deadline(&d) == DAMAGE_NEVER); /* what was in flight is lost as well */
    assert_int_equal(d.stats.down_drops, 2);
    damage_put(&d, 2, "c", 1, 3);
    assert_true(damage_get(&d, 10002, &p));
    assert_int_equal(p.tag, 3);

    damage_put(&d, 20000, "d", 1, 4);
    assert_int_equal(damage_set(&d, "stall"), 0);
    damage_put(&d, 20001, "e", 1, 5);
    assert_true(damage_deadline(&d) == DAMAGE_NEVER);
    assert_false(damage_get(&d, 99999999, &p));
    assert_int_equal(damage_set(&d, "unstall"), 0);
    assert_true(damage_get(&d, 99999999, &p) && p.tag == 4);
    assert_true(damage_get(&d, 99999999, &p) && p.tag == 5);
    damage_fini(&d);
}

static void test_caps(void **state)
{
    static uint8_t big[DAMAGE_PACKET + 1];
    struct damage d;
    open_with(&d, 1, "delay=1000 memory=10k mtu=1400");
    for (int i = 0; i < 1000; i++)
        damage_put(&d, 0, big, 1000, 0);
    assert_int_equal(d.count, 10);
    assert_int_equal(d.stats.queue_drops, 990);
    assert_false(damage_put(&d, 0, big, 1401, 0));
    assert_int_equal(damage_set(&d, "mtu=0"), 0);
    assert_false(damage_put(&d, 0, big, DAMAGE_PACKET + 1, 0));
    assert_int_equal(d.stats.mtu_drops, 2);
    damage_fini(&d);
}

/* A digest of everything that comes out of a much damaged direction. */
static uint64_t digest(uint64_t seed, size_t n)
{
    struct damage d;
    struct damage_pkt p;
    uint64_t h = 1469598103934665603u;
    uint8_t b[200] = {0};
    open_with(&d, seed,
              "delay=40 jitter=30 loss=20% ge_p=0.01 ge_r=0.3 dup=0.1 reorder=0.1 corrupt=0.05 "
              "rate=10m queue=30k");
    for (size_t i = 0; i < n; i++) {
        damage_put(&d, i * 700, b, i % sizeof b, i);
        while (damage_get(&d, i * 700, &p)) {
            h = (h ^ p.tag ^ p.due_us << 20) * 1099511628211u;
            for (size_t k = 0; k < p.len; k++)
                h = (h ^ p.data[k]) * 1099511628211u;
        }
    }
    damage_fini(&d);
    return h;
}

static void test_deterministic(void **state)
{
    assert_true(digest(1, 5000) == digest(1, 5000));
    assert_true(digest(1, 5000) != digest(2, 5000));

    /* Neighbouring seeds are not shifted copies of one row. */
    enum { N = 400 };
    static uint64_t a[N], b[N];
    struct damage d;
    open_with(&d, 1, "loss=50%");
    run(&d, N, 1, 1, a);
    damage_seed(&d, 2);
    run(&d, N, 1, 1, b);
    for (size_t shift = 0; shift < 4; shift++) {
        size_t same = 0;
        for (size_t i = 0; i + shift < N; i++)
            same += (a[i + shift] == UINT64_MAX) == (b[i] == UINT64_MAX);
        assert_near((double)same / (double)(N - shift), 0.5, 0.12);
    }
    damage_fini(&d);
}

static void test_settings(void **state)
{
    static const char *const bad[] = {
        "",           "bogus=1",      "loss",
        "loss=",      "loss=-1",      "loss=2",
        "loss=101%",  "loss=0.5x",    "loss=nan",
        "loss=inf",   "delay=5m",     "delay=ms",
        "delay=1e30", "down=1",       "rate=1mb",
        "queue=5x",   "mtu=1.5q",     "seed=",
        "seed=-1",    "seed=1x",      "jitter=9999999s",
        "up now",     "rate=1tbit",   "queue=s",
        "LOSS=0.1",   "loss=0.1 0.2",
    };
    struct damage d;
    damage_init(&d, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct damage before = d;
        if (damage_set(&d, bad[i]) != ERR_SYNTAX)
            fail_msg("'%s' was taken", bad[i]);
        assert_memory_equal(&before, &d, sizeof d);
    }
    char longer[400];
    memset(longer, '1', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer, "seed=", 5);
    assert_int_equal(damage_set(&d, longer), ERR_SYNTAX);

    assert_int_equal(damage_set(&d, "loss=0.29"), 0);
    assert_true(d.set.loss == 0.29);
    assert_int_equal(damage_set(&d, " dup 5% \r\n"), 0);
    assert_true(d.set.dup == 0.05);
    assert_int_equal(damage_set(&d, "rtt=101"), 0);
    assert_int_equal(d.set.delay_us, 50500);
    assert_int_equal(damage_set(&d, "delay = 1.5s"), 0);
    assert_int_equal(d.set.delay_us, 1500000);
    assert_int_equal(damage_set(&d, "jitter=750us"), 0);
    assert_int_equal(d.set.jitter_us, 750);
    assert_int_equal(damage_set(&d, "rate=1.5Mbit"), 0);
    assert_true(d.set.rate == 1.5e6);
    assert_int_equal(damage_set(&d, "queue=5s"), 0);
    assert_int_equal(d.set.queue_us, 5000000);
    assert_int_equal(damage_set(&d, "queue=64k"), 0);
    assert_int_equal(d.set.queue_us, 0);
    assert_int_equal(d.set.queue_bytes, 64000);
    assert_int_equal(damage_set(&d, "mtu=1200"), 0);
    assert_int_equal(d.set.mtu, 1200);
    assert_int_equal(damage_set(&d, "seed=0x10"), 0);
    damage_fini(&d);
}

static void test_stats(void **state)
{
    struct damage d;
    char out[600], tiny[10];
    open_with(&d, 1, "delay=1");
    damage_put(&d, 0, "abc", 3, 0);
    damage_stats_json(&d, 0, out, sizeof out);
    assert_string_equal(out, "{\"in_packets\":1,\"in_bytes\":3,\"out_packets\":0,\"out_bytes\":0,"
                             "\"lost\":0,\"queue_drops\":0,\"mtu_drops\":0,\"down_drops\":0,"
                             "\"dups\":0,\"reordered\":0,\"corrupted\":0,\"queue_max\":0,"
                             "\"in_flight\":1,\"queue_now\":0}");
    damage_stats_json(&d, 0, tiny, sizeof tiny);
    assert_int_equal(strlen(tiny), sizeof tiny - 1);
    damage_fini(&d);
}

static void test_nat(void **state)
{
    struct damage_nat n = {{ADDR_NONE}, 0};
    struct addr inside, old, now;
    assert_int_equal(addr_parse("10.77.0.1", &inside), 0);
    inside.port = 60000;
    now = damage_nat_out(&n, &inside);
    assert_true(addr_equal(&now, &inside));
    n.port_offset = 10000; /* wraps */
    old = damage_nat_out(&n, &inside);
    assert_int_equal(old.port, (60000 + 10000) % 65536);
    assert_true(damage_nat_in(&n, &inside, &old));
    assert_int_equal(addr_parse("192.0.2.7", &n.host), 0);
    now = damage_nat_out(&n, &inside);
    assert_int_equal(now.port, old.port);
    assert_true(addr_same_host(&now, &n.host));
    assert_true(damage_nat_in(&n, &inside, &now));
    assert_false(damage_nat_in(&n, &inside, &old)); /* the old mapping is gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perfect),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_burst_loss),
        cmocka_unit_test(test_delay_and_jitter),
        cmocka_unit_test(test_reorder),
        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_rate_and_queue),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_outage_and_stall),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_nat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
