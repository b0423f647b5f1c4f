/* What the operating system gives, and telling systemd. */
#include "app/process.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static void limits_are_plausible(void **state)
{
    (void)state;
    assert_in_range(gv_process_cores(), 1, (uint64_t)sysconf(_SC_NPROCESSORS_CONF));
    int64_t machine = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    assert_in_range(gv_process_memory(), 1 << 20, (uint64_t)machine);
}

static void nofile_reaches_its_hard_limit(void **state)
{
    (void)state;
    struct rlimit before, after;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    before.rlim_cur = before.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    uint64_t got = gv_process_raise_nofile();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(got, after.rlim_cur);
    assert_int_equal(after.rlim_cur, before.rlim_max);
}

/* name: a path, or "@" and a name of the abstract space. */
static void check_notified(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(at.sun_path, name, n);
    if (*name == '@')
        at.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    gv_process_notify("READY=1");
    char got[32] = "";
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static void systemd_is_told(void **state)
{
    (void)state;
    char folder[] = "/tmp/globalview-unit-XXXXXX", path[64], abstract[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/notify", folder);
    snprintf(abstract, sizeof abstract, "@globalview-unit-%d", (int)getpid());
    check_notified(path);
    check_notified(abstract);
    unlink(path);
    rmdir(folder);
}

static void nobody_is_told_where_nobody_asks(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "@", "relative/path"};
    unsetenv("NOTIFY_SOCKET");
    gv_process_notify("READY=1");
    char too_long[300];
    memset(too_long, '/', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    setenv("NOTIFY_SOCKET", too_long, 1);
    gv_process_notify("READY=1"); /* no overflow: the sanitizers watch */
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        setenv("NOTIFY_SOCKET", odd[i], 1);
        gv_process_notify("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_plausible),
        cmocka_unit_test(nofile_reaches_its_hard_limit),
        cmocka_unit_test(systemd_is_told),
        cmocka_unit_test(nobody_is_told_where_nobody_asks),
    };
    return cmocka_run_group_tests_name("app.process", tests, NULL, NULL);
}
