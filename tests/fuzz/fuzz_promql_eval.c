/* Well-typed queries from the fuzzer's bytes over series from the same bytes. One worker and several must give the
 * same result bit for bit, and no query may hold more memory than its budget and the overdraft. */
#include "base/number.h"
#include "promql/eval.h"
#include "promql/memory_source.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { OVERDRAFT = 1 << 20, BUDGET = 8 << 20, MAX_DEPTH = 5 };

struct bytes {
    const uint8_t *at, *end;
    uint64_t beyond; /* what follows the end, so that a few bytes make a query and many series */
    unsigned depth;
};

static unsigned take(struct bytes *b, unsigned below)
{
    if (b->at < b->end)
        return *b->at++ % below;
    b->beyond = b->beyond * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(b->beyond >> 33) % below;
}

/* ---- Queries ---- */

#define ONE_OF(b, list) (list)[take((b), GV_COUNT(list))]

static const char *const selectors[] = {"m", "n", "h", "{l=\"a\"}", "m{i!=\"1\"}", "{__name__=~\"m|n\"}", "nope", "b"};
static const char *const ranges[] = {"1m", "5m", "31s", "10m"};
static const char *const shifts[] = {
    "", "", "", " offset 1m", " @ 300", " @ end()", " offset -90s", " @ start() offset 7s"};
static const char *const over[] = {"rate",
                                   "increase",
                                   "delta",
                                   "sum_over_time",
                                   "avg_over_time",
                                   "max_over_time",
                                   "count_over_time",
                                   "last_over_time",
                                   "changes",
                                   "resets",
                                   "stddev_over_time",
                                   "irate",
                                   "deriv",
                                   "absent_over_time",
                                   "first_over_time",
                                   "mad_over_time",
                                   "idelta",
                                   "min_over_time",
                                   "stdvar_over_time",
                                   "present_over_time",
                                   "ts_of_max_over_time",
                                   "ts_of_last_over_time"};
static const char *const extended[] = {"rate", "increase", "delta", "changes", "resets"};
static const char *const each[] = {"abs",
                                   "-",
                                   "timestamp",
                                   "sgn",
                                   "histogram_count",
                                   "hour",
                                   "ceil",
                                   "sort",
                                   "absent",
                                   "histogram_avg",
                                   "sort_desc",
                                   "info",
                                   "exp",
                                   "histogram_sum",
                                   "histogram_stddev",
                                   "start_timestamp"};
static const char *const sums[] = {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"};
static const char *const by[] = {"", " by (l)", " without (i)", " by (l, i)", " by ()", " without ()"};
static const char *const arithmetic[] = {"+", "-", "*", "/", "%", "^", "==", "!= bool", "<", ">= bool", "atan2", "</"};
static const char *const matching[] = {"",
                                       " on (l)",
                                       " ignoring (i)",
                                       " on (l) group_left (i)",
                                       " on (i) group_right ()",
                                       " on ()",
                                       " ignoring () fill (1)",
                                       " on (l, i) fill_left (2)"};
static const char *const sets[] = {" and", " or", " unless"};
static const char *const numbers[] = {"1", "0", "2.5", "-3", "NaN", "Inf", "0.9", "1e300"};

static void vector(struct bytes *b, struct gv_buf *q);

static void scalar(struct bytes *b, struct gv_buf *q)
{
    switch (b->depth > MAX_DEPTH ? 0 : take(b, 6)) {
    case 1:
        gv_buf_adds(q, "time()");
        break;
    case 2:
        gv_buf_adds(q, "scalar(");
        vector(b, q);
        gv_buf_addc(q, ')');
        break;
    default:
        gv_buf_adds(q, ONE_OF(b, numbers));
    }
}

static void range(struct bytes *b, struct gv_buf *q)
{
    if (b->depth > MAX_DEPTH - 2 || take(b, 3)) {
        gv_buf_printf(q, "%s[%s]%s", ONE_OF(b, selectors), ONE_OF(b, ranges), ONE_OF(b, shifts));
        return;
    }
    gv_buf_addc(q, '(');
    vector(b, q);
    gv_buf_printf(q, ")[%s:%s]%s", ONE_OF(b, ranges), take(b, 2) ? "30s" : "47s", ONE_OF(b, shifts));
}

static void aggregation(struct bytes *b, struct gv_buf *q)
{
    static const char *const with_number[] = {"topk", "bottomk", "quantile", "limitk", "limit_ratio"};
    unsigned kind = take(b, 8);
    gv_buf_printf(q, "%s%s (",
                  kind == 0  ? "count_values"
                  : kind < 4 ? ONE_OF(b, with_number)
                             : ONE_OF(b, sums),
                  ONE_OF(b, by));
    if (kind == 0)
        gv_buf_adds(q, "\"v\", ");
    if (kind > 0 && kind < 4) {
        scalar(b, q);
        gv_buf_adds(q, ", ");
    }
    vector(b, q);
    gv_buf_addc(q, ')');
}

static void binary(struct bytes *b, struct gv_buf *q)
{
    unsigned kind = take(b, 4);
    gv_buf_addc(q, '(');
    if (kind == 0) {
        scalar(b, q);
        gv_buf_printf(q, ") %s (", ONE_OF(b, arithmetic));
        vector(b, q);
    } else {
        vector(b, q);
        if (kind == 1)
            gv_buf_printf(q, ") %s (", ONE_OF(b, arithmetic));
        else if (kind == 2)
            gv_buf_printf(q, ") %s%s (", ONE_OF(b, arithmetic), ONE_OF(b, matching));
        else
            gv_buf_printf(q, ")%s%s (", ONE_OF(b, sets), take(b, 2) ? " on (l)" : "");
        if (kind == 1)
            scalar(b, q);
        else
            vector(b, q);
    }
    gv_buf_addc(q, ')');
}

static void extended_range(struct bytes *b, struct gv_buf *q)
{
    const char *kind = take(b, 2) ? "anchored" : "smoothed";
    gv_buf_printf(q, "%s(%s[%s] %s%s)", ONE_OF(b, extended), ONE_OF(b, selectors), ONE_OF(b, ranges), kind,
                  ONE_OF(b, shifts));
}

/* A function of a vector, and what stands before and behind it. */
static void wrapped(struct bytes *b, struct gv_buf *q)
{
    static const char *const around[][2] = {{"label_join(", ", \"l\", \"-\", \"i\", \"l\")"},
                                            {"histogram_fraction(0, 5, ", ")"},
                                            {"histogram_quantiles(", ", \"q\", 0.1, 0.9)"},
                                            {"round(", ", 0.1)"},
                                            {"clamp(", ", -1, 7)"},
                                            {"info(", ", {d=~\".+\"})"},
                                            {"sort_by_label(", ", \"i\")"}};
    const char *const *text = ONE_OF(b, around);
    gv_buf_adds(q, text[0]);
    vector(b, q);
    gv_buf_adds(q, text[1]);
}

static void function(struct bytes *b, struct gv_buf *q)
{
    switch (take(b, 10)) {
    case 8:
        extended_range(b, q);
        return;
    case 9:
        wrapped(b, q);
        return;
    case 0:
        gv_buf_adds(q, "label_replace(");
        vector(b, q);
        gv_buf_adds(q, take(b, 2) ? ", \"i\", \"$1\", \"l\", \"(.*)\")" : ", \"__name__\", \"z\", \"l\", \"a\")");
        return;
    case 1:
        gv_buf_adds(q, "histogram_quantile(");
        scalar(b, q);
        gv_buf_adds(q, ", ");
        vector(b, q);
        break;
    case 2:
        gv_buf_adds(q, "quantile_over_time(");
        scalar(b, q);
        gv_buf_adds(q, ", ");
        range(b, q);
        break;
    case 3:
        gv_buf_adds(q, "clamp_max(");
        vector(b, q);
        gv_buf_adds(q, ", ");
        scalar(b, q);
        break;
    case 4:
        gv_buf_adds(q, "vector(");
        scalar(b, q);
        break;
    default:
        gv_buf_printf(q, "%s(", ONE_OF(b, over));
        range(b, q);
    }
    gv_buf_addc(q, ')');
}

static void vector(struct bytes *b, struct gv_buf *q)
{
    b->depth++;
    switch (b->depth > MAX_DEPTH ? 0 : take(b, 8)) {
    case 1:
    case 2:
        aggregation(b, q);
        break;
    case 3:
    case 4:
        binary(b, q);
        break;
    case 5:
    case 6:
        function(b, q);
        break;
    case 7:
        gv_buf_printf(q, "%s(", ONE_OF(b, each));
        vector(b, q);
        gv_buf_addc(q, ')');
        break;
    default:
        gv_buf_printf(q, "%s%s", ONE_OF(b, selectors), ONE_OF(b, shifts));
    }
    b->depth--;
}

/* ---- Series ---- */

static double value_of(struct bytes *b, double last)
{
    switch (take(b, 16)) {
    case 0:
        return NAN;
    case 1: {
        uint64_t bits = GV_STALE_BITS;
        double stale;
        memcpy(&stale, &bits, sizeof stale);
        return stale;
    }
    case 2:
        return take(b, 2) ? INFINITY : -INFINITY;
    case 3:
        return 0;
    case 4:
        return -0.1 * take(b, 256);
    default:
        return (isfinite(last) ? last : 0) + take(b, 256) / 8.0;
    }
}

static const struct gv_histogram *histogram_of(struct gv_arena *a, struct bytes *b)
{
    static const struct gv_span spans[] = {{0, 2}, {3, 1}};
    static const double bounds[] = {1, 5, 10};
    struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
    double *counts = gv_arena_array(a, double, 3);
    for (int i = 0; i < 3; i++)
        h->count += counts[i] = take(b, 16);
    h->sum = take(b, 256);
    h->reset_hint = take(b, 4);
    bool custom = take(b, 5) == 0;
    h->schema = custom ? GV_HISTOGRAM_CUSTOM_SCHEMA : (int32_t)take(b, 3);
    if (custom) {
        h->bounds = bounds;
        h->n_bounds = 3;
    }
    static const struct gv_span whole = {0, 3};
    h->positive = (struct gv_buckets){custom ? &whole : spans, counts, custom ? 1 : 2, 3};
    return h;
}

static void add_series(struct gv_memory_source *m, struct gv_arena *a, struct bytes *b, unsigned i)
{
    static const char *const metrics[] = {"m", "n", "h", "b", "target_info"};
    struct gv_label labels[6];
    size_t n_labels = 0;
    const char *metric = metrics[i % GV_COUNT(metrics)];
    labels[n_labels++] = (struct gv_label){GV_LABEL_NAME, gv_slice_of(metric)};
    if (*metric == 't')
        labels[n_labels++] = (struct gv_label){GV_S("d"), i & 4 ? GV_S("x") : GV_S("y")};
    labels[n_labels++] = (struct gv_label){GV_S("i"), gv_slice_of(gv_arena_printf(a, "%u", i / 5))};
    labels[n_labels++] = (struct gv_label){GV_S("job"), i & 2 ? GV_S("j") : GV_S("k")};
    labels[n_labels++] = (struct gv_label){GV_S("l"), i & 1 ? GV_S("a") : GV_S("")};
    if (*metric == 'b')
        labels[n_labels++] = (struct gv_label){GV_S("le"), i & 8 ? GV_S("+Inf") : GV_S("1")};
    uint32_t n = 20 + take(b, 20);
    int64_t *times = gv_arena_array(a, int64_t, n);
    double *values = gv_arena_array(a, double, n), last = 0;
    const struct gv_histogram **histograms = *metric == 'h' ? gv_arena_array(a, const struct gv_histogram *, n) : NULL;
    for (uint32_t j = 0; j < n; j++) {
        times[j] = (j ? times[j - 1] : 0) + 5000 + 1000 * take(b, 30);
        values[j] = last = value_of(b, last);
        if (histograms && take(b, 5))
            histograms[j] = histogram_of(a, b);
    }
    struct gv_column c = {.kind = GV_COLUMN_RAW,
                          .raw = {.times = times, .values = values, .histograms = histograms, .n = n}};
    gv_memory_source_add(m, gv_labels_make(a, labels, n_labels), &c);
}

/* ---- Running ---- */

static void run_backwards(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n)
{
    (void)x;
    while (n-- > 0)
        fn(arg, n);
}

static void add_bits(struct gv_buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (isnan(v))
        gv_buf_adds(out, " NaN");
    else
        gv_buf_printf(out, " %llx", (unsigned long long)bits);
}

static void print_notes(struct gv_buf *out, const struct gv_slice *notes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(out, "%.*s\n", GV_ARG(notes[i]));
}

static void print_result(struct gv_buf *out, const struct gv_result *r)
{
    gv_buf_printf(out, "%d %zu %g\n", (int)r->type, r->n, r->scalar);
    print_notes(out, r->notes.warnings, r->notes.n_warnings);
    print_notes(out, r->notes.infos, r->notes.n_infos);
    for (size_t i = 0; i < r->n; i++) {
        const struct gv_column *c = &r->series[i].column;
        gv_labels_print(out, r->series[i].labels);
        for (uint32_t j = 0; c->kind == GV_COLUMN_STEPS && j < r->grid.n; j++) {
            const struct gv_histogram *h = c->steps.histograms ? c->steps.histograms[j] : NULL;
            if (!gv_bit(c->steps.present, j))
                gv_buf_adds(out, " _");
            else if (h)
                gv_histogram_print(out, h);
            else
                add_bits(out, c->steps.values[j]);
        }
        gv_buf_addc(out, '\n');
    }
}

static void evaluate(const struct gv_eval_options *base, unsigned workers, struct gv_buf *out)
{
    struct gv_executor x = {workers, run_backwards};
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", BUDGET, GV_EXECUTION, NULL);
    struct gv_eval_options o = *base;
    o.executor = &x;
    o.budget = &budget;
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_err err = {0};
    struct gv_result r;
    struct gv_eval_stats stats = {0};
    struct gv_expr *e = gv_promql_parse(&a, o.text, o.features, &err);
    if (e && gv_promql_eval(&a, e, &o, &r, &stats, &err))
        print_result(out, &r);
    else
        gv_buf_printf(out, "error %d", (int)err.code);
    if (err.code == GV_INTERNAL)
        gv_die("%.*s: %s", GV_ARG(o.text), err.msg);
    if (budget.peak > BUDGET + OVERDRAFT)
        gv_die("%.*s holds %lld bytes", GV_ARG(o.text), (long long)budget.peak);
    gv_arena_fini(&a);
    if (budget.used != 0)
        gv_die("%.*s leaves %lld bytes", GV_ARG(o.text), (long long)budget.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data, data + size, gv_hash(data, size), 0};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_eval_options o = {.lookback = 120000, .default_step = 60000, .max_samples = 300000};
    o.features = GV_FEATURE_EXPERIMENTAL_FUNCTIONS | GV_FEATURE_BINOP_FILL_MODIFIERS |
                 GV_FEATURE_EXTENDED_RANGE_SELECTORS | (take(&b, 2) ? GV_FEATURE_DELAYED_NAME_REMOVAL : 0);
    o.start = take(&b, 2) ? 0 : 300000;
    o.step = take(&b, 3) ? 1000 * (1 + (int64_t)take(&b, 60)) : 0;
    o.end = o.step ? o.start + o.step * take(&b, 150) : o.start;
    struct gv_buf query = GV_BUF_INIT, alone = GV_BUF_INIT, together = GV_BUF_INIT;
    vector(&b, &query);
    o.text = gv_buf_slice(&query);
    struct gv_memory_source m;
    gv_memory_source_init(&m, &a);
    for (unsigned i = 0, n = 1 + take(&b, 24); i < n; i++)
        add_series(&m, &a, &b, i);
    gv_memory_source_seal(&m);
    o.source = &m.source;
    evaluate(&o, 1, &alone);
    evaluate(&o, 4, &together);
    if (getenv("FUZZ_PRINT"))
        printf("%.*s\n  %.*s\n", GV_ARG(o.text), (int)strcspn(gv_buf_cstr(&alone), "\n"), gv_buf_cstr(&alone));
    if (!gv_slice_eq(gv_buf_slice(&alone), gv_buf_slice(&together)))
        gv_die("%.*s\none worker:\n%s\nfour workers:\n%s", GV_ARG(o.text), gv_buf_cstr(&alone), gv_buf_cstr(&together));
    gv_buf_fini(&query);
    gv_buf_fini(&alone);
    gv_buf_fini(&together);
    gv_arena_fini(&a);
    return 0;
}
