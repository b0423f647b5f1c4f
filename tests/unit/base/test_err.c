/* Errors: the first failure wins, prefixes, cut texts, and what each code is on the wire; and the byte buffer. */
#include "base/buf.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void first_failure_wins(void **state)
{
    (void)state;
    struct gv_err err = {0};
    assert_false(gv_fail(&err, GV_TIMEOUT, "first %d", 1));
    assert_false(gv_fail(&err, GV_INTERNAL, "second"));
    assert_int_equal(err.code, GV_TIMEOUT);
    assert_string_equal(err.msg, "first 1");
    assert_false(gv_fail(NULL, GV_INTERNAL, "nobody listens"));
}

static void prefixes_stand_in_front(void **state)
{
    (void)state;
    struct gv_err err = {0};
    assert_false(gv_err_prefix(&err, "cluster: "));
    assert_int_equal(err.code, GV_OK); /* nothing to put it in front of */
    gv_fail(&err, GV_UNAVAILABLE, "refused");
    gv_err_prefix(&err, "cluster \"%s\": ", "c2");
    assert_string_equal(err.msg, "cluster \"c2\": refused");
}

static void long_texts_end_in_dots(void **state)
{
    (void)state;
    struct gv_err err = {0};
    gv_fail(&err, GV_INTERNAL, "%02000d", 7);
    assert_int_equal(strlen(err.msg), GV_ERR_MSG_MAX - 1);
    assert_string_equal(err.msg + GV_ERR_MSG_MAX - 4, "...");
    gv_err_prefix(&err, "in front: ");
    assert_memory_equal(err.msg, "in front: 000", 13);
    assert_string_equal(err.msg + GV_ERR_MSG_MAX - 4, "...");
}

static void codes_are_those_of_prometheus(void **state)
{
    (void)state;
    assert_int_equal(gv_err_status(GV_BAD_DATA), 400);
    assert_string_equal(gv_err_type(GV_BAD_DATA), "bad_data");
    assert_int_equal(gv_err_status(GV_EXECUTION), 422);
    assert_string_equal(gv_err_type(GV_EXECUTION), "execution");
    assert_int_equal(gv_err_status(GV_TIMEOUT), 503);
    assert_string_equal(gv_err_type(GV_TIMEOUT), "timeout");
    assert_int_equal(gv_err_status(GV_CANCELED), 499);
}

static void buffers_grow(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    assert_string_equal(gv_buf_cstr(&b), "");
    for (int i = 0; i < 1000; i++) {
        gv_buf_addc(&b, 'a');
        gv_buf_adds(&b, "bc");
        gv_buf_printf(&b, "%d", i % 10);
        gv_buf_add_slice(&b, (struct gv_slice){NULL, 0});
    }
    assert_int_equal(b.n, 4000);
    assert_memory_equal(b.p + 3996, "abc9", 4);
    gv_buf_clear(&b);
    assert_string_equal(gv_buf_cstr(&b), "");
    gv_buf_fini(&b);
    gv_buf_adds(&b, "again");
    assert_string_equal(gv_buf_cstr(&b), "again");
    gv_buf_fini(&b);
}

static void case_is_mapped_in_every_script(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_lower(&b, GV_S("aZ9_\xc3\x89\xff"));
    gv_buf_addc(&b, ' ');
    gv_buf_add_upper(&b, GV_S("aZ9_\xc3\xa9\xc3\x9f")); /* a sharp s has no single capital */
    assert_string_equal(gv_buf_cstr(&b), "az9_\xc3\xa9\xef\xbf\xbd AZ9_\xc3\x89\xc3\x9f");
    gv_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_wins),     cmocka_unit_test(prefixes_stand_in_front),
        cmocka_unit_test(long_texts_end_in_dots), cmocka_unit_test(codes_are_those_of_prometheus),
        cmocka_unit_test(buffers_grow),           cmocka_unit_test(case_is_mapped_in_every_script),
    };
    return cmocka_run_group_tests_name("base.err", tests, NULL, NULL);
}
