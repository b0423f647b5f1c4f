/* Labels as a backend sends them ──► the label set of a series: less its external labels, held against the matchers,
 * mapped, and with the injected ones. */
#include "codec/read_decoder_impl.h"

enum { MAX_LABELS = 100000 }; /* of one series */

void read_labels_begin(struct gv_read_decoder *d)
{
    d->n_pairs = 0;
}

static bool is_external(const struct gv_read_decoder *d, const struct gv_label *label)
{
    for (size_t i = 0; i < d->options.n_external; i++)
        if (gv_slice_eq(d->options.external[i].name, label->name) &&
            gv_slice_eq(d->options.external[i].value, label->value))
            return true;
    return false;
}

bool read_label(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err)
{
    struct gv_label label;
    if (!pb_read_label(message, &label, err))
        return false;
    if (d->n_pairs == MAX_LABELS)
        return gv_fail(err, GV_BAD_DATA, "a series of over %d labels", MAX_LABELS);
    if (!is_external(d, &label))
        gv_push(d->arena, d->pairs, d->n_pairs, d->cap_pairs) = label;
    return true;
}

static struct gv_slice value_of(const struct gv_read_decoder *d, struct gv_slice name)
{
    for (size_t i = 0; i < d->n_pairs; i++)
        if (gv_slice_eq(d->pairs[i].name, name))
            return d->pairs[i].value;
    return (struct gv_slice){NULL, 0};
}

static bool matches(const struct gv_read_decoder *d, const struct gv_select *q)
{
    for (size_t i = 0; i < q->n_matchers; i++)
        if (!gv_matcher_matches(&q->matchers[i], value_of(d, q->matchers[i].name)))
            return false;
    return true;
}

bool read_labels_end(struct gv_read_decoder *d, size_t query, const struct gv_labels **labels, struct gv_err *err)
{
    *labels = NULL;
    if (!matches(d, &d->options.queries[query]))
        return true;
    label_reader_begin(&d->labels);
    for (size_t i = 0; i < d->n_pairs; i++) {
        label_reader_name(&d->labels, d->pairs[i].name);
        label_reader_value(&d->labels, d->pairs[i].value);
    }
    *labels = label_reader_end(&d->labels);
    return *labels || gv_fail(err, GV_BAD_DATA, "a label comes twice in a series");
}

struct gv_series *read_add_series(struct gv_read_decoder *d, size_t query, const struct gv_labels *labels,
                                  struct gv_err *err)
{
    struct read_rows *rows = &d->rows[query];
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 16;
        struct gv_series *bigger = gv_arena_try(d->arena, cap * sizeof *bigger, err);
        if (!bigger)
            return NULL;
        if (rows->n)
            memcpy(bigger, rows->series, rows->n * sizeof *bigger);
        rows->series = bigger;
        rows->cap = cap;
    }
    rows->chunks = NULL;
    rows->cap_chunks = 0;
    rows->series[rows->n] = (struct gv_series){.labels = labels};
    return &rows->series[rows->n++];
}
