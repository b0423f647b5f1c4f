/* Any bytes as the index of a block, its checksums made right first, so that what is behind them is reached: everything
 * that can be asked of it is answered or refused, and never from beyond the file. */
#include "base/crc32c.h"
#include "promql/parse.h"
#include "store/block_format.h"
#include "store/index.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Checksums ---- */

static void mend(uint8_t *content, size_t n)
{
    store_be32(content + n, gv_crc32c(0, content, n));
}

static void mend_section(uint8_t *data, size_t size, uint64_t at)
{
    if (at < BLOCK_INDEX_HEADER || at > size || size - at < 8)
        return;
    uint32_t n = load_be32(data + at);
    if (n <= size - at - 8)
        mend(data + at + 4, n);
}

static void mend_series(uint8_t *data, size_t size, uint64_t at)
{
    for (; at < size - BLOCK_INDEX_TOC; at += BLOCK_SERIES_ALIGN - at % BLOCK_SERIES_ALIGN) {
        struct byte_reader r = byte_reader(data + at, size - at);
        uint64_t n = take_uvarint(&r);
        if (!r.bad && bytes_left(&r) >= BLOCK_CRC && n <= bytes_left(&r) - BLOCK_CRC)
            mend(data + (r.at - data), n);
    }
}

static void mend_postings(uint8_t *data, size_t size, uint64_t table)
{
    if (table > size || size - table < 8)
        return;
    struct byte_reader r = byte_reader(data + table + 8, size - table - 8);
    for (uint32_t n = load_be32(data + table + 4); n && !r.bad; n--) {
        take_uvarint(&r);
        take_bytes(&r, take_uvarint(&r));
        take_bytes(&r, take_uvarint(&r));
        mend_section(data, size, take_uvarint(&r));
    }
}

static void mend_all(uint8_t *data, size_t size)
{
    uint8_t *toc = data + size - BLOCK_INDEX_TOC;
    uint64_t symbols = load_be64(toc), series = load_be64(toc + 8), table = load_be64(toc + 40);
    if (series < size)
        mend_series(data, size, series);
    mend_postings(data, size, table);
    mend_section(data, size, table);
    mend_section(data, size, symbols);
    toc = data + size - BLOCK_INDEX_TOC;
    mend(toc, BLOCK_INDEX_TOC - BLOCK_CRC);
}

/* ---- Questions ---- */

static uint64_t sum; /* of bytes, so that they are read */

static void touch(struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        sum += (unsigned char)s.p[i];
}

static void read_series(const struct index *x, struct gv_arena *a, uint64_t ref)
{
    struct index_series s;
    struct index_chunk c;
    const struct gv_labels *labels;
    struct gv_slice value;
    if (!index_series(x, ref, &s, NULL))
        return;
    if (index_labels(x, &s, a, &labels, NULL))
        touch(gv_labels_bytes(labels));
    while (index_next_chunk(x, &s, &c, NULL) > 0)
        sum += c.ref;
    if (index_label_value(x, ref, 1, &value, NULL))
        touch(value);
}

static void look_up_names(const struct index *x)
{
    for (size_t i = 0; i < x->n_names; i++) {
        struct index_values v = index_values(x, &x->names[i]);
        while (index_values_next(&v)) {
            struct postings p;
            touch(v.value);
            if (index_find(x, x->names[i].name, v.value, &p, NULL) && p.n)
                sum += postings_at(&p, p.n - 1);
        }
    }
    for (uint64_t i = 0; i < x->n_symbols; i++) {
        struct gv_slice text;
        uint64_t number;
        if (index_symbol(x, i, &text, NULL))
            sum += index_find_symbol(x, text, &number);
    }
}

static void select_some(const struct index *x, struct gv_arena *a)
{
    static const char *const selectors[] = {"up",
                                            "{job=\"a\"}",
                                            "{job!=\"a\",instance=\"1\"}",
                                            "up{job=~\"a|b\",x=\"\"}",
                                            "{job=~\"a.*\"}",
                                            "{job!~\".*b\",instance!=\"\"}",
                                            "{instance=~\"[0-9]+\",job!~\"a|\"}"};
    for (size_t i = 0; i < GV_COUNT(selectors); i++) {
        struct gv_selector *s = gv_promql_parse_selector(a, gv_slice_of(selectors[i]), NULL);
        uint64_t *series;
        size_t n;
        if (!index_select(x, a, s->matchers, s->n_matchers, &series, &n, NULL))
            continue;
        for (size_t k = 0; k < n; k++)
            read_series(x, a, series[k]);
    }
}

static void ask_everything(const struct index *x)
{
    struct gv_arena a;
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    look_up_names(x);
    select_some(x, &a);
    if (index_select(x, &a, NULL, 0, &series, &n, NULL))
        for (size_t i = 0; i < n; i++)
            read_series(x, &a, series[i]);
    gv_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 14 };
    struct index x;
    struct gv_err err = {0};
    if (size < BLOCK_INDEX_HEADER + BLOCK_INDEX_TOC || size > MOST)
        return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    mend_all(copy, size);
    if (index_open(&x, "index", copy, size, &err))
        ask_everything(&x);
    else if (err.code != GV_INTERNAL || !strstr(err.msg, "index: "))
        gv_die("refused so: %s", err.msg);
    index_fini(&x);
    free(copy);
    return 0;
}
