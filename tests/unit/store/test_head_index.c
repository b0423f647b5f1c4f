/* Symbols and postings against tables that do nothing clever. */
#include "store/head_postings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static uint32_t random_below(uint32_t n)
{
    static uint64_t seed = 88172645463325252;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

/* ---- Symbols ---- */

static struct gv_slice text_of(char buffer[32], uint32_t i)
{
    snprintf(buffer, 32, "text-%u", i);
    return gv_slice_of(buffer);
}

static void symbols_are_counted(void **state)
{
    enum { TEXTS = 5000, STEPS = 200000 };
    static uint32_t counts[TEXTS], ids[TEXTS];
    struct symbols s;
    char buffer[32];
    (void)state;
    symbols_init(&s);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = random_below(TEXTS);
        struct gv_slice text = text_of(buffer, i);
        assert_int_equal(symbols_find(&s, text), counts[i] ? ids[i] : SYMBOL_NONE);
        if (counts[i] && random_below(5) < 2) {
            symbols_give(&s, ids[i]);
            counts[i]--;
            continue;
        }
        uint32_t guess = random_below(2) ? ids[i] : random_below(2 * TEXTS); /* right, another's, free or never made */
        uint32_t id = random_below(2) ? symbols_take(&s, text) : symbols_take_guessed(&s, text, guess);
        if (counts[i]++)
            assert_int_equal(id, ids[i]);
        ids[i] = id;
        assert_true(gv_slice_eq(symbols_text(&s, id), text));
    }
    assert_true(s.made <= TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++)
        while (counts[i] && counts[i]--)
            symbols_give(&s, ids[i]);
    assert_int_equal(s.in_use, 0);
    assert_int_equal(s.bytes, 0);
    symbols_fini(&s);
}

/* ---- Postings ---- */

enum { NAMES = 4, VALUES = 6, SERIES = 4000 };

struct made {
    uint64_t id;
    uint32_t labels[2 * NAMES];
    uint32_t n;
    bool gone;
};

static void assert_numbers(const struct postings_list *l, const uint64_t *expected, size_t n)
{
    assert_int_equal(l ? l->n : 0, n);
    uint64_t *copy = malloc((n + 1) * sizeof *copy);
    if (l)
        postings_copy(l, l->n, copy);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(copy[i], expected[i]);
        assert_int_equal(postings_at(l, (uint32_t)i), expected[i]);
    }
    free(copy);
}

/* Values in no order. */
static void assert_values(const struct postings *p, uint32_t name, const bool *there)
{
    size_t n = 0, found = 0;
    const struct postings_list *l = postings_values(p, name);
    for (uint32_t v = 0; v < VALUES; v++)
        n += there[v];
    assert_int_equal(l ? l->n : 0, n);
    for (uint32_t i = 0; l && i < l->n; i++)
        found += there[postings_at(l, i) - 100];
    assert_int_equal(found, n);
}

static void compare(const struct postings *p, const struct made *made, size_t n)
{
    static uint64_t expected[SERIES];
    size_t names = 0;
    for (uint32_t name = 0; name < NAMES; name++) {
        bool there[VALUES] = {false}, any = false;
        for (uint32_t v = 0; v < VALUES; v++) {
            size_t of_pair = 0;
            for (size_t i = 0; i < n; i++)
                for (uint32_t l = 0; !made[i].gone && l < made[i].n; l++)
                    if (made[i].labels[2 * l] == name && made[i].labels[2 * l + 1] == 100 + v)
                        expected[of_pair++] = made[i].id;
            assert_numbers(postings_find(p, name, 100 + v), expected, of_pair);
            there[v] = of_pair > 0;
            any |= there[v];
        }
        assert_values(p, name, there);
        names += any;
    }
    assert_int_equal(postings_names(p) ? postings_names(p)->n : 0, names);
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        if (!made[i].gone)
            expected[all++] = made[i].id;
    assert_numbers(&p->all, expected, all);
}

static void add(struct postings *p, struct made *m, uint64_t id)
{
    *m = (struct made){.id = id};
    for (uint32_t name = 0; name < NAMES; name++)
        if (random_below(4)) {
            m->labels[2 * m->n] = name;
            m->labels[2 * m->n++ + 1] = 100 + (random_below(3) ? name : random_below(VALUES));
        }
    postings_add(p, id, m->labels, m->n);
}

/* Those of one in `part` series that are there. */
static void remove_some(struct postings *p, struct made *made, size_t n, uint32_t part)
{
    static uint64_t gone[SERIES];
    size_t n_gone = 0;
    for (size_t i = 0; i < n; i++)
        if (!made[i].gone && !random_below(part)) {
            made[i].gone = true;
            gone[n_gone++] = made[i].id;
        }
    for (uint32_t name = 0; name < NAMES; name++)
        for (uint32_t v = 0; v < VALUES; v++)
            postings_remove(p, name, 100 + v, gone, n_gone);
    postings_remove_all(p, gone, n_gone);
}

static void check_postings(uint64_t step)
{
    static struct made made[SERIES];
    struct postings p;
    uint64_t id = 1;
    postings_init(&p);
    for (size_t i = 0; i < SERIES; i++) {
        add(&p, &made[i], id);
        id += 1 + (random_below(10) ? 0 : step);
        if (i % 400 == 7)
            compare(&p, made, i + 1);
        if (i % 500 == 13) {
            remove_some(&p, made, i + 1, 1 + random_below(6));
            compare(&p, made, i + 1);
        }
    }
    remove_some(&p, made, SERIES, 1);
    compare(&p, made, SERIES);
    assert_int_equal(p.pairs, 0);
    assert_int_equal(p.in_use, 0);
    assert_int_equal(p.numbers_bytes, 0);
    postings_fini(&p);
}

static void postings_are_what_was_added(void **state)
{
    (void)state;
    check_postings(5);
}

static void numbers_of_more_than_32_bits_apart_are_kept(void **state)
{
    (void)state;
    check_postings(UINT64_C(1) << 27); /* some lists are wide, and narrow again later */
    check_postings(UINT64_C(1) << 34);
}

static void many_values_are_kept_apart(void **state)
{
    enum { MANY = 20000 };
    struct postings p;
    (void)state;
    postings_init(&p);
    for (uint32_t i = 0; i < MANY; i++)
        postings_add(&p, i + 1, (uint32_t[]){7, 1000 + i}, 1);
    assert_int_equal(postings_values(&p, 7)->n, MANY);
    for (uint32_t i = 0; i < MANY; i += 2)
        postings_remove(&p, 7, 1000 + i, (uint64_t[]){i + 1}, 1);
    assert_int_equal(postings_values(&p, 7)->n, MANY / 2);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(postings_find(&p, 7, 1000 + i) != NULL, i % 2);
    postings_fini(&p);
}

static void room_is_given_back(void **state)
{
    enum { MANY = 100000, LEFT = 10, BYTES = 1 << 17 };
    (void)state;
    struct postings p;
    postings_init(&p);
    for (uint32_t i = 1; i <= MANY; i++)
        postings_add(&p, i, (uint32_t[]){7, 1000 + i}, 1);
    assert_true(postings_memory(&p) > BYTES);
    for (uint64_t i = LEFT + 1; i <= MANY; i++) {
        postings_remove(&p, 7, 1000 + (uint32_t)i, &i, 1);
        if (i % (MANY / 10) == 0)
            assert_int_equal(postings_values(&p, 7)->n, LEFT + MANY - i);
    }
    uint64_t all[MANY];
    for (uint64_t i = 0; i < MANY - LEFT; i++)
        all[i] = LEFT + 1 + i;
    postings_remove_all(&p, all, MANY - LEFT);
    assert_true(postings_memory(&p) < BYTES);
    assert_int_equal(postings_values(&p, 7)->n, LEFT);
    for (uint32_t i = 1; i <= LEFT; i++)
        assert_int_equal(postings_find(&p, 7, 1000 + i)->n, 1);
    postings_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_counted),
        cmocka_unit_test(postings_are_what_was_added),
        cmocka_unit_test(numbers_of_more_than_32_bits_apart_are_kept),
        cmocka_unit_test(many_values_are_kept_apart),
        cmocka_unit_test(room_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
