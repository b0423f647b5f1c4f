/* Well-typed queries from the fuzzer's bytes, planned over sources of many kinds, against the same query over one
 * source with all series. Plans are the same each time, and what they send parses (the sources evaluate the text). */
#include "../support/planned.h"
#include "plan/refused.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_DEPTH = 4, MINUTE = 60000, SAMPLES = 40 };

struct bytes {
    const uint8_t *at, *end;
    uint64_t beyond; /* what follows the end */
    unsigned depth;
    bool loose; /* the query has a choice: which series are picked is not said */
};

static unsigned take(struct bytes *b, unsigned below)
{
    if (b->at < b->end)
        return *b->at++ % below;
    b->beyond = b->beyond * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(b->beyond >> 33) % below;
}

#define ONE_OF(b, list) (list)[take((b), GV_COUNT(list))]

/* ---- Queries ---- */

static const char *const names[] = {"a", "b_total", "h_bucket", "n", "target_info", "nope", ""};
static const char *const matchers[] = {"cluster=\"c0\"",
                                       "cluster!=\"c0\"",
                                       "cluster=~\"c0|c1\"",
                                       "cluster=\"nope\"",
                                       "region=\"r1\"",
                                       "region!=\"\"",
                                       "region=~\".*\"",
                                       "exported_cluster=\"own\"",
                                       "exported_cluster!=\"\"",
                                       "job=\"j1\"",
                                       "job!=\"j1\"",
                                       "exported_region=\"\"",
                                       "instance=~\"i1.*\"",
                                       "cluster=~\"c[12]\"",
                                       "cluster=~\"c3|c4\"",
                                       "exported_exported_cluster=\"\"",
                                       "region=\"mine\"",
                                       "exported_region!=\"mine\"",
                                       "exported_cluster=~\"own|fixed\"",
                                       "region=\"\""};
static const char *const shifts[] = {
    "", "", "", "", " offset 1m", " @ 300", " @ end()", " offset -90s", " @ start() offset 7s"};
static const char *const ranges[] = {"1m", "5m", "31s", "2m"};
static const char *const over[] = {"rate",
                                   "increase",
                                   "delta",
                                   "sum_over_time",
                                   "count_over_time",
                                   "last_over_time",
                                   "max_over_time",
                                   "changes",
                                   "resets",
                                   "present_over_time",
                                   "irate",
                                   "avg_over_time",
                                   "stddev_over_time",
                                   "first_over_time",
                                   "mad_over_time",
                                   "ts_of_last_over_time"};
static const char *const each[] = {"abs", "ceil", "sgn", "timestamp", "hour", "-", "histogram_count", "sqrt"};
static const char *const aggregations[] = {"sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"};
static const char *const groupings[] = {"",
                                        " by (job)",
                                        " by (cluster)",
                                        " by (cluster, job)",
                                        " by (region)",
                                        " by (cluster, region)",
                                        " by ()",
                                        " without ()",
                                        " without (cluster)",
                                        " without (instance)",
                                        " without (region, instance)",
                                        " by (exported_cluster)",
                                        " by (exported_cluster, cluster)",
                                        " without (exported_cluster)",
                                        " by (__name__, cluster)",
                                        " without (job, cluster, region)",
                                        " by (le, cluster)",
                                        " by (exported_region)",
                                        " without (exported_region, cluster)",
                                        " by (exported_exported_cluster, region)",
                                        " by (x, cluster)"};
static const char *const arithmetic[] = {"+", "-", "*", "/", "==", "!= bool", "<", ">= bool", "atan2"};
static const char *const matching[] = {"",
                                       " on (cluster, job)",
                                       " on (job)",
                                       " ignoring (instance)",
                                       " ignoring (cluster)",
                                       " on (cluster, instance)",
                                       " on (cluster, job) group_left ()",
                                       " on (cluster, job) group_left (region)",
                                       " on (cluster) group_right (instance)",
                                       " on (job, instance) group_left (cluster)",
                                       " ignoring (region)",
                                       " on (exported_cluster, cluster, job, instance)",
                                       " on ()",
                                       " ignoring (job, instance, exported_cluster, le) group_left ()",
                                       " on (region)",
                                       " on (exported_cluster)",
                                       " on (cluster, exported_cluster, job) group_left (exported_region)",
                                       " on (cluster, job) group_left (exported_cluster)",
                                       " on (job) group_right (cluster, region)",
                                       " ignoring (cluster, region) group_right (region)",
                                       " ignoring (cluster, region, exported_cluster, exported_region)",
                                       " ignoring (instance) group_left (cluster)",
                                       " on (cluster, region, job) group_left (x)"};
static const char *const keys[] = {"",
                                   " on (cluster, job)",
                                   " on (job)",
                                   " ignoring (instance)",
                                   " ignoring (cluster)",
                                   " on (cluster, instance)",
                                   " on ()",
                                   " on (cluster)",
                                   " on (region)",
                                   " on (exported_cluster)",
                                   " ignoring (region, exported_region)",
                                   " ignoring (cluster, instance, job)",
                                   " on (cluster, region, exported_cluster)"};
static const char *const fills[] = {"", "", "", "", " fill (1)", " fill_left (2)", " fill_right (3)"};
static const char *const sets[] = {" and", " or", " unless"};
static const char *const numbers[] = {"1", "0", "2.5", "-3", "NaN", "Inf", "0.5", "1m"};
static const char *const labels[] = {"job",    "cluster",         "x",        "exported_cluster",
                                     "region", "exported_region", "__name__", "instance"};
static const char *const replacements[][2] = {{"v$1", "(.*)"}, {"$1", "(.*)"}, {"", ""},
                                              {"$1", "c(.+)"}, {"c1", ".*"},   {"same", "own|j1|c0"}};

static void vector(struct bytes *b, struct gv_buf *q);

static void scalar(struct bytes *b, struct gv_buf *q)
{
    switch (b->depth >= MAX_DEPTH ? 0 : take(b, 8)) {
    case 1:
        gv_buf_adds(q, "time()");
        break;
    case 2:
        gv_buf_adds(q, "scalar(");
        vector(b, q);
        gv_buf_addc(q, ')');
        break;
    case 3:
        gv_buf_adds(q, take(b, 2) ? "end()" : "step()");
        break;
    default:
        gv_buf_adds(q, ONE_OF(b, numbers));
    }
}

static void selector(struct bytes *b, struct gv_buf *q)
{
    const char *name = ONE_OF(b, names);
    gv_buf_adds(q, name);
    unsigned n = take(b, 3);
    if (!*name)
        gv_buf_adds(q, "{__name__=~\"a|b_total\"");
    else if (n)
        gv_buf_addc(q, '{');
    for (unsigned i = 0; i < n; i++)
        gv_buf_printf(q, "%s%s", i || !*name ? "," : "", ONE_OF(b, matchers));
    gv_buf_adds(q, n || !*name ? "}" : "");
}

static void instant(struct bytes *b, struct gv_buf *q)
{
    selector(b, q);
    gv_buf_adds(q, ONE_OF(b, shifts));
}

/* True for a subquery. */
static bool matrix(struct bytes *b, struct gv_buf *q)
{
    if (b->depth < MAX_DEPTH && take(b, 3) == 0) {
        gv_buf_addc(q, '(');
        vector(b, q);
        gv_buf_printf(q, ")[%s:%s]%s", ONE_OF(b, ranges), take(b, 2) ? "30s" : "", ONE_OF(b, shifts));
        return true;
    }
    selector(b, q);
    gv_buf_printf(q, "[%s]%s", ONE_OF(b, ranges), ONE_OF(b, shifts));
    return false;
}

/* A last digit less is a reset, or a change. */
static bool sees_digits(const char *function)
{
    static const char *const those[] = {"rate", "increase", "irate", "changes", "resets"};
    for (size_t i = 0; i < GV_COUNT(those); i++)
        if (strcmp(function, those[i]) == 0)
            return true;
    return false;
}

static void extended(struct bytes *b, struct gv_buf *q)
{
    static const char *const functions[] = {"rate", "increase", "delta", "changes", "resets"};
    unsigned which = take(b, GV_COUNT(functions));
    gv_buf_printf(q, "%s(", functions[which]);
    selector(b, q);
    gv_buf_printf(q, "[%s] %s%s)", ONE_OF(b, ranges), which < 3 && take(b, 2) ? "smoothed" : "anchored",
                  ONE_OF(b, shifts));
}

static void call_over(struct bytes *b, struct gv_buf *q)
{
    unsigned kind = take(b, 9);
    if (kind == 2) {
        extended(b, q);
        return;
    }
    if (kind == 0) {
        gv_buf_adds(q, "quantile_over_time(");
        scalar(b, q);
        gv_buf_adds(q, ", ");
        matrix(b, q);
    } else {
        const char *function = kind == 1 ? "absent_over_time" : ONE_OF(b, over);
        gv_buf_printf(q, "%s(", function);
        b->loose |= matrix(b, q) && sees_digits(function);
    }
    gv_buf_addc(q, ')');
}

/* A last digit is enough for another step of those two. */
static void one_argument(struct bytes *b, struct gv_buf *q, const char *name)
{
    b->loose |= strcmp(name, "ceil") == 0 || strcmp(name, "sgn") == 0;
    gv_buf_printf(q, "%s(", name);
}

/* Functions that are given labels. */
static void call_with_labels(struct bytes *b, struct gv_buf *q)
{
    static const char *const functions[] = {"label_replace", "label_replace",       "label_join",
                                            "sort_by_label", "histogram_quantiles", "info"};
    static const char *const of_info[] = {"{version=\"1\"}", "{cluster=\"c0\"}", "{region=~\".+\"}",
                                          "{exported_cluster=~\".*\"}",
                                          "{__name__=~\"target_info|a\", version=~\".*\"}"};
    const char *label = ONE_OF(b, labels);
    unsigned which = take(b, GV_COUNT(functions));
    gv_buf_printf(q, "%s(", functions[which]);
    vector(b, q);
    if (which == 5)
        gv_buf_printf(q, ", %s", ONE_OF(b, of_info));
    else
        gv_buf_printf(q, ", \"%s\"", label);
    if (which < 2) {
        const char *const *by = ONE_OF(b, replacements);
        gv_buf_printf(q, ", \"%s\", \"%s\", \"%s\"", by[0], ONE_OF(b, labels), by[1]);
    }
    if (which == 2)
        gv_buf_printf(q, ", \"-\", \"job\", \"%s\"", ONE_OF(b, labels));
    if (which == 4)
        gv_buf_adds(q, ", 0.5, 0.9");
    gv_buf_addc(q, ')');
}

static void call(struct bytes *b, struct gv_buf *q)
{
    static const char *const others[] = {"sort", "sort_desc", "absent", "info"};
    unsigned kind = take(b, 8);
    if (kind < 3) {
        call_with_labels(b, q);
        return;
    }
    if (kind == 3)
        gv_buf_adds(q, "histogram_quantile(0.9, ");
    else
        one_argument(b, q, kind == 4 ? ONE_OF(b, others) : kind == 5 ? "clamp_max" : ONE_OF(b, each));
    vector(b, q);
    if (kind == 5) {
        gv_buf_adds(q, ", ");
        scalar(b, q);
    }
    gv_buf_addc(q, ')');
}

static void aggregation(struct bytes *b, struct gv_buf *q)
{
    static const char *const with_param[] = {"topk", "bottomk", "quantile", "limitk", "limit_ratio"};
    unsigned kind = take(b, 6);
    if (kind == 0) {
        const char *op = ONE_OF(b, with_param);
        b->loose |= strcmp(op, "topk") == 0 || strcmp(op, "bottomk") == 0 || strcmp(op, "limitk") == 0;
        gv_buf_printf(q, "%s%s (", op, ONE_OF(b, groupings));
        scalar(b, q);
        gv_buf_adds(q, ", ");
    } else if (kind == 1) {
        gv_buf_printf(q, "count_values%s (\"%s\", ", ONE_OF(b, groupings), ONE_OF(b, labels));
        if (take(b, 2)) {
            instant(b, q);
            gv_buf_addc(q, ')');
            return;
        }
        b->loose = true; /* a last digit makes another label */
    } else {
        gv_buf_printf(q, "%s%s (", ONE_OF(b, aggregations), ONE_OF(b, groupings));
    }
    vector(b, q);
    gv_buf_addc(q, ')');
}

static void binary(struct bytes *b, struct gv_buf *q)
{
    unsigned kind = take(b, 4);
    gv_buf_addc(q, '(');
    vector(b, q);
    gv_buf_addc(q, ' ');
    if (kind == 0) {
        gv_buf_printf(q, "%s ", ONE_OF(b, arithmetic));
        scalar(b, q);
    } else if (kind == 1) {
        gv_buf_printf(q, "%s%s ", ONE_OF(b, sets), ONE_OF(b, keys));
        vector(b, q);
    } else {
        gv_buf_printf(q, "%s%s%s ", ONE_OF(b, arithmetic), ONE_OF(b, matching), ONE_OF(b, fills));
        vector(b, q);
    }
    gv_buf_addc(q, ')');
}

static void vector(struct bytes *b, struct gv_buf *q)
{
    unsigned kind = b->depth >= MAX_DEPTH ? 0 : take(b, 12);
    b->depth++;
    if (kind < 2) {
        instant(b, q);
    } else if (kind < 5) {
        call_over(b, q);
    } else if (kind < 6) {
        call(b, q);
    } else if (kind < 9) {
        aggregation(b, q);
    } else if (kind < 10) {
        gv_buf_adds(q, "vector(");
        scalar(b, q);
        gv_buf_addc(q, ')');
    } else {
        binary(b, q);
    }
    b->depth--;
}

/* ---- Sources ---- */

static struct gv_label *label_list(struct gv_arena *a, size_t i, bool family)
{
    struct gv_label *l = gv_arena_array(a, struct gv_label, 2);
    l[0] = (struct gv_label){GV_S("cluster"), gv_slice_of(gv_arena_printf(a, "c%zu", i))};
    l[1] = family ? (struct gv_label){GV_S("exported_cluster"), GV_S("fixed")}
                  : (struct gv_label){GV_S("region"), gv_slice_of(gv_arena_printf(a, "r%zu", i % 2))};
    return l;
}

/* The last source may hold the clusters c3 and c4 itself. */
/* A part of the query, or all of it, was not understood once. */
static void refuse(struct world *w, struct bytes *b, struct gv_plan_source *s)
{
    static const char *const messages[] = {"", "function \"rate\"", "function \"sum\"", "function \"sum_over_time\""};
    struct gv_err err = {0};
    struct gv_expr *e = gv_promql_parse(w->arena, w->eval.text, w->eval.features, &err);
    uint64_t *constructs = gv_arena_array(w->arena, uint64_t, MAX_DEPTH);
    for (unsigned i = 0; e && i < MAX_DEPTH; i++) {
        constructs[s->n_refused++] = gv_plan_construct(e, ONE_OF(b, messages));
        struct gv_expr **child = gv_expr_child(e, take(b, 2));
        e = child ? *child : NULL;
    }
    s->refused = constructs;
}

static void make_source(struct world *w, struct bytes *b, size_t i)
{
    static const struct gv_slice two[] = {{"c3", 2}, {"c4", 2}};
    struct gv_plan_source *s = &w->sources[i];
    unsigned how = take(b, 16);
    s->name = gv_slice_of(gv_arena_printf(w->arena, "c%zu", i));
    if (i == 2 && how & 1) {
        s->clusters = how & 2 ? two : NULL;
        s->n_clusters = how & 2 ? GV_COUNT(two) : 0;
    } else {
        s->mapping = (struct gv_mapping){label_list(w->arena, i, how == 3), how % 4 ? 2 : 1};
    }
    how = take(b, 12);
    s->raw = how != 1;
    s->replicas = how == 7 ? 2 : how == 8 ? 3 : 0;
    s->push = how == 2 || how == 1 ? GV_PUSH_SELECTORS : GV_PUSH_AUTO;
    s->metricsql = how == 3;
    s->features_known = how == 4;
    s->features = how == 4 ? w->eval.features & ~(unsigned)GV_FEATURE_EXPERIMENTAL_FUNCTIONS : 0;
    s->lookback = how == 5 ? 2 * MINUTE : 0;
    s->major = how == 6 ? 2 : 0; /* its ranges are a millisecond shorter: no sample lies in that one */
    s->minor = how == 6 ? 42 : 0;
    if (how == 9)
        refuse(w, b, s);
}

static struct gv_column make_column(struct world *w, struct bytes *b, bool counter, unsigned seed)
{
    int64_t *times = gv_arena_array(w->arena, int64_t, SAMPLES);
    double *values = gv_arena_array(w->arena, double, SAMPLES);
    uint32_t n = 0;
    double v = seed;
    unsigned gap = take(b, 24), step = 1 + take(b, 9);
    for (unsigned i = 0; i < SAMPLES; i++) {
        if (gap < 16 && i % 16 == gap) /* a hole, or the end of a series */
            continue;
        v = counter ? (i % 13 == gap % 13 ? 0 : v + step) : seed * 10 + (i * step * 7) % 23;
        times[n] = 15000 * (int64_t)i + seed % 3 * 2;
        values[n] = v;
        if (i == gap + 10) {
            uint64_t stale = GV_STALE_BITS;
            memcpy(&values[n], &stale, sizeof stale);
        }
        n++;
    }
    return (struct gv_column){.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = n}};
}

static struct gv_column make_histograms(struct world *w, unsigned seed)
{
    static const struct gv_span spans[] = {{0, 2}};
    int64_t *times = gv_arena_array(w->arena, int64_t, SAMPLES);
    double *values = gv_arena_array(w->arena, double, SAMPLES);
    const struct gv_histogram **list = gv_arena_array(w->arena, const struct gv_histogram *, SAMPLES);
    for (unsigned i = 0; i < SAMPLES; i++) {
        double *counts = gv_arena_array(w->arena, double, 2);
        struct gv_histogram *h = gv_arena_new(w->arena, struct gv_histogram);
        counts[0] = seed + i;
        counts[1] = 2 * i;
        *h = (struct gv_histogram){.schema = seed % 2, .count = counts[0] + counts[1], .sum = 3.0 * i + seed};
        h->positive = (struct gv_buckets){spans, counts, 1, 2};
        times[i] = 15000 * (int64_t)i;
        list[i] = h;
    }
    return (struct gv_column){.kind = GV_COLUMN_RAW,
                              .raw = {.times = times, .values = values, .histograms = list, .n = SAMPLES}};
}

static void add_one(struct world *w, struct bytes *b, struct gv_map *seen, size_t source, unsigned k)
{
    static const char *const les[] = {"0.5", "1", "+Inf"};
    const char *name = names[k % 5];
    bool info = strcmp(name, "target_info") == 0;
    struct gv_label l[7] = {{GV_LABEL_NAME, gv_slice_of(name)}};
    size_t n = 1;
    bool carries = w->sources[source].mapping.n == 0;
    if (carries)
        l[n++] = (struct gv_label){GV_S("cluster"), take(b, 2) ? GV_S("c3") : GV_S("c4")};
    else if (take(b, 4) == 0)
        l[n++] = (struct gv_label){GV_S("cluster"), GV_S("own")};
    l[n++] = (struct gv_label){GV_S("instance"), gv_slice_of(gv_arena_printf(w->arena, "i%u", take(b, 3)))};
    l[n++] = (struct gv_label){GV_S("job"), take(b, 2) ? GV_S("j1") : GV_S("j2")};
    if (strcmp(name, "h_bucket") == 0)
        l[n++] = (struct gv_label){GV_S("le"), gv_slice_of(ONE_OF(b, les))};
    if (take(b, 5) == 0)
        l[n++] = (struct gv_label){GV_S("region"), GV_S("mine")};
    if (info)
        l[n++] = (struct gv_label){GV_S("version"), take(b, 2) ? GV_S("1") : GV_S("2")};
    const struct gv_labels *set = gv_labels_make(w->arena, l, n);
    struct gv_column c =
        strcmp(name, "n") == 0 ? make_histograms(w, k) : make_column(w, b, k % 5 == 1 || k % 5 == 2, k);
    void **there = gv_map_at(seen, set->hash, gv_labels_bytes(set));
    if (*there) /* a series twice would be two series in one */
        return;
    *there = w;
    world_add(w, source, set, &c);
}

static void make_world(struct world *w, struct bytes *b)
{
    w->n = 1 + take(b, 3);
    w->sources = gv_arena_array(w->arena, struct gv_plan_source, w->n);
    for (size_t i = 0; i < w->n; i++)
        make_source(w, b, i);
    world_open(w);
    bool histograms = take(b, 8) == 0;
    for (size_t i = 0; i < w->n; i++) {
        struct gv_map seen;
        gv_map_init(&seen, w->arena);
        for (unsigned k = 0, n = take(b, 20); k < n; k++)
            if (k % 5 != 3 || histograms)
                add_one(w, b, &seen, i, k);
    }
    world_seal(w);
    world_tune(w);
}

/* ---- Judging ---- */

static void complain(const struct world *w, struct gv_buf *why)
{
    for (size_t i = 0; i < w->plan->n_asks; i++)
        fprintf(stderr, "  asked %.*s at %lld to %lld step %lld: %.*s\n",
                GV_ARG(w->sources[w->plan->asks[i].source].name), (long long)w->plan->asks[i].start,
                (long long)w->plan->asks[i].end, (long long)w->plan->asks[i].step, GV_ARG(w->plan->asks[i].text));
    gv_die("%.*s\n  from %lld to %lld step %lld: %s", GV_ARG(w->eval.text), (long long)w->eval.start,
           (long long)w->eval.end, (long long)w->eval.step, gv_buf_cstr(why));
}

/* Of several errors any may be the first. Errors of operands that stand beside an empty one are not seen where these
 * are simplified away, nor duplicates in a cluster where the other side is empty. */
static bool is_accepted(const struct gv_err *whole, const struct gv_err *planned)
{
    return whole->code == GV_EXECUTION && planned->code != GV_INTERNAL;
}

static void judge(struct world *w, const struct bytes *b)
{
    struct gv_result whole, planned;
    struct gv_err err = {0}, planned_err = {0};
    struct gv_buf why = GV_BUF_INIT;
    bool ran = world_whole(w, &whole, &err), planned_ran = world_planned(w, &planned, &planned_err);
    if (!is_accepted(&err, &planned_err) && !failures_agree(&err, &planned_err, &why))
        complain(w, &why);
    bool comparable = ran && planned_ran && !b->loose;
    if (comparable && !results_agree(&whole, &planned, false, &why))
        complain(w, &why);
    gv_buf_fini(&why);
}

static void check_same_plan(struct world *w)
{
    struct gv_plan_options o = world_options(w);
    struct gv_err err = {0};
    struct gv_expr *e = gv_promql_parse(w->arena, w->eval.text, w->eval.features, &err);
    const struct gv_plan *x = e ? gv_plan_make(w->arena, e, &o, &err) : NULL;
    const struct gv_plan *y = e ? gv_plan_make(w->arena, e, &o, &err) : NULL;
    if (!x != !y || (x && x->n_asks != y->n_asks))
        gv_die("two plans: %.*s", GV_ARG(w->eval.text));
    for (size_t i = 0; x && i < x->n_asks; i++)
        if (!gv_slice_eq(x->asks[i].key, y->asks[i].key))
            gv_die("two plans: %.*s", GV_ARG(w->eval.text));
}

static void set_times(struct world *w, struct bytes *b)
{
    bool range = take(b, 2);
    w->eval.start = w->eval.end = 1000 * (int64_t)(take(b, 2) ? 300 : 60 + take(b, 250));
    w->eval.step = range ? (take(b, 2) ? 30000 : 47000) : 0;
    if (range)
        w->eval.end += w->eval.step * (int64_t)take(b, 5) + take(b, 3) * 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct bytes b = {.at = data, .end = data + size, .beyond = gv_hash(data, size)};
    struct world w = {.arena = &a, .eval = {.lookback = 5 * MINUTE, .default_step = MINUTE, .features = ~0u}};
    if (take(&b, 2))
        w.eval.features &= ~(unsigned)GV_FEATURE_DELAYED_NAME_REMOVAL;
    set_times(&w, &b);
    struct gv_buf query = GV_BUF_INIT;
    if (take(&b, 12) == 0)
        scalar(&b, &query);
    else
        vector(&b, &query);
    w.eval.text = gv_arena_dup(&a, gv_buf_slice(&query));
    gv_buf_fini(&query);
    make_world(&w, &b);
    judge(&w, &b);
    check_same_plan(&w);
    gv_arena_fini(&a);
    return 0;
}
