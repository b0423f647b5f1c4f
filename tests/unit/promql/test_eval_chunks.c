/* Series held as chunks answer as those held as samples. */
#include "codec/chunk_xor.h"
#include "eval_support.h"

static double value_at(uint32_t i)
{
    double stale;
    uint64_t bits = GV_STALE_BITS;
    memcpy(&stale, &bits, sizeof stale);
    return i == 77 ? stale : i % 50 == 0 ? 0 : i * 1.5;
}

/* Every so manyth sample from `from` on, below `to`; the last is to - 1. */
static struct gv_chunk encode_some(struct bed *b, uint32_t from, uint32_t to, uint32_t every)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (uint32_t i = from; i < to; i += every)
        assert_true(gv_xor_encoder_append(&e, 15000 * (int64_t)i, value_at(i)));
    struct gv_slice bytes = gv_arena_dup(&b->arena, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    return (struct gv_chunk){15000 * (int64_t)from, 15000 * (int64_t)(to - 1), (const uint8_t *)bytes.p,
                             (uint32_t)bytes.n, GV_CHUNK_XOR};
}

static struct gv_chunk encode(struct bed *b, uint32_t from, uint32_t to)
{
    return encode_some(b, from, to, 1);
}

static void add_chunks(struct bed *b, const char *metric, const struct gv_chunk *chunks, uint32_t n)
{
    struct gv_column c = {.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, n}};
    gv_memory_source_add(&b->source, bed_labels(b, metric), &c);
}

static double raw_value(uint32_t i, double seed)
{
    (void)seed;
    return value_at(i);
}

/* x as samples, y as chunks one behind the other, z as chunks that overlap, v as two that fill each other's holes. */
static void load(struct bed *b)
{
    bed_init(b);
    bed_add(b, "x", 200, 15000, raw_value, 0);
    struct gv_chunk *apart = gv_arena_array(&b->arena, struct gv_chunk, 3);
    apart[0] = encode(b, 0, 70);
    apart[1] = encode(b, 70, 78);
    apart[2] = encode(b, 78, 200);
    add_chunks(b, "y", apart, 3);
    struct gv_chunk *overlapping = gv_arena_array(&b->arena, struct gv_chunk, 3);
    overlapping[0] = encode(b, 0, 90);
    overlapping[1] = encode(b, 60, 120);
    overlapping[2] = encode(b, 119, 200);
    add_chunks(b, "z", overlapping, 3);
    struct gv_chunk *interleaved = gv_arena_array(&b->arena, struct gv_chunk, 2);
    interleaved[0] = encode_some(b, 0, 199, 2);
    interleaved[1] = encode_some(b, 1, 200, 2);
    add_chunks(b, "v", interleaved, 2);
    gv_memory_source_seal(&b->source);
}

static void chunks_answer_as_samples(void **state)
{
    (void)state;
    static const char *const queries[] = {"%s + 0",
                                          "timestamp(%s)",
                                          "rate(%s[5m])",
                                          "count_over_time(%s[10m])",
                                          "sum_over_time(%s[61s] offset 7m)",
                                          "max_over_time(%s[2m:13s])",
                                          "sum(%s @ 1800)"};
    struct bed b;
    load(&b);
    bed_over(&b, 0, 3300000, 37000);
    for (size_t i = 0; i < GV_COUNT(queries); i++) {
        const char *expected = NULL;
        for (const char *metric = "x"; *metric; metric = *metric == 'x'   ? "y"
                                                         : *metric == 'y' ? "z"
                                                         : *metric == 'z' ? "v"
                                                                          : "") {
            struct gv_buf q = GV_BUF_INIT;
            gv_buf_add(&q, queries[i], strcspn(queries[i], "%"));
            gv_buf_adds(&q, metric);
            gv_buf_adds(&q, strchr(queries[i], '%') + 2);
            if (!bed_run(&b, gv_buf_cstr(&q)))
                fail_msg("%s: %s", gv_buf_cstr(&q), b.err.msg);
            const char *text = bed_text(&b);
            assert_true(strlen(text) > 100);
            if (expected)
                assert_string_equal(text, expected);
            expected = text;
            gv_buf_fini(&q);
        }
    }
    bed_fini(&b);
}

static void a_damaged_chunk_is_an_error(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    struct gv_chunk cut = encode(&b, 0, 70);
    cut.size -= 10;
    add_chunks(&b, "y", &cut, 1);
    gv_memory_source_seal(&b.source);
    bed_at(&b, 600000);
    assert_false(bed_run(&b, "y"));
    assert_int_equal(b.err.code, GV_INTERNAL);
    assert_false(bed_run(&b, "sum(rate(y[5m]))"));
    assert_int_equal(b.err.code, GV_INTERNAL);
    bed_at(&b, 6000000); /* out of the chunk's time: it is not read */
    assert_query(&b, "y", "");
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_answer_as_samples),
        cmocka_unit_test(a_damaged_chunk_is_an_error),
    };
    return cmocka_run_group_tests_name("promql.eval_chunks", tests, NULL, NULL);
}
