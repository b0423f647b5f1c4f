/* The parser and the printers: what parses prints as a text that parses to an equal tree, on one line, broken up and
 * as it is sent on. The first byte chooses the features. */
#include "promql/parse.h"
#include "promql/print.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(struct gv_arena *a, const struct gv_expr *e, struct gv_slice text, unsigned features)
{
    struct gv_err err = {0};
    struct gv_expr *again = gv_promql_parse(a, text, features, &err);
    if (!again)
        gv_die("the printed text does not parse: %s: %.*s", err.msg, GV_ARG(text));
    if (!gv_expr_equal(e, again))
        gv_die("the printed text is another expression: %.*s", GV_ARG(text));
}

static void print_and_parse(struct gv_arena *a, const struct gv_expr *e, unsigned features)
{
    static void (*const printers[])(struct gv_buf *, const struct gv_expr *) = {gv_promql_print, gv_promql_print_sent,
                                                                                gv_promql_pretty};
    for (size_t i = 0; i < GV_COUNT(printers); i++) {
        struct gv_buf text = GV_BUF_INIT;
        printers[i](&text, e);
        if (text.n <= GV_QUERY_MAX_BYTES)
            comes_back(a, e, gv_buf_slice(&text), features);
        gv_buf_fini(&text);
    }
    struct gv_buf json = GV_BUF_INIT;
    gv_promql_json(&json, e);
    gv_buf_fini(&json);
}

/* match[] parameters and the series of test scripts: an answer or an error, not both. */
static void other_entries(struct gv_arena *a, struct gv_slice text)
{
    struct gv_err err = {0};
    if (!gv_promql_parse_selector(a, text, &err) != (err.code != GV_OK))
        gv_die("a selector and an error, or neither: %s", err.msg);
    size_t used = 0;
    err = (struct gv_err){0};
    if (!gv_promql_parse_metric(a, text, &used, &err) != (err.code != GV_OK))
        gv_die("a metric and an error, or neither: %s", err.msg);
    if (used > text.n)
        gv_die("%zu bytes of %zu were used", used, text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned features = data[0] == '-' ? 0 : ~0u;
    struct gv_slice text = {(const char *)data + 1, size - 1};
    struct gv_arena a;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    struct gv_expr *e = gv_promql_parse(&a, text, features, &err);
    if (!e != (err.code != GV_OK))
        gv_die("an error without a message, or a message without an error");
    if (e)
        print_and_parse(&a, e, features);
    other_entries(&a, text);
    gv_arena_fini(&a);
    return 0;
}
