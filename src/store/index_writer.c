/* The format wants symbols, sorted, before the series that name them by number; series come before all symbols are
 * known. So they wait in a file of their own, where labels are numbered as they came:
 *
 *   series ──► index.series: labels' numbers, chunks ──► sort symbols and labels ──► index: symbols, series, postings
 *
 * A label is a name with a value. How many series each has is counted on the way in, so that all postings together are
 * one array of the right size. */
#include "store/index_writer.h"
#include "base/map.h"
#include "store/block_format.h"
#include <stdlib.h>

#define WAITING_FILE "index.series"

struct symbol {
    struct gv_slice text;
    uint32_t number; /* once sorted */
};
struct pair {
    const struct symbol *name, *value;
    uint32_t number; /* as they came: series that wait name it so */
    uint32_t n_series;
    uint32_t *refs, n_refs; /* once series are written */
    uint64_t postings;      /* once written */
};
struct index_writer {
    const struct gv_io *io;
    const char *folder; /* borrowed */
    struct gv_arena arena;
    struct gv_map pair_of, symbol_of; /* by a label's bytes in a label set; by text */
    struct pair **pairs;              /* by number */
    struct symbol **symbols;
    size_t n_pairs, cap_pairs, n_symbols, cap_symbols, n_series, n_labels;
    struct file_writer waiting, index;
    struct file_map waited;
    struct gv_buf record, chunks;
    uint32_t *refs, *all; /* of every label's series; of every series */
    uint64_t series_at, postings_at, all_at, table_at;
};

struct index_writer *index_writer_new(const struct gv_io *io, const char *folder, struct gv_err *err)
{
    struct index_writer *w = calloc(1, sizeof *w);
    if (!w)
        gv_die("out of memory");
    w->io = io;
    w->folder = folder;
    w->waiting.fd = w->index.fd = -1;
    gv_arena_init(&w->arena, NULL);
    gv_map_init(&w->pair_of, &w->arena);
    gv_map_init(&w->symbol_of, &w->arena);
    if (file_writer_init(&w->waiting, io, folder, WAITING_FILE, err))
        return w;
    index_writer_free(w);
    return NULL;
}

void index_writer_free(struct index_writer *w)
{
    if (!w)
        return;
    file_unmap(&w->waited);
    file_writer_fini(&w->waiting);
    file_writer_fini(&w->index);
    gv_buf_fini(&w->record);
    gv_buf_fini(&w->chunks);
    free(w->refs);
    free(w->all);
    gv_arena_fini(&w->arena);
    free(w);
}

/* ---- Series come ---- */

static const struct symbol *symbol_for(struct index_writer *w, struct gv_slice text)
{
    struct symbol *s = gv_map_find(&w->symbol_of, text);
    if (s)
        return s;
    s = gv_arena_new(&w->arena, struct symbol);
    s->text = text;
    gv_push(&w->arena, w->symbols, w->n_symbols, w->cap_symbols) = s;
    gv_map_put(&w->symbol_of, text, s);
    return s;
}

static struct pair *new_pair(struct index_writer *w, uint64_t hash, struct gv_slice bytes, const struct gv_label *label)
{
    struct pair *p = gv_arena_new(&w->arena, struct pair);
    struct gv_slice own = gv_arena_dup(&w->arena, bytes);
    p->number = (uint32_t)w->n_pairs;
    p->name = symbol_for(w, (struct gv_slice){own.p + (label->name.p - bytes.p), label->name.n});
    p->value = symbol_for(w, (struct gv_slice){own.p + (label->value.p - bytes.p), label->value.n});
    gv_push(&w->arena, w->pairs, w->n_pairs, w->cap_pairs) = p;
    *gv_map_at(&w->pair_of, hash, own) = p;
    return p;
}

static void put_labels(struct index_writer *w, const struct gv_labels *labels)
{
    struct gv_labels_iter it = gv_labels_iter(labels);
    const char *at = it.at;
    put_uvarint(&w->record, labels->count);
    for (struct gv_label label; gv_labels_next(&it, &label); at = it.at) {
        struct gv_slice bytes = {at, (size_t)(it.at - at)};
        uint64_t hash = gv_hash(bytes.p, bytes.n);
        struct pair *p = gv_map_get(&w->pair_of, hash, bytes);
        if (!p)
            p = new_pair(w, hash, bytes, &label);
        p->n_series++;
        put_uvarint(&w->record, p->number);
    }
    w->n_labels += labels->count;
}

/* As the index will have them. */
static void put_chunks(struct gv_buf *out, const struct index_chunk *chunks, size_t n)
{
    put_uvarint(out, n);
    for (size_t i = 0; i < n; i++) {
        const struct index_chunk *c = &chunks[i];
        if (i)
            put_uvarint(out, (uint64_t)c->min_time - (uint64_t)chunks[i - 1].max_time);
        else
            put_varint(out, c->min_time);
        put_uvarint(out, (uint64_t)c->max_time - (uint64_t)c->min_time);
        if (i)
            put_varint(out, (int64_t)(c->ref - chunks[i - 1].ref));
        else
            put_uvarint(out, c->ref);
    }
}

bool index_writer_add(struct index_writer *w, const struct gv_labels *labels, const struct index_chunk *chunks,
                      size_t n, struct gv_err *err)
{
    gv_buf_clear(&w->record);
    gv_buf_clear(&w->chunks);
    put_labels(w, labels);
    put_chunks(&w->chunks, chunks, n);
    put_uvarint(&w->record, w->chunks.n);
    gv_buf_add_slice(&w->record, gv_buf_slice(&w->chunks));
    w->n_series++;
    return file_writer_add(&w->waiting, w->record.p, w->record.n, err);
}

/* ---- Numbers and room ---- */

static int compare_symbols(const void *a, const void *b)
{
    return gv_slice_cmp((*(struct symbol *const *)a)->text, (*(struct symbol *const *)b)->text);
}

static int compare_pairs(const void *pa, const void *pb)
{
    const struct pair *a = *(struct pair *const *)pa, *b = *(struct pair *const *)pb;
    if (a->name != b->name)
        return a->name->number < b->name->number ? -1 : 1;
    return (a->value->number > b->value->number) - (a->value->number < b->value->number);
}

/* Pairs keep their numbers: series name them so. The result is those of them by name and value. */
static struct pair **sort(struct index_writer *w)
{
    struct pair **sorted = gv_arena_array(&w->arena, struct pair *, w->n_pairs + 1);
    if (w->n_symbols)
        qsort(w->symbols, w->n_symbols, sizeof(struct symbol *), compare_symbols);
    for (size_t i = 0; i < w->n_symbols; i++)
        w->symbols[i]->number = (uint32_t)i;
    if (w->n_pairs) {
        memcpy(sorted, w->pairs, w->n_pairs * sizeof(struct pair *));
        qsort(sorted, w->n_pairs, sizeof(struct pair *), compare_pairs);
    }
    return sorted;
}

static void make_room(struct index_writer *w, struct pair **sorted)
{
    w->refs = malloc((w->n_labels + 1) * sizeof *w->refs);
    w->all = malloc((w->n_series + 1) * sizeof *w->all);
    if (!w->refs || !w->all)
        gv_die("out of memory");
    uint32_t *at = w->refs;
    for (size_t i = 0; i < w->n_pairs; at += sorted[i++]->n_series)
        sorted[i]->refs = at;
}

/* ---- The sections ---- */

static bool add_be32(struct index_writer *w, uint32_t v, struct gv_err *err)
{
    uint8_t bytes[4];
    store_be32(bytes, v);
    return file_writer_add(&w->index, bytes, sizeof bytes, err);
}

static bool add_uvarint(struct index_writer *w, uint64_t v, struct gv_err *err)
{
    uint8_t bytes[VARINT_MAX];
    return file_writer_add(&w->index, bytes, (size_t)(store_uvarint(bytes, v) - bytes), err);
}

static bool add_text(struct index_writer *w, struct gv_slice s, struct gv_err *err)
{
    return add_uvarint(w, s.n, err) && file_writer_add(&w->index, s.p, s.n, err);
}

static bool align(struct index_writer *w, unsigned to, struct gv_err *err)
{
    static const char zeros[BLOCK_SERIES_ALIGN];
    return file_writer_add(&w->index, zeros, (to - w->index.size % to) % to, err);
}

/* Its length, and then its content is what the checksum is of. */
static bool begin_section(struct index_writer *w, uint64_t bytes, struct gv_err *err)
{
    if (bytes > UINT32_MAX)
        return gv_fail(err, GV_INTERNAL, "%s: a block of so many labels cannot be written: a section of %llu bytes",
                       w->index.path, (unsigned long long)bytes);
    bool ok = add_be32(w, (uint32_t)bytes, err);
    w->index.crc = 0;
    return ok;
}

static size_t text_size(struct gv_slice s)
{
    return uvarint_size(s.n) + s.n;
}

static bool add_symbols(struct index_writer *w, struct gv_err *err)
{
    uint64_t bytes = 4;
    for (size_t i = 0; i < w->n_symbols; i++)
        bytes += text_size(w->symbols[i]->text);
    bool ok = begin_section(w, bytes, err) && add_be32(w, (uint32_t)w->n_symbols, err);
    for (size_t i = 0; ok && i < w->n_symbols; i++)
        ok = add_text(w, w->symbols[i]->text, err);
    return ok && file_writer_add_crc(&w->index, err);
}

static bool take_record(struct index_writer *w, struct byte_reader *r, uint32_t ref)
{
    uint64_t n = take_uvarint(r);
    gv_buf_clear(&w->record);
    put_uvarint(&w->record, n);
    for (; n && !r->bad; n--) {
        uint64_t number = take_uvarint(r);
        if (number >= w->n_pairs)
            return false;
        struct pair *p = w->pairs[number];
        if (p->n_refs == p->n_series)
            return false;
        p->refs[p->n_refs++] = ref;
        put_uvarint(&w->record, p->name->number);
        put_uvarint(&w->record, p->value->number);
    }
    gv_buf_add_slice(&w->record, take_bytes(r, take_uvarint(r)));
    return !r->bad;
}

static bool add_series(struct index_writer *w, struct gv_err *err)
{
    struct byte_reader r = byte_reader(w->waited.data, w->waited.size);
    if (!align(w, BLOCK_SERIES_ALIGN, err))
        return false;
    w->series_at = w->index.size;
    for (size_t i = 0; i < w->n_series; i++) {
        if (!align(w, BLOCK_SERIES_ALIGN, err))
            return false;
        uint64_t ref = w->index.size / BLOCK_SERIES_ALIGN;
        if (ref > UINT32_MAX)
            return gv_fail(err, GV_INTERNAL, "%s: a block of so many series cannot be written", w->index.path);
        if (!take_record(w, &r, (uint32_t)ref))
            return gv_fail(err, GV_INTERNAL, "%s: what was written does not come back", w->waiting.path);
        w->all[i] = (uint32_t)ref;
        if (!add_uvarint(w, w->record.n, err))
            return false;
        w->index.crc = 0;
        if (!file_writer_add(&w->index, w->record.p, w->record.n, err) || !file_writer_add_crc(&w->index, err))
            return false;
    }
    return true;
}

static bool add_list(struct index_writer *w, const uint32_t *refs, size_t n, uint64_t *at, struct gv_err *err)
{
    if (!align(w, 4, err))
        return false;
    *at = w->index.size;
    gv_buf_clear(&w->record);
    put_be32(&w->record, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_be32(&w->record, refs[i]);
    return begin_section(w, w->record.n, err) && file_writer_add(&w->index, w->record.p, w->record.n, err) &&
           file_writer_add_crc(&w->index, err);
}

static bool add_postings(struct index_writer *w, struct pair **sorted, struct gv_err *err)
{
    bool ok = add_list(w, w->all, w->n_series, &w->all_at, err);
    w->postings_at = w->all_at;
    for (size_t i = 0; ok && i < w->n_pairs; i++)
        ok = add_list(w, sorted[i]->refs, sorted[i]->n_refs, &sorted[i]->postings, err);
    return ok;
}

static bool add_entry(struct index_writer *w, struct gv_slice name, struct gv_slice value, uint64_t postings,
                      struct gv_err *err)
{
    enum { NAME_AND_VALUE = 2 };
    return add_uvarint(w, NAME_AND_VALUE, err) && add_text(w, name, err) && add_text(w, value, err) &&
           add_uvarint(w, postings, err);
}

static size_t entry_size(struct gv_slice name, struct gv_slice value, uint64_t postings)
{
    return 1 + text_size(name) + text_size(value) + uvarint_size(postings);
}

static bool add_table(struct index_writer *w, struct pair **sorted, struct gv_err *err)
{
    uint64_t bytes = 4 + entry_size(GV_S(""), GV_S(""), w->all_at);
    for (size_t i = 0; i < w->n_pairs; i++)
        bytes += entry_size(sorted[i]->name->text, sorted[i]->value->text, sorted[i]->postings);
    w->table_at = w->index.size;
    bool ok = begin_section(w, bytes, err) && add_be32(w, (uint32_t)w->n_pairs + 1, err) &&
              add_entry(w, GV_S(""), GV_S(""), w->all_at, err);
    for (size_t i = 0; ok && i < w->n_pairs; i++)
        ok = add_entry(w, sorted[i]->name->text, sorted[i]->value->text, sorted[i]->postings, err);
    return ok && file_writer_add_crc(&w->index, err);
}

/* Zero: there are no label indices. */
static bool add_toc(struct index_writer *w, struct gv_err *err)
{
    const uint64_t offsets[] = {BLOCK_INDEX_HEADER, w->series_at, 0, 0, w->postings_at, w->table_at};
    gv_buf_clear(&w->record);
    for (size_t i = 0; i < GV_COUNT(offsets); i++)
        put_be64(&w->record, offsets[i]);
    w->index.crc = 0;
    return file_writer_add(&w->index, w->record.p, w->record.n, err) && file_writer_add_crc(&w->index, err);
}

static bool add_header(struct index_writer *w, struct gv_err *err)
{
    uint8_t version = BLOCK_INDEX_VERSION;
    return add_be32(w, BLOCK_INDEX_MAGIC, err) && file_writer_add(&w->index, &version, 1, err);
}

bool index_writer_done(struct index_writer *w, struct gv_err *err)
{
    if (!file_writer_flush(&w->waiting, err) || !file_map(w->io, w->waiting.path, &w->waited, NULL, err) ||
        !file_writer_init(&w->index, w->io, w->folder, "index", err))
        return false;
    struct pair **sorted = sort(w);
    make_room(w, sorted);
    if (!add_header(w, err) || !add_symbols(w, err) || !add_series(w, err) || !add_postings(w, sorted, err) ||
        !add_table(w, sorted, err) || !add_toc(w, err) || !file_writer_sync(&w->index, err))
        return false;
    return w->io->unlink(w->io, w->waiting.path) == 0 || file_fail(err, w->waiting.path, "remove");
}
