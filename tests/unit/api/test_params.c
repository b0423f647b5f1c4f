/* Times and durations of request parameters, as Prometheus reads them. */
#include "api/params.h"
#include "base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void expect_time(const char *text, int64_t wanted)
{
    int64_t ms = 0;
    if (!gv_time_parse(gv_slice_of(text), &ms))
        fail_msg("%s was refused", text);
    assert_int_equal(ms, wanted);
}

static void times(void **state)
{
    (void)state;
    expect_time("0", 0);
    expect_time("1435781430.781", 1435781430781);
    expect_time("1435781430.7816", 1435781430782); /* rounded to ms */
    expect_time("-1.5", -1500);
    expect_time("1e3", 1000000);
    expect_time("2015-07-01T20:10:51.781Z", 1435781451781);
    expect_time("2015-07-01T22:10:51+02:00", 1435781451000);
    expect_time("2015-07-01T18:10:51-02:00", 1435781451000);
    expect_time("1969-12-31T23:59:59.5Z", -500);
    expect_time("9223309901257974", 9223309901257974000); /* Prometheus's last and first second */
    expect_time("292277025-08-18T07:12:54.999999999Z", 9223309901257974000);
    expect_time("-292273086-05-16T16:47:06Z", -9223309901257974000);
    const char *bad[] = {"",
                         "x",
                         "NaN",
                         "Inf",
                         "1e400",
                         "9223372036854775",
                         "-9.3e15",
                         "2015-07-01t20:10:51z",
                         "2015-02-31T00:00:00Z",
                         "2015-07-01",
                         "2015-07-01T20:10:51",
                         "2015-07-01T20:10:51Zx",
                         "2015-07-01T24:10:51Z",
                         "2015-07-01T20:10:51+25:00"};
    for (size_t i = 0; i < GV_COUNT(bad); i++) {
        int64_t ms;
        if (gv_time_parse(gv_slice_of(bad[i]), &ms))
            fail_msg("%s was taken as %lld", bad[i], (long long)ms);
    }
}

static void durations(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"15", 15000}, {"0.5", 500}, {"5m", 300000}, {"1h30m", 5400000}, {"100ms", 100}, {"-1", -1000}};
    for (size_t i = 0; i < GV_COUNT(good); i++) {
        int64_t ms = 0;
        struct gv_err err = {0};
        if (!parse_duration(gv_slice_of(good[i].text), &ms, &err))
            fail_msg("%s: %s", good[i].text, err.msg);
        assert_int_equal(ms, good[i].ms);
    }
    int64_t ms;
    struct gv_err err = {0}, over = {0};
    assert_false(parse_duration(GV_S("5 m"), &ms, &err));
    assert_string_equal(err.msg, "cannot parse \"5 m\" to a valid duration");
    assert_false(parse_duration(GV_S("1e30"), &ms, &over));
    assert_string_equal(over.msg, "cannot parse \"1e30\" to a valid duration. It overflows int64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(times), cmocka_unit_test(durations)};
    return cmocka_run_group_tests_name("api.params", tests, NULL, NULL);
}
