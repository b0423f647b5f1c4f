/* Requests of remote write 2.0 ──► one of 2.0 or 1.0: many small ones as one, and what the queue holds for an endpoint
 * that turns out to know 1.0 alone. Symbols get new numbers, so all is read and written anew. */
#include "codec/snappy_block.h"
#include "codec/write_encoder.h"

struct joining {
    struct gv_arena arena, series; /* of the request; of the series in hand */
    struct gv_arena_mark start, empty;
    struct gv_write_decoder decoder;
    struct gv_write_encoder encoder;
};

static bool take_item(struct joining *d, const struct gv_write_item *item, struct gv_write_row *row,
                      struct gv_write_value *values, struct gv_write_exemplar *exemplars, struct gv_err *err)
{
    struct gv_write_histogram h;
    switch (item->kind) {
    case GV_WRITE_SAMPLE:
        values[row->n_values++] = (struct gv_write_value){item->time, item->start, item->value, NULL};
        return true;
    case GV_WRITE_HISTOGRAM:
        if (!gv_write_read_histogram(&d->series, item->message, &h, err))
            return false;
        if (h.h)
            values[row->n_values++] = (struct gv_write_value){h.time, h.start ? h.start : item->start, 0, h.h};
        return true;
    case GV_WRITE_EXEMPLAR:
        if (!gv_write_read_exemplar(&d->decoder, &d->series, item->message, &exemplars[row->n_exemplars], err))
            return false;
        row->n_exemplars += !exemplars[row->n_exemplars].fault;
        return true;
    }
    return true;
}

static bool take_series(struct joining *d, const struct gv_write_series *s, struct gv_err *err)
{
    gv_arena_rewind(&d->series, d->empty);
    struct gv_write_value *values =
        gv_arena_array(&d->series, struct gv_write_value, (size_t)s->n_samples + s->n_histograms + 1);
    struct gv_write_exemplar *exemplars =
        gv_arena_array(&d->series, struct gv_write_exemplar, (size_t)s->n_exemplars + 1);
    struct gv_write_row row = {.labels = s->labels,
                               .values = values,
                               .exemplars = exemplars,
                               .metadata = s->has_metadata ? &s->metadata : NULL};
    struct gv_write_items items = gv_write_items(s);
    for (struct gv_write_item item; gv_write_next_item(&items, &item);)
        if (!take_item(d, &item, &row, values, exemplars, err))
            return false;
    if (items.cursor.fault)
        return gv_fail(err, GV_BAD_DATA, "%s", items.cursor.fault);
    gv_write_put(&d->encoder, &row);
    return true;
}

static bool take_message(struct joining *d, struct gv_slice message, size_t max_size, struct gv_err *err)
{
    struct gv_err fault = {.code = GV_OK};
    struct gv_write_series s;
    if (!gv_write_decoder_init(&d->decoder, GV_WRITE_2, message, &d->arena, max_size, err))
        return false;
    bool ok = true;
    while (ok && gv_write_next(&d->decoder, &s, &fault))
        ok = s.fault ? gv_fail(&fault, GV_BAD_DATA, "%s", s.fault) : take_series(d, &s, &fault);
    gv_write_decoder_fini(&d->decoder);
    return fault.code == GV_OK || gv_fail(err, fault.code, "%s", fault.msg);
}

static bool take_block(struct joining *d, struct gv_slice block, size_t max_size, struct gv_err *err)
{
    struct gv_slice message;
    gv_arena_rewind(&d->arena, d->start);
    return gv_snappy_decode_dup(&d->arena, block, max_size, &message, err) && take_message(d, message, max_size, err);
}

bool gv_write_join(const struct gv_slice *blocks, size_t n, enum gv_write_version to, size_t max_size,
                   struct gv_buf *out, struct gv_err *err)
{
    struct joining d = {.encoder = {.table = NULL}};
    bool ok = true;
    gv_arena_init(&d.arena, NULL);
    gv_arena_init(&d.series, NULL);
    d.start = gv_arena_mark(&d.arena);
    d.empty = gv_arena_mark(&d.series);
    gv_write_encoder_begin(&d.encoder, to);
    for (size_t i = 0; ok && i < n; i++)
        ok = take_block(&d, blocks[i], max_size, err);
    if (ok)
        gv_write_encoder_end(&d.encoder, out);
    gv_write_encoder_fini(&d.encoder);
    gv_arena_fini(&d.series);
    gv_arena_fini(&d.arena);
    return ok;
}
