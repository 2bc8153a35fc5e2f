#include "server/motd.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <lastlog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

static char folder[64], lastlog[96], wtmp[96];
static const struct lastlogin_files files = {lastlog, wtmp};

static int set_up(void **state)
{
    setenv("TZ", "UTC", 1);
    snprintf(folder, sizeof folder, "/tmp/tern-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(lastlog, sizeof lastlog, "%s/lastlog", folder);
    snprintf(wtmp, sizeof wtmp, "%s/wtmp", folder);
    return 0;
}

static int tear_down(void **state)
{
    unlink(lastlog);
    unlink(wtmp);
    return rmdir(folder);
}

static void write_at(const char *path, const void *p, size_t len, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, len, at), len);
    close(fd);
}

static void says(uid_t uid, const char *user, const char *want)
{
    struct buf out;
    buf_init(&out, 1000);
    lastlogin_read(&files, uid, user, &out);
    buf_put_u8(&out, 0);
    assert_string_equal(buf_data(&out), want);
    buf_fini(&out);
}

static void from_lastlog(void **state)
{
    struct lastlog l = {.ll_time = 1000000000};
    memcpy(l.ll_host, "192.0.2.7", 9);
    write_at(lastlog, &l, sizeof l, 1000 * (off_t)sizeof l);
    says(1000, "u", "Last login: Sun Sep  9 01:46:40 2001 from 192.0.2.7\r\n");
    says(999, "u", "");                       /* never */
    says(1001, "u", "");                      /* behind the end */
    memset(l.ll_host, 'h', sizeof l.ll_host); /* without a NUL */
    l.ll_host[0] = '\033';
    write_at(lastlog, &l, sizeof l, 1000 * (off_t)sizeof l);
    char want[512];
    snprintf(want, sizeof want, "Last login: Sun Sep  9 01:46:40 2001 from ?%.*s\r\n",
             (int)sizeof l.ll_host - 1, l.ll_host + 1);
    says(1000, "u", want);
    memset(l.ll_host, 0, sizeof l.ll_host); /* on the console */
    write_at(lastlog, &l, sizeof l, 1000 * (off_t)sizeof l);
    says(1000, "u", "Last login: Sun Sep  9 01:46:40 2001\r\n");
}

static void from_wtmp_where_there_is_no_lastlog(void **state)
{
    struct utmp u = {.ut_type = USER_PROCESS};
    says(1000, "ann", "");
    for (int i = 0; i < 300; i++) {
        u.ut_type = i % 3 ? USER_PROCESS : DEAD_PROCESS;
        snprintf(u.ut_user, sizeof u.ut_user, "%s", i == 100 || i == 1 ? "ann" : "bob");
        snprintf(u.ut_host, sizeof u.ut_host, "h%d", i);
        u.ut_tv.tv_sec = 1000000000 + i;
        write_at(wtmp, &u, sizeof u, i * (off_t)sizeof u);
    }
    says(1000, "ann", "Last login: Sun Sep  9 01:48:20 2001 from h100\r\n");
    says(1000, "bob", "Last login: Sun Sep  9 01:51:39 2001 from h299\r\n");
    says(1000, "an", "");
    /* What is further back than anybody would look is not searched for. */
    snprintf(u.ut_user, sizeof u.ut_user, "bob");
    for (int i = 300; i < 8293; i++)
        write_at(wtmp, &u, sizeof u, i * (off_t)sizeof u);
    says(1000, "ann", "");
}

static void hushed(void **state)
{
    char hush[96];
    assert_false(motd_hushed(folder));
    snprintf(hush, sizeof hush, "%s/.hushlogin", folder);
    write_at(hush, "", 0, 0);
    assert_true(motd_hushed(folder));
    unlink(hush);
}

static void messages_are_for_a_terminal(void **state)
{
    struct buf out;
    char text[4096];
    buf_init(&out, MOTD_MAX);
    motd_read(&out);
    FILE *f = fopen("/etc/motd", "re");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    if (n && n < sizeof text) {
        size_t lines = 0;
        for (size_t i = 0; i < n; i++)
            lines += text[i] == '\n';
        assert_true(buf_len(&out) >= n + lines);
        const char *last = (const char *)buf_data(&out) + buf_len(&out) - 2;
        assert_int_equal(memcmp(last, "\r\n", 2) == 0, text[n - 1] == '\n');
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_lastlog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(from_wtmp_where_there_is_no_lastlog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hushed, set_up, tear_down),
        cmocka_unit_test(messages_are_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
