/* Threads read a block while samples of it are deleted and while it is forgotten: each read sees every series as it was
 * before a deletion or after it. */
#include "block_support.h"

enum { THREADS = 4, SERIES = 20, SAMPLES = 200, DELETIONS = 20, STEP = 1000 };

static struct block *block;
static _Atomic bool done;

/* Deletions take away the samples from the first on, some more each time, of every series. */
static bool looks_right(const struct store_series *s)
{
    enum { PER_CHUNK = 120 };
    bool first_gone = s->n_deleted && s->deleted->max_time >= (PER_CHUNK - 1) * STEP;
    return s->n_chunks + first_gone == (SAMPLES + PER_CHUNK - 1) / PER_CHUNK &&
           (s->n_deleted == 0 || (s->n_deleted == 1 && s->deleted->min_time == 0 &&
                                  s->deleted->max_time % (SAMPLES / DELETIONS * STEP) == 0));
}

static void *read_on(void *arg)
{
    struct block *own = block_get(block);
    struct store_reader *r = block_reader(own);
    bool *ok = arg;
    *ok = true;
    for (bool last = false; !last;) {
        struct gv_arena a;
        uint64_t *series;
        size_t n;
        last = done;
        gv_arena_init(&a, NULL);
        *ok &= r->ops->select(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n, NULL) && n == SERIES;
        for (size_t i = 0; *ok && i < n; i++) {
            struct store_series s;
            *ok = r->ops->series(r, &a, series[i], INT64_MIN, INT64_MAX, &s, NULL) && looks_right(&s);
        }
        gv_arena_fini(&a);
    }
    block_put(own);
    return NULL;
}

static void readers_see_before_or_after(void **state)
{
    (void)state;
    struct given series[SERIES];
    pthread_t threads[THREADS];
    bool ok[THREADS];
    struct gv_err err = {0};
    for (int i = 0; i < SERIES; i++)
        series[i] = (struct given){labels_of(gv_arena_printf(&arena, "m{i=\"%02d\"}", i)), floats(0, STEP, SAMPLES)};
    block = make_block(series, SERIES, 120, 0, SAMPLES * STEP);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &ok[i]), 0);
    for (int64_t i = 1; i < DELETIONS; i++)
        assert_true(block_delete(block, NULL, 0, 0, i * (SAMPLES / DELETIONS) * STEP, &err));
    block_forget(block);
    done = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(ok[i]);
    }
    assert_int_equal(block_meta(block)->tombstones, SERIES);
    block_put(block);
    run_command("[ -z \"$(ls '%s')\" ]", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_see_before_or_after, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
