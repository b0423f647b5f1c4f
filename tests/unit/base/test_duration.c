/* Durations and sizes: what Prometheus reads and prints, and its words for what it does not read. */
#include "base/duration.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"1ms", 1},
        {"100ms", 100},
        {"1s", 1000},
        {"5m", 300000},
        {"1h30m", 5400000},
        {"90m", 5400000},
        {"2h5m10s", 7510000},
        {"1d", DAY},
        {"1w", 7 * DAY},
        {"1y", 365 * DAY},
        {"1y2w3d4h5m6s7ms", 365 * DAY + 17 * DAY + 14706007},
        {"292y", 292 * 365 * DAY},
        {"9223372036854ms", INT64_C(9223372036854)},
        {"007m", 420000},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        int64_t ms = -1;
        struct gv_err err = {0};
        if (!gv_duration_parse(gv_slice_of(rows[i].text), &ms, &err) || ms != rows[i].ms)
            fail_msg("%s: %lld %s", rows[i].text, (long long)ms, err.msg);
    }
}

static void bad_durations_are_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "empty duration string"},
        {"1", "not a valid duration string: \"1\""},
        {"m", "not a valid duration string: \"m\""},
        {"-5m", "not a valid duration string: \"-5m\""},
        {"5m1h", "not a valid duration string: \"5m1h\""},
        {"5m5m", "not a valid duration string: \"5m5m\""},
        {"1.5h", "unknown unit \".\" in duration \"1.5h\""},
        {"1h ", "unknown unit \"h \" in duration \"1h \""},
        {"1H", "unknown unit \"H\" in duration \"1H\""},
        {"5min", "unknown unit \"min\" in duration \"5min\""},
        {"300y", "duration out of range"},
        {"292y1000d", "duration out of range"},
        {"9223372036855ms", "duration out of range"},
        {"99999999999999999999s", "not a valid duration string: \"99999999999999999999s\""},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        int64_t ms;
        struct gv_err err = {0};
        assert_false(gv_duration_parse(gv_slice_of(rows[i][0]), &ms, &err));
        assert_string_equal(err.msg, rows[i][1]);
        assert_int_equal(err.code, GV_BAD_DATA);
    }
}

static void check_prints(void (*print)(struct gv_buf *, int64_t), int64_t v, const char *wanted)
{
    struct gv_buf b = GV_BUF_INIT;
    print(&b, v);
    assert_string_equal(gv_buf_cstr(&b), wanted);
    gv_buf_fini(&b);
}

static void durations_are_printed(void **state)
{
    (void)state;
    check_prints(gv_duration_print, 0, "0s");
    check_prints(gv_duration_print, 1, "1ms");
    check_prints(gv_duration_print, 300000, "5m");
    check_prints(gv_duration_print, 5400000, "1h30m");
    check_prints(gv_duration_print, 3600001, "1h1ms");
    check_prints(gv_duration_print, 7 * DAY, "1w");
    check_prints(gv_duration_print, 8 * DAY, "8d");
    check_prints(gv_duration_print, 365 * DAY, "1y");
    check_prints(gv_duration_print, 366 * DAY, "366d");
    check_prints(gv_duration_print, -5400000, "-1h30m");
}

static void sizes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {
        {"0", 0},
        {"100", 100},
        {"100B", 100},
        {"1KB", 1024},
        {"1KiB", 1024},
        {"512MiB", 512 << 20},
        {"1.5GB", INT64_C(3) << 29},
        {"1TiB", INT64_C(1) << 40},
        {"2PB", INT64_C(1) << 51},
        {"7EiB", INT64_C(7) << 60},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        int64_t bytes = -1;
        struct gv_err err = {0};
        if (!gv_bytes_parse(gv_slice_of(rows[i].text), &bytes, &err) || bytes != rows[i].bytes)
            fail_msg("%s: %lld %s", rows[i].text, (long long)bytes, err.msg);
    }
}

static void bad_sizes_are_named(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "B",       "MB",  "-1MB", "1 MB", "1mb", "1M",
                                        "1KiBs", "1.2.3MB", "1ib", "1e3",  "0x10", "1ZB"};
    int64_t bytes;
    for (size_t i = 0; i < GV_COUNT(texts); i++) {
        struct gv_err err = {0};
        if (gv_bytes_parse(gv_slice_of(texts[i]), &bytes, &err))
            fail_msg("%s was accepted", texts[i]);
        assert_non_null(strstr(err.msg, texts[i]));
    }
    struct gv_err err = {0};
    assert_false(gv_bytes_parse(GV_S("8EiB"), &bytes, &err));
    assert_string_equal(err.msg, "size out of range");
}

static void sizes_are_printed(void **state)
{
    (void)state;
    check_prints(gv_bytes_print, 0, "0");
    check_prints(gv_bytes_print, 100, "100B");
    check_prints(gv_bytes_print, 1024, "1KiB");
    check_prints(gv_bytes_print, 1536, "1536B");
    check_prints(gv_bytes_print, 512 << 20, "512MiB");
    check_prints(gv_bytes_print, INT64_C(3) << 29, "1536MiB");
    check_prints(gv_bytes_print, INT64_C(7) << 60, "7EiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),    cmocka_unit_test(bad_durations_are_named),
        cmocka_unit_test(durations_are_printed), cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(bad_sizes_are_named),   cmocka_unit_test(sizes_are_printed),
    };
    return cmocka_run_group_tests_name("base.duration", tests, NULL, NULL);
}
