/* File: header, symbols, series, (label indices), postings, (their table), postings offset table, TOC. From the TOC at
 * the end one finds the tables; from the postings offset table the lists of each label and value; from those series. */
#include "store/index.h"
#include "base/crc32c.h"
#include "store/block_format.h"

enum { SYMBOLS_APART = 8, VALUES_APART = 32 }; /* of which the places are known */

static bool damaged(const struct index *x, struct gv_err *err, const char *what, uint64_t at)
{
    return gv_fail(err, GV_INTERNAL, "%s: damaged at byte %llu: %s", x->path, (unsigned long long)at, what);
}

static uint64_t offset_of(const struct index *x, const uint8_t *at)
{
    return (uint64_t)(at - x->data);
}

static bool has_crc(const uint8_t *data, size_t n)
{
    return gv_crc32c(0, data, n) == load_be32(data + n);
}

/* `be32 length | content | CRC` at an offset. */
static bool open_section(const struct index *x, uint64_t at, const char *what, struct byte_reader *out,
                         struct gv_err *err)
{
    enum { LENGTH = 4 };
    if (at < BLOCK_INDEX_HEADER || at > x->size || x->size - at < LENGTH + BLOCK_CRC)
        return damaged(x, err, what, at);
    uint32_t n = load_be32(x->data + at);
    if (n > x->size - at - LENGTH - BLOCK_CRC || !has_crc(x->data + at + LENGTH, n))
        return damaged(x, err, what, at);
    *out = byte_reader(x->data + at + LENGTH, n);
    return true;
}

/* ---- Opening ---- */

static bool open_symbols(struct index *x, uint64_t at, struct gv_err *err)
{
    struct byte_reader r;
    if (!open_section(x, at, "symbols", &r, err))
        return false;
    x->n_symbols = take_be32(&r);
    x->symbols = r.at;
    size_t n = 0, cap = 0;
    for (uint32_t i = 0; i < x->n_symbols; i++) {
        if (i % SYMBOLS_APART == 0)
            gv_push(&x->arena, x->symbol_samples, n, cap) = (uint32_t)(r.at - x->symbols);
        take_bytes(&r, take_uvarint(&r));
        if (r.bad)
            return damaged(x, err, "symbols end early", at);
    }
    x->symbols_end = r.at;
    return true;
}

static struct gv_slice take_text(struct byte_reader *r)
{
    return take_bytes(r, take_uvarint(r));
}

static bool take_entry(struct byte_reader *r, struct gv_slice *name, struct gv_slice *value, uint64_t *postings)
{
    enum { NAME_AND_VALUE = 2 };
    r->bad |= take_uvarint(r) != NAME_AND_VALUE;
    *name = take_text(r);
    *value = take_text(r);
    *postings = take_uvarint(r);
    return !r->bad;
}

static bool open_table(struct index *x, uint64_t at, struct gv_err *err)
{
    struct byte_reader r;
    if (!open_section(x, at, "postings offset table", &r, err))
        return false;
    uint32_t n = take_be32(&r);
    size_t cap_names = 0, cap_samples = 0;
    struct index_name *last = NULL;
    x->table = r.at;
    for (uint32_t i = 0; i < n; i++) {
        struct gv_slice name, value;
        uint64_t postings;
        uint32_t here = (uint32_t)(r.at - x->table);
        if (!take_entry(&r, &name, &value, &postings))
            return damaged(x, err, "postings offset table ends early", at);
        int order = last ? gv_slice_cmp(last->name, name) : -1;
        if (order > 0)
            return damaged(x, err, "label names are out of order", at);
        if (order < 0) {
            gv_push(&x->arena, x->names, x->n_names, cap_names) =
                (struct index_name){.name = name, .first_sample = (uint32_t)x->n_samples};
            last = &x->names[x->n_names - 1];
        }
        if (last->n_values++ % VALUES_APART == 0)
            gv_push(&x->arena, x->samples, x->n_samples, cap_samples) = here;
    }
    x->table_end = r.at;
    return true;
}

static bool check_header(const struct index *x, struct gv_err *err)
{
    if (x->size < BLOCK_INDEX_HEADER + BLOCK_INDEX_TOC)
        return gv_fail(err, GV_INTERNAL, "%s: an index of %zu bytes", x->path, x->size);
    if (load_be32(x->data) != BLOCK_INDEX_MAGIC)
        return damaged(x, err, "this is no index", 0);
    if (x->data[4] != BLOCK_INDEX_VERSION)
        return gv_fail(err, GV_INTERNAL, "%s: index version %u, only %d can be read", x->path, x->data[4],
                       BLOCK_INDEX_VERSION);
    return true;
}

bool index_open(struct index *x, const char *path, const uint8_t *data, size_t size, struct gv_err *err)
{
    enum { SYMBOLS, SERIES = 8, TABLE = 40 };
    *x = (struct index){.path = path, .data = data, .size = size};
    gv_arena_init(&x->arena, NULL);
    if (!check_header(x, err))
        return false;
    const uint8_t *toc = data + size - BLOCK_INDEX_TOC;
    if (!has_crc(toc, BLOCK_INDEX_TOC - BLOCK_CRC))
        return damaged(x, err, "table of contents", offset_of(x, toc));
    x->series_at = load_be64(toc + SERIES);
    return open_symbols(x, load_be64(toc + SYMBOLS), err) && open_table(x, load_be64(toc + TABLE), err);
}

void index_fini(struct index *x)
{
    gv_arena_fini(&x->arena);
}

/* ---- Symbols ---- */

static struct byte_reader symbols_from(const struct index *x, uint32_t sample)
{
    const uint8_t *at = x->symbols + x->symbol_samples[sample];
    return byte_reader(at, (size_t)(x->symbols_end - at));
}

bool index_symbol(const struct index *x, uint64_t number, struct gv_slice *text, struct gv_err *err)
{
    if (number >= x->n_symbols)
        return gv_fail(err, GV_INTERNAL, "%s: damaged: symbol %llu of %u", x->path, (unsigned long long)number,
                       x->n_symbols);
    struct byte_reader r = symbols_from(x, (uint32_t)number / SYMBOLS_APART);
    for (uint32_t i = (uint32_t)number % SYMBOLS_APART; i; i--)
        take_text(&r);
    *text = take_text(&r);
    return true;
}

bool index_find_symbol(const struct index *x, struct gv_slice text, uint64_t *number)
{
    uint32_t low = 0,
             high = (x->n_symbols + SYMBOLS_APART - 1) / SYMBOLS_APART; /* the last sample that is not behind text */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct byte_reader r = symbols_from(x, mid);
        if (gv_slice_cmp(take_text(&r), text) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low)
        return false;
    struct byte_reader r = symbols_from(x, low - 1);
    for (*number = (uint64_t)(low - 1) * SYMBOLS_APART; r.at < r.end; (*number)++) {
        int order = gv_slice_cmp(take_text(&r), text);
        if (order >= 0)
            return order == 0;
    }
    return false;
}

/* ---- Label values ---- */

const struct index_name *index_find_name(const struct index *x, struct gv_slice name)
{
    size_t low = 0, high = x->n_names;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = gv_slice_cmp(x->names[mid].name, name);
        if (!order)
            return &x->names[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static struct index_values values_at(const struct index *x, const struct index_name *name, uint32_t sample)
{
    const uint8_t *at = x->table + x->samples[name->first_sample + sample];
    return (struct index_values){.r = byte_reader(at, (size_t)(x->table_end - at)),
                                 .left = name->n_values - sample * VALUES_APART};
}

struct index_values index_values(const struct index *x, const struct index_name *name)
{
    return values_at(x, name, 0);
}

bool index_values_next(struct index_values *v)
{
    struct gv_slice name;
    return v->left && v->left-- && take_entry(&v->r, &name, &v->value, &v->postings);
}

struct index_values index_values_from(const struct index *x, const struct index_name *name, struct gv_slice value)
{
    uint32_t low = 0,
             high = (name->n_values + VALUES_APART - 1) / VALUES_APART; /* the first sample that is not before value */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct index_values v = values_at(x, name, mid);
        if (index_values_next(&v) && gv_slice_cmp(v.value, value) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    struct index_values at = values_at(x, name, low ? low - 1 : 0);
    for (struct index_values next = at; index_values_next(&next) && gv_slice_cmp(next.value, value) < 0;)
        at = next;
    return at;
}

/* ---- Postings ---- */

bool index_postings(const struct index *x, uint64_t at, struct postings *out, struct gv_err *err)
{
    struct byte_reader r;
    if (!open_section(x, at, "postings", &r, err))
        return false;
    uint32_t n = take_be32(&r);
    if (r.bad || bytes_left(&r) / 4 < n)
        return damaged(x, err, "postings end early", at);
    *out = (struct postings){r.at, n};
    return true;
}

bool index_find(const struct index *x, struct gv_slice name, struct gv_slice value, struct postings *out,
                struct gv_err *err)
{
    const struct index_name *found = index_find_name(x, name);
    *out = (struct postings){NULL, 0};
    if (!found)
        return true;
    struct index_values v = index_values_from(x, found, value);
    return !index_values_next(&v) || !gv_slice_eq(v.value, value) || index_postings(x, v.postings, out, err);
}

/* ---- Series ---- */

bool index_series(const struct index *x, uint64_t ref, struct index_series *s, struct gv_err *err)
{
    if (ref > x->size / BLOCK_SERIES_ALIGN || ref * BLOCK_SERIES_ALIGN < x->series_at)
        return gv_fail(err, GV_INTERNAL, "%s: damaged: there is no series %llu", x->path, (unsigned long long)ref);
    uint64_t at = ref * BLOCK_SERIES_ALIGN;
    struct byte_reader r = byte_reader(x->data + at, x->size - at);
    uint64_t n = take_uvarint(&r);
    if (r.bad || bytes_left(&r) < BLOCK_CRC || n > bytes_left(&r) - BLOCK_CRC || !has_crc(r.at, n))
        return damaged(x, err, "series", at);
    r.end = r.at + n;
    *s = (struct index_series){.n_labels = take_uvarint(&r), .labels = r};
    if (s->n_labels > bytes_left(&r) / 2)
        return damaged(x, err, "series with more labels than bytes", at);
    s->labels.at = r.at;
    for (uint64_t i = 0; i < 2 * s->n_labels; i++)
        take_uvarint(&r);
    s->n_chunks = take_uvarint(&r);
    s->chunks = r;
    return !r.bad || damaged(x, err, "series", at);
}

bool index_labels(const struct index *x, struct index_series *s, struct gv_arena *a, const struct gv_labels **labels,
                  struct gv_err *err)
{
    struct gv_label *all = gv_arena_alloc(a, s->n_labels * sizeof *all);
    size_t n = 0;
    for (; s->n_labels; s->n_labels--, n++)
        if (!index_symbol(x, take_uvarint(&s->labels), &all[n].name, err) ||
            !index_symbol(x, take_uvarint(&s->labels), &all[n].value, err))
            return false;
    *labels = gv_labels_make(a, all, n);
    return true;
}

bool index_label_value(const struct index *x, uint64_t ref, uint64_t name, struct gv_slice *value, struct gv_err *err)
{
    struct index_series s;
    *value = (struct gv_slice){NULL, 0};
    if (!index_series(x, ref, &s, err))
        return false;
    for (; s.n_labels; s.n_labels--) {
        uint64_t this = take_uvarint(&s.labels), number = take_uvarint(&s.labels);
        if (this == name)
            return index_symbol(x, number, value, err);
    }
    return true;
}

int index_next_chunk(const struct index *x, struct index_series *s, struct index_chunk *c, struct gv_err *err)
{
    struct byte_reader *r = &s->chunks;
    if (!s->n_chunks)
        return 0;
    c->min_time = s->begun ? (int64_t)((uint64_t)s->max_time + take_uvarint(r)) : take_varint(r);
    c->max_time = (int64_t)((uint64_t)c->min_time + take_uvarint(r));
    c->ref = s->begun ? s->ref + (uint64_t)take_varint(r) : take_uvarint(r);
    if (r->bad) {
        damaged(x, err, "series ends early", offset_of(x, r->end));
        return -1;
    }
    s->begun = true;
    s->n_chunks--;
    s->max_time = c->max_time;
    s->ref = c->ref;
    return 1;
}
