/* Metrics: counting from many threads, instances that come and go, and the exposition they are rendered as. */
#include "base/metric.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const double bounds[] = {0.1, 1};
static struct gv_metric_family plain = GV_COUNTER("t_plain_total", "Counts\nthings with a \\.");
static struct gv_metric_family labelled = GV_COUNTER("t_labelled_total", "By two labels.", "cluster", "code");
static struct gv_metric_family gauge = GV_GAUGE("t_gauge", "Goes up and down.");
static struct gv_metric_family seconds = GV_HISTOGRAM("t_seconds", "Latency.", bounds, "handler");
static struct gv_metric_family *const families[] = {&seconds, &plain, &labelled, &gauge, NULL};

static void check_rendered(const char *wanted)
{
    struct gv_registry *r = gv_registry_new();
    gv_registry_add(r, families);
    struct gv_buf b = GV_BUF_INIT;
    gv_registry_render(r, &b);
    assert_string_equal(gv_buf_cstr(&b), wanted);
    gv_buf_fini(&b);
    gv_registry_free(r);
}

static void renders_the_text_format(void **state)
{
    (void)state;
    struct gv_metric *b = gv_metric_get(&labelled, GV_S("b"), GV_S("200"));
    struct gv_metric *a = gv_metric_get(&labelled, GV_S("a\"\\\n"), GV_S("500"));
    struct gv_metric *h = gv_metric_get(&seconds, GV_S("/api"));
    gv_counter_add(b, 3);
    gv_counter_add(a, 1);
    gv_gauge_set(gv_metric_self(&gauge), 2.5);
    gv_gauge_add(gv_metric_self(&gauge), -1);
    gv_histogram_observe(h, 0.1); /* a bound belongs to its bucket */
    gv_histogram_observe(h, 0.5);
    gv_histogram_observe(h, 7);
    check_rendered("# HELP t_gauge Goes up and down.\n"
                   "# TYPE t_gauge gauge\n"
                   "t_gauge 1.5\n"
                   "# HELP t_labelled_total By two labels.\n"
                   "# TYPE t_labelled_total counter\n"
                   "t_labelled_total{cluster=\"a\\\"\\\\\\n\",code=\"500\"} 1\n"
                   "t_labelled_total{cluster=\"b\",code=\"200\"} 3\n"
                   "# HELP t_plain_total Counts\\nthings with a \\\\.\n"
                   "# TYPE t_plain_total counter\n"
                   "t_plain_total 0\n"
                   "# HELP t_seconds Latency.\n"
                   "# TYPE t_seconds histogram\n"
                   "t_seconds_bucket{handler=\"/api\",le=\"0.1\"} 1\n"
                   "t_seconds_bucket{handler=\"/api\",le=\"1\"} 2\n"
                   "t_seconds_bucket{handler=\"/api\",le=\"+Inf\"} 3\n"
                   "t_seconds_sum{handler=\"/api\"} 7.6\n"
                   "t_seconds_count{handler=\"/api\"} 3\n");
    gv_metric_put(a);
    gv_metric_put(b);
    gv_metric_put(h);
    gv_gauge_set(gv_metric_self(&gauge), 0);
    check_rendered(
        "# HELP t_gauge Goes up and down.\n# TYPE t_gauge gauge\nt_gauge 0\n"
        "# HELP t_plain_total Counts\\nthings with a \\\\.\n# TYPE t_plain_total counter\nt_plain_total 0\n");
}

static void instances_live_while_held(void **state)
{
    (void)state;
    struct gv_metric *first = gv_metric_get(&labelled, GV_S("c"), GV_S(""));
    struct gv_metric *again = gv_metric_get(&labelled, GV_S("c"), GV_S(""));
    assert_ptr_equal(first, again);
    gv_counter_add(first, 5);
    gv_metric_put(first);
    assert_true(gv_metric_value(again) == 5);
    gv_metric_put(again);
    first = gv_metric_get(&labelled, GV_S("c"), GV_S(""));
    assert_true(gv_metric_value(first) == 0); /* gone in between */
    gv_metric_put(first);
    gv_metric_put(NULL);
}

static double read_number(void *arg)
{
    return *(int *)arg;
}

static void callbacks_are_read_when_rendered(void **state)
{
    (void)state;
    int number = 1;
    struct gv_metric *m = gv_metric_get(&labelled, GV_S("c"), GV_S("x"));
    gv_metric_set_callback(m, read_number, &number);
    number = 42;
    assert_true(gv_metric_value(m) == 42);
    gv_metric_put(m);
}

static void odd_observations_are_counted(void **state)
{
    (void)state;
    struct gv_metric *h = gv_metric_get(&seconds, GV_S("odd"));
    gv_histogram_observe(h, NAN); /* above every bound, as the Prometheus clients have it */
    gv_histogram_observe(h, -1);
    assert_int_equal(gv_metric_count(h), 2);
    assert_true(isnan(gv_metric_value(h)));
    gv_metric_put(h);
}

static void *count_much(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct gv_metric *shared = gv_metric_get(&labelled, GV_S("shared"), GV_S("1"));
        gv_counter_add(shared, 1);
        gv_gauge_add(gv_metric_self(&gauge), 1);
        gv_histogram_observe(arg, 0.5);
        gv_metric_put(shared);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct gv_metric *kept = gv_metric_get(&labelled, GV_S("shared"), GV_S("1"));
    struct gv_metric *h = gv_metric_get(&seconds, GV_S("threads"));
    gv_gauge_set(gv_metric_self(&gauge), 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_much, h);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(gv_metric_value(kept) == 8000);
    assert_true(gv_metric_value(gv_metric_self(&gauge)) == 8000);
    assert_int_equal(gv_metric_count(h), 8000);
    assert_true(gv_metric_value(h) == 4000);
    gv_metric_put(kept);
    gv_metric_put(h);
}

static void families_are_listed_by_name(void **state)
{
    (void)state;
    struct gv_registry *r = gv_registry_new();
    gv_registry_add(r, families);
    struct gv_metric_family *const *list;
    assert_int_equal(gv_registry_families(r, &list), 4);
    assert_ptr_equal(list[0], &gauge);
    assert_ptr_equal(list[3], &seconds);
    gv_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_the_text_format),          cmocka_unit_test(instances_live_while_held),
        cmocka_unit_test(callbacks_are_read_when_rendered), cmocka_unit_test(odd_observations_are_counted),
        cmocka_unit_test(nothing_is_lost_between_threads),  cmocka_unit_test(families_are_listed_by_name),
    };
    return cmocka_run_group_tests_name("base.metric", tests, NULL, NULL);
}
