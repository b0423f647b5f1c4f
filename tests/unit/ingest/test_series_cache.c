/* The cache of series: what was put is found, with its bits, until it was not seen for long or there is no room; memory
 * follows the number of entries; threads may do all of it at once. */
#include "ingest/series_cache.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MINUTE = 60 * 1000, MANY = 200000 };

static struct gv_hash_key key;
static struct gv_hash128 *keys;
static uint64_t *values;
static uint32_t *order;

static int set_up(void **state)
{
    (void)state;
    gv_hash_key_make(&key, GV_S("0123456789abcdef"));
    keys = calloc(MANY, sizeof *keys);
    values = calloc(MANY, sizeof *values);
    order = calloc(MANY, sizeof *order);
    for (uint64_t i = 0; i < MANY; i++)
        keys[i] = gv_hash_keyed(&key, &i, sizeof i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(keys);
    free(values);
    free(order);
    return 0;
}

static void put(struct series_cache *c, int64_t now, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        series_cache_put(c, now, keys[i], series_value(i + 1, (unsigned)i, 0));
}

/* How many of those are found; each as it was put. */
static size_t found(struct series_cache *c, int64_t now, size_t from, size_t to)
{
    size_t n = 0;
    series_cache_find(c, now, keys + from, to - from, values, order);
    for (size_t i = from; i < to; i++) {
        uint64_t v = values[i - from];
        assert_true(!v || (series_of(v) == i + 1 && metadata_of(v) == (i & ((1 << METADATA_BITS) - 1))));
        n += v != 0;
    }
    return n;
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(1 << 20);
    assert_int_equal(found(c, 0, 0, 1000), 0);
    put(c, 0, 0, MANY / 2);
    assert_true(found(c, 0, 0, MANY / 2) > MANY / 2 * 99 / 100); /* full buckets lose one now and then */
    assert_int_equal(found(c, 0, MANY / 2, MANY), 0);
    series_cache_put(c, 0, keys[0], series_value(7, 0, 0));
    series_cache_find(c, 0, keys, 1, values, order);
    assert_int_equal(series_of(values[0]), 7);
    series_cache_forget(c, keys[0]);
    series_cache_forget(c, keys[0]);
    assert_int_equal(found(c, 0, 0, 1), 0);
    series_cache_free(c);
}

static void an_entry_takes_less_than_32_bytes(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(1 << 20);
    for (size_t n = 5000; n <= MANY; n += 5000) {
        put(c, 0, n - 5000, n);
        struct series_cache_status s = series_cache_status(c);
        assert_in_range(s.entries, n * 99 / 100, n);
        if (n >= 20000)
            assert_true(s.bytes < s.entries * 32);
    }
    series_cache_free(c);
}

static void what_is_not_seen_for_long_is_forgotten(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(1 << 20);
    put(c, 0, 0, MANY);
    size_t all = series_cache_status(c).entries, bytes = series_cache_status(c).bytes;
    for (int64_t now = 0; now <= 300 * MINUTE; now += 10 * MINUTE)
        assert_true(found(c, now, 0, 1000) > 990); /* seen again and again */
    assert_true(series_cache_status(c).entries < all / 100);
    assert_true(series_cache_status(c).bytes < bytes / 10);
    series_cache_free(c);
}

static void a_request_that_is_late_forgets_nothing(void **state)
{
    (void)state;
    const int64_t before = 15 * MINUTE - 1, after = 15 * MINUTE;
    struct series_cache *c = series_cache_new(1 << 20);
    put(c, before, 0, 1000);
    assert_int_equal(found(c, after, 0, 1000), 1000);
    assert_int_equal(found(c, before, 0, 1000), 1000);
    assert_int_equal(found(c, after, 0, 1000), 1000);
    series_cache_free(c);
}

static void a_lower_limit_is_kept_soon(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(MANY);
    put(c, 0, 0, MANY);
    series_cache_set_max(c, MANY / 3 * 2);
    (void)found(c, 15 * MINUTE, 0, MANY);
    assert_true(series_cache_status(c).entries <= MANY / 3 * 2);
    assert_true(series_cache_status(c).bytes <= MANY / 3 * 2 * 16 + (8 << 10)); /* and the shards */
    series_cache_free(c);
}

static void above_the_limit_the_oldest_make_room(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(20000);
    put(c, 0, 0, 15000);
    put(c, 16 * MINUTE, 15000, MANY);
    assert_true(series_cache_status(c).entries <= 20000);
    assert_true(found(c, 16 * MINUTE, 0, 15000) < 100);
    series_cache_free(c);
}

static void *use(void *arg)
{
    struct series_cache *c = arg;
    enum { SOME = 2000 };
    uint64_t v[SOME];
    uint32_t o[SOME];
    for (int round = 0; round < 20; round++) {
        series_cache_find(c, round * 20 * MINUTE, keys, SOME, v, o);
        for (size_t i = 0; i < SOME; i++) {
            if (v[i] && series_of(v[i]) != i + 1)
                abort();
            if (!v[i])
                series_cache_put(c, round * 20 * MINUTE, keys[i], series_value(i + 1, 0, 0));
        }
        series_cache_forget(c, keys[round]);
        series_cache_set_max(c, round % 2 ? 1000 : 100000);
        (void)series_cache_status(c);
    }
    return NULL;
}

static void threads_may_do_all_of_it_at_once(void **state)
{
    (void)state;
    struct series_cache *c = series_cache_new(100000);
    pthread_t threads[4];
    for (size_t i = 0; i < GV_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
    for (size_t i = 0; i < GV_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    series_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(an_entry_takes_less_than_32_bytes),
        cmocka_unit_test(what_is_not_seen_for_long_is_forgotten),
        cmocka_unit_test(a_request_that_is_late_forgets_nothing),
        cmocka_unit_test(a_lower_limit_is_kept_soon),
        cmocka_unit_test(above_the_limit_the_oldest_make_room),
        cmocka_unit_test(threads_may_do_all_of_it_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
