/* Query strings: what was read, escaped and read again is the same; a segment survives its own escaping. */
#include "net/url.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_query(struct gv_arena *a, struct gv_slice raw)
{
    struct gv_url_params params = {0}, again = {0};
    struct gv_err err = {0};
    if (!gv_url_parse_query(a, raw, &params, &err)) {
        check(err.code == GV_BAD_DATA);
        return;
    }
    struct gv_buf text = GV_BUF_INIT;
    for (size_t i = 0; i < params.n; i++)
        gv_url_add_param(&text, gv_arena_dup(a, params.items[i].key).p, params.items[i].value);
    check(gv_url_parse_query(a, gv_buf_slice(&text), &again, &err));
    check(again.n == params.n);
    for (size_t i = 0; i < params.n; i++) {
        check(gv_slice_is(again.items[i].key, gv_arena_dup(a, params.items[i].key).p)); /* keys end at a NUL here */
        check(gv_slice_eq(again.items[i].value, params.items[i].value));
    }
    gv_buf_fini(&text);
}

static void check_segment(struct gv_arena *a, struct gv_slice raw)
{
    struct gv_buf text = GV_BUF_INIT;
    struct gv_slice back, decoded;
    struct gv_err err = {0};
    gv_url_add_segment_escaped(&text, raw);
    check(gv_url_decode_segment(a, gv_buf_slice(&text), &back, &err));
    check(gv_slice_eq(back, raw));
    if (gv_url_decode_segment(a, raw, &decoded, &err))
        check(decoded.n <= raw.n);
    gv_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_slice raw = {(const char *)data, size};
    check_query(&a, raw);
    check_segment(&a, raw);
    gv_arena_fini(&a);
    return 0;
}
