/* A series at a time: its items into a scratch, then its message whole, since a message begins with its length.
 *
 *   1.0   labels as they are │ samples │ exemplars │ histograms
 *   2.0   each text once among the symbols, which lead the request; labels are their numbers */
#include "codec/write_encoder.h"
#include "codec/histogram_message.h"
#include "codec/label_message.h"
#include "codec/snappy_block.h"
#include "codec/write_decoder_impl.h"
#include <stdlib.h>

enum { REQUEST_SERIES_1 = 1, REQUEST_METADATA_1 = 3, REQUEST_SYMBOLS_2 = 4, REQUEST_SERIES_2 = 5 };
enum { SAMPLE_VALUE = 1, SAMPLE_TIME = 2, SAMPLE_START = 3 };
enum { EXEMPLAR_VALUE = 2, EXEMPLAR_TIME = 3 }; /* its labels are field 1 in both versions, as those of a series */
enum { METADATA_1_TYPE = 1, METADATA_1_METRIC = 2, METADATA_1_HELP = 4, METADATA_1_UNIT = 5 };
enum { METADATA_2_TYPE = 1, METADATA_2_HELP = 3, METADATA_2_UNIT = 4 };

void gv_write_put_labels(struct gv_buf *out, const struct gv_labels *labels)
{
    pb_put_labels(out, labels);
}

/* ---- Symbols ---- */

struct gv_write_symbol {
    uint64_t hash;
    uint32_t at, n; /* its text in `symbols` */
    uint32_t number;
    uint32_t round; /* of another round: the place is free */
};

static void grow_table(struct gv_write_encoder *e)
{
    struct gv_write_symbol *old = e->table;
    size_t n = e->table ? e->table_mask + 1 : 0, size = n ? 2 * n : 1024;
    e->table = calloc(size, sizeof *e->table);
    if (!e->table)
        gv_die("out of memory");
    e->table_mask = size - 1;
    for (size_t i = 0; i < n; i++) {
        if (old[i].round != e->round)
            continue;
        size_t at = old[i].hash & e->table_mask;
        while (e->table[at].round == e->round)
            at = (at + 1) & e->table_mask;
        e->table[at] = old[i];
    }
    free(old);
}

static uint32_t add_symbol(struct gv_write_encoder *e, struct gv_write_symbol *place, uint64_t hash,
                           struct gv_slice text)
{
    pb_put_bytes(&e->symbols, REQUEST_SYMBOLS_2, text);
    *place =
        (struct gv_write_symbol){hash, (uint32_t)(e->symbols.n - text.n), (uint32_t)text.n, e->n_symbols++, e->round};
    return place->number;
}

static uint32_t symbol(struct gv_write_encoder *e, struct gv_slice text)
{
    if (!text.n)
        return 0;
    if (!e->table || e->n_symbols > e->table_mask / 2)
        grow_table(e);
    uint64_t hash = gv_hash(text.p, text.n);
    for (size_t at = hash & e->table_mask;; at = (at + 1) & e->table_mask) {
        struct gv_write_symbol *s = &e->table[at];
        if (s->round != e->round)
            return add_symbol(e, s, hash, text);
        if (s->hash == hash && s->n == text.n && !memcmp(e->symbols.p + s->at, text.p, text.n))
            return s->number;
    }
}

/* A length-delimited field of our own making: its key is one byte. */
static struct gv_slice take_field(struct pb_reader *r)
{
    uint64_t n = 0;
    if (r->at == r->end || (r->at++, !pb_varint(r, &n)) || n > (size_t)(r->end - r->at))
        return (struct gv_slice){NULL, 0};
    struct gv_slice field = {(const char *)r->at, n};
    r->at += n;
    return field;
}

/* Label fields, as gv_write_put_labels makes them, as the numbers of their texts. */
static void put_refs(struct gv_write_encoder *e, struct gv_buf *out, struct gv_slice labels)
{
    struct pb_reader r = pb_read(labels);
    gv_buf_clear(&e->refs);
    while (r.at < r.end && !r.fault) {
        struct pb_reader label = pb_read(take_field(&r));
        struct gv_slice name = take_field(&label), value = take_field(&label);
        pb_put_varint(&e->refs, symbol(e, name));
        pb_put_varint(&e->refs, symbol(e, value));
    }
    pb_put_text(out, REFS_2, gv_buf_slice(&e->refs));
}

static void put_labels(struct gv_write_encoder *e, struct gv_buf *out, struct gv_slice labels)
{
    if (e->version == GV_WRITE_2)
        put_refs(e, out, labels);
    else
        gv_buf_add_slice(out, labels);
}

/* ---- Items ---- */

static void put_sample(struct gv_write_encoder *e, const struct gv_write_value *v)
{
    struct gv_buf *out = &e->items;
    bool has_start = e->version == GV_WRITE_2 && v->start;
    size_t size = 1 + sizeof v->value + 1 + pb_varint_size((uint64_t)v->time);
    if (has_start)
        size += 1 + pb_varint_size((uint64_t)v->start);
    pb_put_key(out, SERIES_SAMPLES_1, PB_BYTES); /* the same in both versions */
    pb_put_varint(out, size);
    pb_put_double(out, SAMPLE_VALUE, v->value);
    pb_put_key(out, SAMPLE_TIME, PB_VARINT);
    pb_put_varint(out, (uint64_t)v->time);
    if (has_start)
        pb_put_int(out, SAMPLE_START, v->start);
}

static void put_value(struct gv_write_encoder *e, const struct gv_write_value *v)
{
    if (v->histogram)
        pb_put_histogram(&e->items, e->version == GV_WRITE_2 ? SERIES_HISTOGRAMS_2 : SERIES_HISTOGRAMS_1, v->time,
                         v->histogram);
    else
        put_sample(e, v);
}

static void put_exemplar(struct gv_write_encoder *e, const struct gv_write_exemplar *x)
{
    struct gv_buf one = GV_BUF_INIT;
    put_labels(e, &one, x->labels);
    pb_put_double(&one, EXEMPLAR_VALUE, x->value);
    pb_put_int(&one, EXEMPLAR_TIME, x->time);
    pb_put_bytes(&e->items, e->version == GV_WRITE_2 ? SERIES_EXEMPLARS_2 : SERIES_EXEMPLARS_1, gv_buf_slice(&one));
    gv_buf_fini(&one);
}

static uint64_t type_number(struct gv_slice type)
{
    for (size_t i = 0; i < GV_COUNT(write_types); i++)
        if (gv_slice_is(type, write_types[i]))
            return i;
    return 0;
}

static void put_metadata_2(struct gv_write_encoder *e, const struct gv_write_metadata *m)
{
    struct gv_buf one = GV_BUF_INIT;
    pb_put_uint(&one, METADATA_2_TYPE, type_number(m->type));
    pb_put_uint(&one, METADATA_2_HELP, symbol(e, m->help));
    pb_put_uint(&one, METADATA_2_UNIT, symbol(e, m->unit));
    pb_put_bytes(&e->items, METADATA_2, gv_buf_slice(&one));
    gv_buf_fini(&one);
}

static void put_extras_2(struct gv_write_encoder *e, const struct gv_write_row *row)
{
    if (row->metadata)
        put_metadata_2(e, row->metadata);
    if (row->n_values)
        pb_put_int(&e->items, CREATED_2, row->values[0].start);
}

void gv_write_put(struct gv_write_encoder *e, const struct gv_write_row *row)
{
    gv_buf_clear(&e->items);
    struct gv_slice labels = row->labels;
    if (e->version == GV_WRITE_2) {
        put_refs(e, &e->items, labels);
        labels.n = 0;
    }
    for (size_t i = 0; i < row->n_values; i++)
        put_value(e, &row->values[i]);
    for (size_t i = 0; i < row->n_exemplars; i++)
        put_exemplar(e, &row->exemplars[i]);
    if (e->version == GV_WRITE_2)
        put_extras_2(e, row);
    pb_put_key(&e->message, e->version == GV_WRITE_2 ? REQUEST_SERIES_2 : REQUEST_SERIES_1, PB_BYTES);
    pb_put_varint(&e->message, labels.n + e->items.n);
    gv_buf_add_slice(&e->message, labels);
    gv_buf_add_slice(&e->message, gv_buf_slice(&e->items));
}

void gv_write_put_metadata(struct gv_write_encoder *e, const struct gv_write_metadata *m)
{
    gv_buf_clear(&e->items);
    pb_put_uint(&e->items, METADATA_1_TYPE, type_number(m->type));
    pb_put_text(&e->items, METADATA_1_METRIC, m->metric);
    pb_put_text(&e->items, METADATA_1_HELP, m->help);
    pb_put_text(&e->items, METADATA_1_UNIT, m->unit);
    pb_put_bytes(&e->message, REQUEST_METADATA_1, gv_buf_slice(&e->items));
}

/* ---- Requests ---- */

void gv_write_encoder_begin(struct gv_write_encoder *e, enum gv_write_version version)
{
    e->version = version;
    gv_buf_clear(&e->message);
    gv_buf_clear(&e->symbols);
    if (++e->round == 0) { /* once in four billion requests marks of long ago would count again */
        free(e->table);
        e->table = NULL;
        e->round = 1;
    }
    e->n_symbols = 1;
    if (version == GV_WRITE_2)
        pb_put_bytes(&e->symbols, REQUEST_SYMBOLS_2, (struct gv_slice){"", 0});
}

void gv_write_encoder_end(struct gv_write_encoder *e, struct gv_buf *block)
{
    gv_snappy_put_length(block, e->symbols.n + e->message.n);
    if (e->symbols.n)
        gv_snappy_put_piece(block, gv_buf_slice(&e->symbols));
    if (e->message.n)
        gv_snappy_put_piece(block, gv_buf_slice(&e->message));
}

void gv_write_encoder_fini(struct gv_write_encoder *e)
{
    gv_buf_fini(&e->message);
    gv_buf_fini(&e->items);
    gv_buf_fini(&e->refs);
    gv_buf_fini(&e->symbols);
    free(e->table);
    *e = (struct gv_write_encoder){.table = NULL};
}
