/* Pages: prose stays, marked parts are made anew, and a broken mark is an error. */
#include "app/docs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static bool fill(const char *page, struct gv_buf *out, struct gv_err *err)
{
    gv_buf_clear(out);
    *err = (struct gv_err){0};
    return gv_docs_fill(gv_slice_of(page), out, err);
}

static void prose_stays_and_parts_are_made_anew(void **state)
{
    (void)state;
    struct gv_buf once = GV_BUF_INIT, twice = GV_BUF_INIT;
    struct gv_err err;
    assert_true(fill("before\n<!-- generated: flags -->\nstale line\n<!-- end of generated -->\nafter", &once, &err));
    const char *text = gv_buf_cstr(&once);
    assert_non_null(strstr(text, "before\n<!-- generated: flags -->\n| flag | "));
    assert_non_null(strstr(text, "| `--query.timeout` | duration; 1ms to 1d | `2m` | `query_timeout` | "));
    assert_non_null(strstr(text, "\n<!-- end of generated -->\nafter"));
    assert_null(strstr(text, "stale line"));
    assert_true(fill(text, &twice, &err));
    assert_string_equal(gv_buf_cstr(&twice), text);
    gv_buf_fini(&once);
    gv_buf_fini(&twice);
}

static void every_part_says_something(void **state)
{
    (void)state;
    static const char *const parts[][2] = {{"keys", "| `clusters[].tls_config.ca_file` | "},
                                           {"sample", "#  cluster_label: cluster\n"},
                                           {"metrics", "| `globalview_build_info` | gauge | `version` | "},
                                           {"man-flags", ".B \\-\\-log.level=info\n"},
                                           {"man-commands", ".B check\\-config "}};
    for (size_t i = 0; i < GV_COUNT(parts); i++) {
        struct gv_buf out = GV_BUF_INIT;
        struct gv_err err;
        char page[128];
        snprintf(page, sizeof page, "# generated: %s\n# end of generated\n", parts[i][0]);
        assert_true(fill(page, &out, &err));
        if (!strstr(gv_buf_cstr(&out), parts[i][1]))
            fail_msg("%s: no %s", parts[i][0], parts[i][1]);
        gv_buf_fini(&out);
    }
}

static void broken_marks_are_errors(void **state)
{
    (void)state;
    struct gv_buf out = GV_BUF_INIT;
    struct gv_err err;
    assert_false(fill("# generated: nothing\n# end of generated\n", &out, &err));
    assert_string_equal(err.msg, "nothing generates nothing");
    assert_false(fill("# generated: flags\nthe rest of the page\n", &out, &err));
    assert_string_equal(err.msg, "no line says: end of generated");
    gv_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prose_stays_and_parts_are_made_anew),
        cmocka_unit_test(every_part_says_something),
        cmocka_unit_test(broken_marks_are_errors),
    };
    return cmocka_run_group_tests_name("app.docs", tests, NULL, NULL);
}
