/* Answers of remote read made by protobuf-c, the oracle, and the meaning of decoded ones as text. */
#pragma once
#include "base/crc32c.h"
#include "base/number.h"
#include "codec/read_decoder.h"
#include "codec/snappy_block.h"
#include "remote.pb-c.h"
#include <stdio.h>
#include <stdlib.h>

static inline void add_frame(struct gv_buf *out, const void *message, size_t n)
{
    uint32_t crc = gv_crc32c(0, message, n);
    for (size_t v = n;; v >>= 7) {
        gv_buf_addc(out, (char)(v >= 0x80 ? v | 0x80 : v));
        if (v < 0x80)
            break;
    }
    gv_buf_add(out, (uint8_t[]){(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc}, 4);
    gv_buf_add(out, message, n);
}

static inline void add_chunked(struct gv_buf *out, const Prometheus__ChunkedReadResponse *r)
{
    size_t n = prometheus__chunked_read_response__get_packed_size(r);
    uint8_t *message = malloc(n ? n : 1);
    prometheus__chunked_read_response__pack(r, message);
    add_frame(out, message, n);
    free(message);
}

static inline void add_response(struct gv_buf *out, const Prometheus__ReadResponse *r)
{
    size_t n = prometheus__read_response__get_packed_size(r);
    uint8_t *message = malloc(n ? n : 1);
    prometheus__read_response__pack(r, message);
    gv_snappy_encode(out, (struct gv_slice){(const char *)message, n});
    free(message);
}

static inline void print_bits(struct gv_buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (v != v || (v == 0 && bits))
        gv_buf_printf(out, "%016llx", (unsigned long long)bits);
    else
        gv_buf_printf(out, "%.17g", v);
}

/* One line a series: labels, then `time:value` or `time:{{histogram}}`, or `encoding[min,max]"bytes"`. */
static inline void print_series(struct gv_buf *out, const struct gv_series *s)
{
    gv_labels_print(out, s->labels);
    if (s->column.kind == GV_COLUMN_CHUNKS) {
        for (uint32_t i = 0; i < s->column.chunks.n; i++) {
            const struct gv_chunk *c = &s->column.chunks.chunks[i];
            gv_buf_printf(out, " %d[%lld,%lld]", c->encoding, (long long)c->min_time, (long long)c->max_time);
            gv_buf_add_quoted(out, (struct gv_slice){(const char *)c->data, c->size});
        }
    } else {
        const struct gv_raw_column *c = &s->column.raw;
        for (uint32_t i = 0; i < c->n; i++) {
            gv_buf_printf(out, " %lld:", (long long)c->times[i]);
            if (c->histograms && c->histograms[i])
                gv_histogram_print_literal(out, c->histograms[i]);
            else
                print_bits(out, c->values[i]);
        }
    }
    gv_buf_addc(out, '\n');
}

static inline void print_results(struct gv_buf *out, const struct gv_read_result *r, size_t n)
{
    for (size_t q = 0; q < n; q++) {
        gv_buf_printf(out, "query %zu\n", q);
        for (size_t i = 0; i < r[q].n; i++)
            print_series(out, &r[q].series[i]);
    }
}

/* The whole of an answer, fed in pieces of `piece` bytes (0: at once), as text. Pieces are copies of their own length,
 * so that a sanitizer sees every read beyond them. */
static inline bool decode_answer(struct gv_slice body, size_t piece, const struct gv_read_decoder_options *o,
                                 struct gv_budget *budget, struct gv_buf *out, struct gv_err *err)
{
    struct gv_arena a;
    gv_arena_init(&a, budget);
    struct gv_read_decoder *d = gv_read_decoder_new(&a, o);
    bool ok = true;
    for (size_t at = 0, n; ok && at < body.n; at += n) {
        n = piece && piece < body.n - at ? piece : body.n - at;
        char *copy = malloc(n);
        memcpy(copy, body.p + at, n);
        ok = gv_read_decoder_feed(d, copy, n, err);
        free(copy);
    }
    struct gv_read_result *results;
    ok = ok && gv_read_decoder_finish(d, &results, err);
    if (ok)
        print_results(out, results, o->n_queries);
    gv_arena_fini(&a);
    return ok;
}
