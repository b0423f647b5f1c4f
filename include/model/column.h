/* Result columns: the values of one series in one of five forms, and a result made of them.
 * Everything lives in the arena of its query; immutable once handed on. */
#pragma once
#include "model/annotations.h"
#include "model/histogram.h"
#include "model/labels.h"

/* Evaluation times start, start+step, ..., n of them; ms since the epoch. An instant query: n = 1, step = 0. */
struct gv_grid {
    int64_t start, step;
    uint32_t n;
};
static inline int64_t gv_grid_time(const struct gv_grid *g, uint32_t i)
{
    return g->start + g->step * (int64_t)i;
}

/* JSON text kept as it came, in pieces of the blocks it arrived in. */
struct gv_text {
    const char *p;
    size_t n;
    const struct gv_text *next;
};

enum gv_column_kind { GV_COLUMN_SPAN, GV_COLUMN_STEPS, GV_COLUMN_RAW, GV_COLUMN_CHUNKS, GV_COLUMN_MADE };

/* The source text of "value"/"values" and "histogram"/"histograms": for a vector the one point `[t,"v"]`, for a matrix
 * the points between the outer brackets, `[t,"v"],[t,"v"]`. Absent ones are NULL. */
struct gv_span_column {
    const struct gv_text *floats, *histograms;
    uint32_t n_floats, n_histograms; /* points */
};

/* One value per step of the result's grid. A step is present where its bit is set; absence is never a NaN.
 * A present step is a histogram where histograms is not NULL and its entry is not NULL, else a float. */
struct gv_steps_column {
    double *values;                         /* grid.n */
    uint64_t *present;                      /* gv_bits_words(grid.n) words, bit i of the grid at word i/64, bit i%64 */
    const struct gv_histogram **histograms; /* grid.n, or NULL: floats only */
};

/* Samples as stored, by time. Stale markers are kept bit for bit. */
struct gv_raw_column {
    const int64_t *times; /* ms */
    const double *values;
    const struct gv_histogram *const *histograms; /* or NULL; an entry that is not NULL is the sample */
    const int64_t *starts;                        /* start timestamps, ms, 0 unknown; or NULL */
    uint32_t n;
};

enum gv_chunk_encoding { GV_CHUNK_XOR = 1, GV_CHUNK_HISTOGRAM = 2, GV_CHUNK_FLOAT_HISTOGRAM = 3 };
struct gv_chunk {
    int64_t min_time, max_time; /* ms, inclusive */
    const uint8_t *data;        /* as in a Prometheus chunk: big-endian uint16 count first */
    uint32_t size;
    uint8_t encoding; /* enum gv_chunk_encoding */
};
struct gv_chunks_column {
    const struct gv_chunk *chunks; /* by time */
    uint32_t n;
};

/* Samples as stored that are put together of others whenever they are read. */
struct gv_made_column {
    /* *out lives in a or where the column does. Any thread. */
    bool (*make)(const struct gv_made_column *c, struct gv_arena *a, struct gv_raw_column *out, struct gv_err *err);
};

struct gv_column {
    enum gv_column_kind kind;
    union {
        struct gv_span_column span;
        struct gv_steps_column steps;
        struct gv_raw_column raw;
        struct gv_chunks_column chunks;
        const struct gv_made_column *made;
    };
};

struct gv_series {
    const struct gv_labels *labels;
    struct gv_column column;
};

enum gv_result_type { GV_RESULT_NONE, GV_RESULT_SCALAR, GV_RESULT_STRING, GV_RESULT_VECTOR, GV_RESULT_MATRIX };

struct gv_result {
    enum gv_result_type type;
    struct gv_grid grid; /* of STEPS columns */
    struct gv_series *series;
    size_t n;
    int64_t time;           /* scalar, string: ms */
    double scalar;          /* GV_RESULT_SCALAR */
    struct gv_slice string; /* GV_RESULT_STRING */
    struct gv_annotations notes;
};

/* The bit pattern that marks the end of a series (Prometheus: value.StaleNaN). */
#define GV_STALE_BITS UINT64_C(0x7ff0000000000002)
static inline bool gv_is_stale(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits == GV_STALE_BITS;
}

static inline size_t gv_bits_words(size_t n)
{
    return (n + 63) / 64;
}
static inline bool gv_bit(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}
static inline void gv_bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline void gv_bit_clear(uint64_t *bits, size_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

const char *gv_result_type_text(enum gv_result_type type); /* "vector", ... as in resultType */
