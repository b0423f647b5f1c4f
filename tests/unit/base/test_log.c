/* Log lines: their form, what is escaped, levels, limits and threads; and the clocks below them. */
#include "base/log.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_manual_clock clock_by_hand;
static struct gv_buf lines = GV_BUF_INIT;

static void keep(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level;
    gv_buf_add_slice(&lines, line);
}

static int set_up(void **state)
{
    (void)state;
    gv_manual_clock_init(&clock_by_hand, INT64_C(1714979289010));
    gv_log_set_clock(&clock_by_hand.clock);
    gv_log_set_sink(keep, NULL);
    gv_log_set_level(GV_LOG_INFO);
    gv_log_set_format(GV_LOG_LOGFMT);
    gv_buf_clear(&lines);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_log_set_sink(NULL, NULL);
    gv_log_set_clock(NULL);
    gv_buf_fini(&lines);
    return 0;
}

#define START "time=2024-05-06T07:08:09.010Z level="

static void context_comes_first(void **state)
{
    (void)state;
    int n = 3;
    gv_log(GV_LOG_WARN, "the cluster is slow", GV_F("seconds", 2.5), GV_CTX("cluster", GV_S("c2")), GV_F("asks", n));
    gv_log(GV_LOG_ERROR, "bare");
    assert_string_equal(gv_buf_cstr(&lines), START
                        "warn cluster=c2 msg=\"the cluster is slow\" seconds=2.5 asks=3\n" START "error msg=bare\n");
}

static void every_type_has_its_text(void **state)
{
    (void)state;
    bool yes = true;
    const char *text = "t", *none = NULL;
    gv_log(GV_LOG_INFO, "m", GV_F("a", text), GV_F("b", none), GV_F("c", yes), GV_F("d", (uint64_t)UINT64_MAX),
           GV_F("e", INT64_MIN), GV_F("f", (unsigned char)7), GV_F("g", sizeof(int)), GV_F("h", 1.0f));
    assert_string_equal(gv_buf_cstr(&lines), START
                        "info msg=m a=t b=\"\" c=true d=18446744073709551615 e=-9223372036854775808 f=7 g=4 h=1\n");
}

static void outside_text_cannot_forge_lines(void **state)
{
    (void)state;
    gv_log(GV_LOG_INFO, "m", GV_F("a", "x\nlevel=error"), GV_F("b", "k=v"), GV_F("c", "say \"hi\""),
           GV_F("d", "\x1b[31m"), GV_F("e", "back\\slash"), GV_F("f", "\xff"));
    assert_string_equal(gv_buf_cstr(&lines), START "info msg=m a=\"x\\nlevel=error\" b=\"k=v\" c=\"say \\\"hi\\\"\" "
                                                   "d=\"\\x1b[31m\" e=\"back\\\\slash\" f=\"\\xff\"\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    bool no = false;
    gv_log_set_format(GV_LOG_JSON);
    gv_log(GV_LOG_INFO, "a \"b\"", GV_CTX("cluster", "c\n"), GV_F("n", 3), GV_F("nan", 0.0 / 0.0), GV_F("ok", no));
    assert_string_equal(gv_buf_cstr(&lines),
                        "{\"time\":\"2024-05-06T07:08:09.010Z\",\"level\":\"info\",\"cluster\":\"c\\n\","
                        "\"msg\":\"a \\\"b\\\"\",\"n\":3,\"nan\":\"NaN\",\"ok\":false}\n");
}

static int evaluated;

static int evaluate(void)
{
    return ++evaluated;
}

static void lines_below_the_level_cost_nothing(void **state)
{
    (void)state;
    evaluated = 0;
    gv_log(GV_LOG_DEBUG, "m", GV_F("n", evaluate()));
    assert_int_equal(lines.n, 0);
    assert_int_equal(evaluated, 0);
    gv_log_set_level(GV_LOG_DEBUG);
    gv_log(GV_LOG_DEBUG, "m", GV_F("n", evaluate()));
    assert_string_equal(gv_buf_cstr(&lines), START "debug msg=m n=1\n");
}

static void limits_tell_what_they_left_out(void **state)
{
    (void)state;
    struct gv_log_limit limit = GV_LOG_LIMIT(60000);
    for (int i = 0; i < 5; i++)
        gv_log_limited(&limit, GV_LOG_WARN, "often", GV_F("i", i));
    gv_manual_clock_advance(&clock_by_hand, INT64_C(59999999999));
    gv_log_limited(&limit, GV_LOG_WARN, "often", GV_F("i", 5));
    assert_string_equal(gv_buf_cstr(&lines), START "warn msg=often i=0\n");
    gv_buf_clear(&lines);
    gv_manual_clock_advance(&clock_by_hand, 1);
    gv_log_limited(&limit, GV_LOG_WARN, "often", GV_F("i", 6));
    assert_string_equal(gv_buf_cstr(&lines), "time=2024-05-06T07:09:09.010Z level=warn msg=often i=6 suppressed=5\n");
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 200; i++)
        gv_log(GV_LOG_INFO, "from a thread", GV_F("who", (const char *)arg));
    return NULL;
}

static void lines_of_threads_stay_whole(void **state)
{
    (void)state;
    static char who[] = "who";
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, log_many, who);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    static const char line[] = START "info msg=\"from a thread\" who=who\n";
    assert_int_equal(lines.n, 800 * strlen(line));
    for (size_t i = 0; i < lines.n; i += strlen(line))
        assert_memory_equal(lines.p + i, line, strlen(line));
}

static void times_are_rfc3339(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951782400123), "2000-02-29T00:00:00.123Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        char text[GV_TIME_TEXT_MAX];
        gv_time_format(text, rows[i].ms);
        assert_string_equal(text, rows[i].text);
    }
}

static void clocks_move(void **state)
{
    (void)state;
    int64_t before = gv_clock_monotonic(&clock_by_hand.clock);
    assert_true(before > 0);
    gv_manual_clock_advance(&clock_by_hand, 1500000);
    assert_int_equal(gv_clock_monotonic(&clock_by_hand.clock) - before, 1500000);
    assert_int_equal(gv_clock_wall(&clock_by_hand.clock), INT64_C(1714979289011));
    before = gv_clock_monotonic(&gv_clock_real);
    assert_true(gv_clock_monotonic(&gv_clock_real) >= before);
    assert_true(gv_clock_wall(&gv_clock_real) > INT64_C(1600000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(context_comes_first, set_up),
        cmocka_unit_test_setup(every_type_has_its_text, set_up),
        cmocka_unit_test_setup(outside_text_cannot_forge_lines, set_up),
        cmocka_unit_test_setup(json_lines_are_json, set_up),
        cmocka_unit_test_setup(lines_below_the_level_cost_nothing, set_up),
        cmocka_unit_test_setup(limits_tell_what_they_left_out, set_up),
        cmocka_unit_test_setup(lines_of_threads_stay_whole, set_up),
        cmocka_unit_test_setup(times_are_rfc3339, set_up),
        cmocka_unit_test_setup(clocks_move, set_up),
    };
    return cmocka_run_group_tests_name("base.log", tests, NULL, tear_down);
}
