#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

struct probe {
    struct loop *loop;
    struct timer timer, other;
    struct later later;
    int fired, other_fired, called;
    uint64_t at_us;
    char order[8];
    size_t n;
};

static void on_fire(void *ctx)
{
    struct probe *p = ctx;
    p->fired++;
    p->at_us = loop_now_us(p->loop);
    p->order[p->n++] = 'a';
}

static void on_other(void *ctx)
{
    struct probe *p = ctx;
    p->other_fired++;
    p->order[p->n++] = 'b';
}

static void test_timers_fire_in_order_and_not_early(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_fire, &p);
    timer_init(&p.other, l, on_other, &p);
    uint64_t due = loop_now_us(l) + 20000;
    timer_set(&p.timer, due);
    timer_set(&p.other, due - 15000);
    loop_run(l); /* ends by itself when nothing is left */
    assert_int_equal(p.fired, 1);
    assert_int_equal(p.other_fired, 1);
    assert_memory_equal(p.order, "ba", 2);
    assert_true(p.at_us >= due);
    loop_free(l);
}

static void test_past_deadline_fires_and_never_does_not(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_fire, &p);
    timer_init(&p.other, l, on_other, &p);
    timer_set(&p.timer, 0);
    timer_set(&p.other, TIME_NEVER);
    loop_run(l);
    assert_int_equal(p.fired, 1);
    assert_int_equal(p.other_fired, 0);
    timer_set(&p.timer, 0);
    timer_clear(&p.timer);
    loop_run(l);
    assert_int_equal(p.fired, 1);
    loop_free(l);
}

static void on_clears_other(void *ctx)
{
    struct probe *p = ctx;
    p->fired++;
    timer_clear(&p->other);
}

static void test_timer_cleared_by_another_of_the_same_moment(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_clears_other, &p);
    timer_init(&p.other, l, on_other, &p);
    timer_set(&p.timer, 1);
    timer_set(&p.other, 1);
    loop_run(l);
    assert_int_equal(p.fired, 1);
    assert_int_equal(p.other_fired, 0);
    loop_free(l);
}

static void on_rearms(void *ctx)
{
    struct probe *p = ctx;
    if (++p->fired < 5)
        timer_set(&p->timer, 0);
}

static void test_timer_set_anew_within_itself(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_rearms, &p);
    timer_set(&p.timer, 0);
    loop_run(l);
    assert_int_equal(p.fired, 5);
    loop_free(l);
}

static void on_later(void *ctx)
{
    struct probe *p = ctx;
    if (++p->called < 3)
        later_set(&p->later);
}

static void test_laters_run_once_per_asking(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    later_init(&p.later, l, on_later, &p);
    later_set(&p.later);
    later_set(&p.later);
    loop_turn(l, true); /* does not wait: something was done */
    int after_one = p.called;
    loop_run(l);
    assert_in_range(after_one, 1, 2);
    assert_int_equal(p.called, 3);
    later_set(&p.later);
    later_clear(&p.later);
    loop_run(l);
    assert_int_equal(p.called, 3);
    loop_free(l);
}

struct feed {
    struct loop *loop;
    struct watch *watch;
    int fd, calls, events;
    bool free_self;
};

static void on_ready(void *ctx, int events)
{
    struct feed *f = ctx;
    char c;
    f->calls++;
    f->events |= events;
    if (read(f->fd, &c, 1) < 0)
        assert_int_equal(errno, EAGAIN);
    if (f->free_self) {
        watch_free(f->watch);
        f->watch = NULL;
    }
}

static void test_watch_may_free_itself(void **state)
{
    struct loop *l = loop_new();
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct feed f = {.loop = l, .fd = fds[0], .free_self = true};
    assert_int_equal(watch_new(l, fds[0], on_ready, &f, &f.watch), 0);
    watch_set(f.watch, WATCH_IN);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    loop_run(l); /* ends: nothing is watched any more although a byte is left */
    assert_int_equal(f.calls, 1);
    assert_true(f.events & WATCH_IN);
    close(fds[0]);
    close(fds[1]);
    loop_free(l);
}

static void test_file_cannot_be_watched(void **state)
{
    struct loop *l = loop_new();
    struct watch *w;
    int fd = open("/dev/null", O_RDONLY);
    assert_int_equal(watch_new(l, fd, on_ready, NULL, &w), ERR_SYS);
    assert_int_equal(errno, EPERM);
    close(fd);
    loop_free(l);
}

static void test_time_stands_still_within_a_turn(void **state)
{
    struct loop *l = loop_new();
    uint64_t a = loop_now_us(l), clock = clock_boot_us();
    while (clock_boot_us() == clock)
        ;
    assert_true(loop_now_us(l) == a);
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_fire, &p);
    timer_set(&p.timer, 0);
    loop_run(l);
    assert_true(p.at_us > a);
    loop_free(l);
}

static void test_forked_child_has_its_own_timer(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_fire, &p);
    timer_set(&p.timer, loop_now_us(l) + 5000);
    pid_t pid = fork();
    if (pid == 0) {
        if (loop_forked(l))
            _exit(1);
        loop_run(l);
        _exit(p.fired == 1 ? 42 : 2);
    }
    loop_run(l);
    assert_int_equal(p.fired, 1);
    loop_free(l);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void on_stop(void *ctx)
{
    struct probe *p = ctx;
    p->fired++;
    timer_set(&p->other, TIME_NEVER - 1); /* would keep the loop for ever */
    loop_stop(p->loop);
}

static void test_stop(void **state)
{
    struct loop *l = loop_new();
    struct probe p = {.loop = l};
    timer_init(&p.timer, l, on_stop, &p);
    timer_init(&p.other, l, on_other, &p);
    timer_set(&p.timer, 0);
    loop_run(l);
    assert_int_equal(p.fired, 1);
    timer_clear(&p.other);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order_and_not_early),
        cmocka_unit_test(test_past_deadline_fires_and_never_does_not),
        cmocka_unit_test(test_timer_cleared_by_another_of_the_same_moment),
        cmocka_unit_test(test_timer_set_anew_within_itself),
        cmocka_unit_test(test_laters_run_once_per_asking),
        cmocka_unit_test(test_watch_may_free_itself),
        cmocka_unit_test(test_file_cannot_be_watched),
        cmocka_unit_test(test_time_stands_still_within_a_turn),
        cmocka_unit_test(test_forked_child_has_its_own_timer),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
