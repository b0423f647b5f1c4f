/* Requests of remote read: the first byte says whether the rest is a snappy block or the message in it. What is taken
 * can be written, and is then read as the same. */
#include "codec/remote_read.h"
#include "codec/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 20 };

static void print_query(struct gv_buf *out, const struct gv_select *q)
{
    gv_buf_printf(out, "%lld %lld %lld %lld %d ", (long long)q->min_time, (long long)q->max_time, (long long)q->step,
                  (long long)q->range, q->by);
    gv_buf_add_quoted(out, q->func);
    for (size_t i = 0; i < q->n_grouping; i++)
        gv_buf_add_quoted(out, q->grouping[i]);
    for (size_t i = 0; i < q->n_matchers; i++)
        gv_matcher_print(out, &q->matchers[i]);
    gv_buf_addc(out, '\n');
}

static bool decode(struct gv_arena *a, struct gv_slice block, struct gv_read_request *r, struct gv_buf *text)
{
    struct gv_err err = {0};
    if (!gv_read_request_decode(a, block, MAX_BYTES, r, &err)) {
        if (err.code != GV_BAD_DATA && err.code != GV_TOO_LARGE && err.code != GV_EXECUTION)
            gv_die("a failure of code %d: %s", err.code, err.msg);
        return false;
    }
    gv_buf_printf(text, "type %d\n", r->type);
    for (size_t i = 0; i < r->n; i++)
        print_query(text, &r->queries[i]);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 4096)
        return 0;
    struct gv_slice rest = {(const char *)data + 1, size - 1};
    struct gv_buf block = GV_BUF_INIT, again = GV_BUF_INIT, text = GV_BUF_INIT, text_again = GV_BUF_INIT;
    if (*data % 2)
        gv_snappy_encode(&block, rest);
    else
        gv_buf_add_slice(&block, rest);
    struct gv_budget budget;
    struct gv_arena a;
    struct gv_read_request r;
    gv_budget_init(&budget, "test", 64 << 20, GV_EXECUTION, NULL);
    gv_arena_init(&a, &budget);
    if (decode(&a, gv_buf_slice(&block), &r, &text)) {
        gv_read_request_encode(&again, r.queries, r.n, r.type == GV_READ_STREAMED);
        if (!decode(&a, gv_buf_slice(&again), &r, &text_again) ||
            !gv_slice_eq(gv_buf_slice(&text), gv_buf_slice(&text_again)))
            gv_die("read:\n%s\nand again:\n%s", gv_buf_cstr(&text), gv_buf_cstr(&text_again));
    }
    gv_arena_fini(&a);
    gv_buf_fini(&block);
    gv_buf_fini(&again);
    gv_buf_fini(&text);
    gv_buf_fini(&text_again);
    return 0;
}
