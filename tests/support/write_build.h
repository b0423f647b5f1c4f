/* Remote-write requests of both versions from short texts: labels "__name__=up,job=a", samples "1@1000 2@2000". */
#pragma once
#include "codec/histogram_message.h"
#include "codec/snappy_block.h"
#include "codec/write_decoder.h"
#include <stdlib.h>

struct write_build {
    enum gv_write_version version;
    struct gv_buf series, symbols, scratch;
    struct gv_slice known[200];
    size_t n_known;
    struct gv_arena arena;
};

static inline struct write_build write_build_new(enum gv_write_version version)
{
    struct write_build w = {.version = version, .known = {{"", 0}}, .n_known = 1};
    gv_arena_init(&w.arena, NULL);
    pb_put_bytes(&w.symbols, 4, (struct gv_slice){"", 0});
    return w;
}

static inline void write_build_free(struct write_build *w)
{
    gv_arena_fini(&w->arena);
    gv_buf_fini(&w->series);
    gv_buf_fini(&w->symbols);
    gv_buf_fini(&w->scratch);
}

static inline uint64_t build_symbol(struct write_build *w, struct gv_slice text)
{
    for (size_t i = 0; i < w->n_known; i++)
        if (gv_slice_eq(w->known[i], text))
            return i;
    w->known[w->n_known] = gv_arena_dup(&w->arena, text);
    pb_put_bytes(&w->symbols, 4, text);
    return w->n_known++;
}

static inline void build_label(struct write_build *w, struct gv_buf *out, struct gv_slice name, struct gv_slice value)
{
    if (w->version == GV_WRITE_2) {
        pb_put_varint(out, build_symbol(w, name));
        pb_put_varint(out, build_symbol(w, value));
        return;
    }
    struct gv_buf label = GV_BUF_INIT;
    pb_put_text(&label, 1, name);
    pb_put_text(&label, 2, value);
    pb_put_bytes(out, 1, gv_buf_slice(&label));
    gv_buf_fini(&label);
}

static inline void build_labels(struct write_build *w, struct gv_buf *out, const char *text)
{
    struct gv_buf labels = GV_BUF_INIT;
    while (*text) {
        size_t n = strcspn(text, ","), name = strcspn(text, "=");
        build_label(w, &labels, (struct gv_slice){text, name}, (struct gv_slice){text + name + 1, n - name - 1});
        text += n + (text[n] == ',');
    }
    if (w->version == GV_WRITE_2)
        pb_put_bytes(out, 1, gv_buf_slice(&labels));
    else
        gv_buf_add_slice(out, gv_buf_slice(&labels));
    gv_buf_fini(&labels);
}

static inline void build_samples(struct gv_buf *out, const char *text)
{
    while (*text) {
        struct gv_buf sample = GV_BUF_INIT;
        char *at;
        pb_put_double(&sample, 1, strtod(text, &at));
        pb_put_int(&sample, 2, strtoll(at + 1, &at, 10));
        pb_put_bytes(out, 2, gv_buf_slice(&sample));
        gv_buf_fini(&sample);
        text = at + (*at == ' ');
    }
}

/* A series whose message is then `rest` of fields that the caller made; NULL: none. */
static inline void build_series_with(struct write_build *w, const char *labels, const char *samples,
                                     const struct gv_buf *rest)
{
    gv_buf_clear(&w->scratch);
    build_labels(w, &w->scratch, labels);
    build_samples(&w->scratch, samples);
    if (rest)
        gv_buf_add_slice(&w->scratch, gv_buf_slice(rest));
    pb_put_bytes(&w->series, w->version == GV_WRITE_1 ? 1 : 5, gv_buf_slice(&w->scratch));
}

static inline void build_series(struct write_build *w, const char *labels, const char *samples)
{
    build_series_with(w, labels, samples, NULL);
}

static inline void build_histogram(struct write_build *w, struct gv_buf *rest, int64_t time,
                                   const struct gv_histogram *h)
{
    pb_put_histogram(rest, w->version == GV_WRITE_1 ? 4 : 3, time, h);
}

static inline void build_exemplar(struct write_build *w, struct gv_buf *rest, const char *labels, double value,
                                  int64_t time)
{
    struct gv_buf e = GV_BUF_INIT;
    build_labels(w, &e, labels);
    pb_put_double(&e, 2, value);
    pb_put_int(&e, 3, time);
    pb_put_bytes(rest, w->version == GV_WRITE_1 ? 3 : 4, gv_buf_slice(&e));
    gv_buf_fini(&e);
}

/* The message, not compressed. */
static inline void build_message(struct write_build *w, struct gv_buf *out)
{
    if (w->version == GV_WRITE_2)
        gv_buf_add_slice(out, gv_buf_slice(&w->symbols));
    gv_buf_add_slice(out, gv_buf_slice(&w->series));
}

static inline void build_body(struct write_build *w, struct gv_buf *out)
{
    struct gv_buf message = GV_BUF_INIT;
    build_message(w, &message);
    gv_snappy_encode(out, gv_buf_slice(&message));
    gv_buf_fini(&message);
}
