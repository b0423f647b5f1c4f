/* Native histograms as text: as Prometheus's String() has them, as test scripts write them, as results carry them. */
#include "base/number.h"
#include "model/histogram_stats.h"

static void add_g(struct gv_buf *out, double v)
{
    char text[GV_DOUBLE_MAX];
    gv_buf_add(out, text, gv_double_format_g(text, v));
}

/* ---- {count:4, sum:5, (1,2]:2} ---- */

static void add_bucket(struct gv_buf *out, const struct gv_bucket *b)
{
    if (b->count == 0)
        return;
    gv_buf_adds(out, b->lower_inclusive ? ", [" : ", (");
    add_g(out, b->lower);
    gv_buf_addc(out, ',');
    add_g(out, b->upper);
    gv_buf_adds(out, b->upper_inclusive ? "]:" : "):");
    add_g(out, b->count);
}

void gv_histogram_print(struct gv_buf *out, const struct gv_histogram *h)
{
    int32_t index;
    double count;
    gv_buf_adds(out, "{count:");
    add_g(out, h->count);
    gv_buf_adds(out, ", sum:");
    add_g(out, h->sum);
    for (struct gv_side_iter it = gv_side_last(&h->negative); gv_side_prev(&it, &index, &count);) {
        struct gv_bucket b = gv_bucket_of(h, true, index, count);
        add_bucket(out, &b);
    }
    add_bucket(out, &(const struct gv_bucket){-h->zero_threshold, h->zero_threshold, h->zero_count, true, true, 0});
    for (struct gv_side_iter it = gv_side_first(&h->positive); gv_side_next(&it, &index, &count);) {
        struct gv_bucket b = gv_bucket_of(h, false, index, count);
        add_bucket(out, &b);
    }
    gv_buf_addc(out, '}');
}

/* ---- {{schema:1 count:4 buckets:[2 2]}} ---- */

static void add_key(struct gv_buf *out, const char *key)
{
    if (out->p[out->n - 1] != '{')
        gv_buf_addc(out, ' ');
    gv_buf_adds(out, key);
    gv_buf_addc(out, ':');
}

static void add_field(struct gv_buf *out, const char *key, double v)
{
    if (v == 0)
        return;
    add_key(out, key);
    add_g(out, v);
}

/* One list from the first bucket to the last; what lies in gaps is written as 0. */
static void add_side(struct gv_buf *out, const struct gv_buckets *side, const char *offset, const char *buckets)
{
    struct gv_side_iter it = gv_side_first(side);
    int32_t index, next = 0;
    double count;
    for (bool first = true; gv_side_next(&it, &index, &count); first = false) {
        if (first) {
            add_field(out, offset, index);
            add_key(out, buckets);
            gv_buf_addc(out, '[');
            next = index;
        }
        for (; next < index; next++)
            gv_buf_adds(out, " 0");
        if (!first)
            gv_buf_addc(out, ' ');
        add_g(out, count);
        next = index + 1;
    }
    if (side->n_counts)
        gv_buf_addc(out, ']');
}

void gv_histogram_print_literal(struct gv_buf *out, const struct gv_histogram *h)
{
    static const char *const hints[] = {NULL, "reset", "not_reset", "gauge"};
    gv_buf_adds(out, "{{");
    add_field(out, "schema", h->schema);
    add_field(out, "count", h->count);
    add_field(out, "sum", h->sum);
    add_field(out, "z_bucket", h->zero_count);
    add_field(out, "z_bucket_w", h->zero_threshold);
    if (gv_histogram_is_custom(h)) {
        add_key(out, "custom_values");
        for (uint32_t i = 0; i < h->n_bounds; i++) {
            gv_buf_addc(out, i ? ' ' : '[');
            add_g(out, h->bounds[i]);
        }
        gv_buf_adds(out, h->n_bounds ? "]" : "[]");
    }
    if (h->reset_hint) {
        add_key(out, "counter_reset_hint");
        gv_buf_adds(out, hints[h->reset_hint]);
    }
    add_side(out, &h->positive, "offset", "buckets");
    add_side(out, &h->negative, "n_offset", "n_buckets");
    gv_buf_adds(out, "}}");
}

/* ---- JSON ---- */

static void add_number(struct gv_buf *out, const char *before, double v)
{
    gv_buf_adds(out, before);
    gv_buf_add_double(out, v);
    gv_buf_addc(out, '"');
}

static int boundaries(const struct gv_bucket *b)
{
    return b->lower_inclusive ? (b->upper_inclusive ? 3 : 1) : (b->upper_inclusive ? 0 : 2);
}

void gv_histogram_print_json(struct gv_buf *out, const struct gv_histogram *h)
{
    add_number(out, "{\"count\":\"", h->count);
    add_number(out, ",\"sum\":\"", h->sum);
    bool any = false;
    struct gv_bucket_iter it = gv_buckets_up(h);
    for (struct gv_bucket b; gv_buckets_next(&it, &b);) {
        if (b.count == 0)
            continue;
        gv_buf_adds(out, any ? ",[" : ",\"buckets\":[[");
        gv_buf_add_int(out, boundaries(&b));
        add_number(out, ",\"", b.lower);
        add_number(out, ",\"", b.upper);
        add_number(out, ",\"", b.count);
        gv_buf_addc(out, ']');
        any = true;
    }
    gv_buf_adds(out, any ? "]}" : "}");
}
