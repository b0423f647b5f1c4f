/* The index of a block where it lies in memory (mapped): every 8th symbol and every 32nd label value are known by
 * place, the rest is looked up in the file. Immutable once open: any thread. Every fault is GV_INTERNAL and names the
 * file; what has a checksum is checked: the tables on open, a series or a list of postings when it is read. */
#pragma once
#include "model/labels.h"
#include "model/matcher.h"
#include "store/bytes.h"

struct index_name {
    struct gv_slice name;
    uint32_t n_values;
    uint32_t first_sample; /* in samples; ceil(n_values / 32) of them */
};

struct index {
    const char *path; /* for messages; borrowed */
    const uint8_t *data;
    size_t size;
    struct gv_arena arena;
    uint64_t series_at; /* offset of the first series */
    const uint8_t *symbols, *symbols_end;
    uint32_t n_symbols, *symbol_samples; /* offsets from symbols */
    const uint8_t *table, *table_end;    /* postings offset table: its entries */
    struct index_name *names;            /* ascending; "" is all series */
    size_t n_names, n_samples;
    uint32_t *samples; /* offsets from table */
};

GV_MUST_CHECK bool index_open(struct index *x, const char *path, const uint8_t *data, size_t size, struct gv_err *err);
void index_fini(struct index *x);

GV_MUST_CHECK bool index_symbol(const struct index *x, uint64_t number, struct gv_slice *text, struct gv_err *err);
bool index_find_symbol(const struct index *x, struct gv_slice text, uint64_t *number);

/* ---- Label values and postings ---- */

struct postings { /* series numbers, big-endian, ascending */
    const uint8_t *refs;
    uint32_t n;
};
static inline uint32_t postings_at(const struct postings *p, size_t i)
{
    return load_be32(p->refs + 4 * i);
}
const struct index_name *index_find_name(const struct index *x, struct gv_slice name); /* NULL: not there */

/* The values of one name, ascending; `next` gives what is at the reader's place and moves on. */
struct index_values {
    struct byte_reader r;
    uint32_t left;
    struct gv_slice value;
    uint64_t postings; /* where they are */
};
struct index_values index_values(const struct index *x, const struct index_name *name);
struct index_values index_values_from(const struct index *x, const struct index_name *name, struct gv_slice value);
bool index_values_next(struct index_values *v);

GV_MUST_CHECK bool index_postings(const struct index *x, uint64_t at, struct postings *out, struct gv_err *err);
/* Of one pair; n 0 where there is none. */
GV_MUST_CHECK bool index_find(const struct index *x, struct gv_slice name, struct gv_slice value, struct postings *out,
                              struct gv_err *err);

/* ---- Series ---- */

struct index_series {
    struct byte_reader labels, chunks;
    uint64_t n_labels, n_chunks; /* left to read */
    bool begun;
    int64_t max_time; /* of the chunk before */
    uint64_t ref;
};
struct index_chunk {
    int64_t min_time, max_time;
    uint64_t ref; /* segment << 32 | offset */
};
GV_MUST_CHECK bool index_series(const struct index *x, uint64_t ref, struct index_series *s, struct gv_err *err);
GV_MUST_CHECK bool index_labels(const struct index *x, struct index_series *s, struct gv_arena *a,
                                const struct gv_labels **labels, struct gv_err *err);
/* The value of the label whose name is this symbol; empty where the series has none. */
GV_MUST_CHECK bool index_label_value(const struct index *x, uint64_t ref, uint64_t name, struct gv_slice *value,
                                     struct gv_err *err);
/* 1, 0 at the end, -1 with err. */
int index_next_chunk(const struct index *x, struct index_series *s, struct index_chunk *c, struct gv_err *err);

/* index_select.c: numbers of the series that match all, ascending, in a. */
GV_MUST_CHECK bool index_select(const struct index *x, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                                uint64_t **series, size_t *n_series, struct gv_err *err);
