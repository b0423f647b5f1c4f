/* Chunks go to their segments as they come; index and meta.json follow at the end. All in a folder whose name says that
 * it is being made, which is renamed when everything is on disk. */
#include "store/block_folder.h"
#include "codec/chunk_xor.h"
#include "store/block_format.h"
#include "store/block_meta.h"
#include "store/index_writer.h"
#include <stdio.h>
#include <stdlib.h>

static const uint64_t largest_segment = UINT64_C(512) << 20;

struct block_writer {
    struct block_writer_options options;
    struct block_meta meta;
    char *folder, *unfinished, *chunks_folder;
    struct file_writer segment;
    size_t n_segments;
    struct index_writer *index;
    struct gv_buf labels; /* of the series before */
    struct index_chunk *places;
    size_t cap_places;
    bool finished;
};

/* ---- Beginning ---- */

static int compare_ulids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void set_sources(struct block_meta *m, const struct block_writer_options *o)
{
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < o->n_parents; i++)
        all += o->parents[i]->n_sources;
    m->sources = calloc(all + 1, sizeof *m->sources);
    if (!m->sources)
        gv_die("out of memory");
    for (size_t i = 0; i < o->n_parents; i++)
        for (size_t k = 0; k < o->parents[i]->n_sources; k++)
            memcpy(m->sources[m->n_sources++], o->parents[i]->sources[k], BLOCK_ULID_MAX);
    if (!m->n_sources)
        memcpy(m->sources[m->n_sources++], m->ulid, BLOCK_ULID_MAX);
    qsort(m->sources, m->n_sources, sizeof *m->sources, compare_ulids);
    for (size_t i = 0; i < m->n_sources; i++)
        if (!kept || strcmp(m->sources[i], m->sources[kept - 1]) != 0)
            memmove(m->sources[kept++], m->sources[i], BLOCK_ULID_MAX);
    m->n_sources = kept;
}

struct block_writer *block_writer_new(const struct block_writer_options *o, struct gv_err *err)
{
    struct block_writer *w = calloc(1, sizeof *w);
    if (!w)
        gv_die("out of memory");
    w->options = *o;
    w->segment.fd = -1;
    w->meta = (struct block_meta){.min_time = o->min_time, .max_time = o->max_time, .level = o->level};
    ulid_make(w->meta.ulid, o->now);
    set_sources(&w->meta, o);
    w->folder = file_join(o->parent, w->meta.ulid);
    if (asprintf(&w->unfinished, "%s" BLOCK_BEING_MADE, w->folder) < 0)
        gv_die("out of memory");
    w->chunks_folder = file_join(w->unfinished, BLOCK_CHUNKS_FOLDER);
    if (file_make_folder(o->io, w->unfinished, err) && file_make_folder(o->io, w->chunks_folder, err)) {
        w->index = index_writer_new(o->io, w->unfinished, err);
        if (w->index)
            return w;
    }
    block_writer_free(w);
    return NULL;
}

void block_writer_free(struct block_writer *w)
{
    struct gv_err ignored = {0}; /* what stays has the name of what is not finished */
    index_writer_free(w->index);
    file_writer_fini(&w->segment);
    if (!w->finished)
        (void)!file_remove_folder(w->options.io, w->unfinished, &ignored);
    block_meta_fini(&w->meta);
    gv_buf_fini(&w->labels);
    free(w->places);
    free(w->chunks_folder);
    free(w->unfinished);
    free(w->folder);
    free(w);
}

/* ---- Chunks ---- */

static bool end_segment(struct block_writer *w, struct gv_err *err)
{
    bool ok = w->segment.fd < 0 || file_writer_sync(&w->segment, err);
    file_writer_fini(&w->segment);
    return ok;
}

static bool begin_segment(struct block_writer *w, struct gv_err *err)
{
    char name[32];
    uint8_t header[BLOCK_CHUNKS_HEADER] = {0};
    snprintf(name, sizeof name, BLOCK_SEGMENT_NAME, ++w->n_segments);
    store_be32(header, BLOCK_CHUNKS_MAGIC);
    header[4] = BLOCK_CHUNKS_VERSION;
    return file_writer_init(&w->segment, w->options.io, w->chunks_folder, name, err) &&
           file_writer_add(&w->segment, header, sizeof header, err);
}

static bool make_room_for(struct block_writer *w, uint64_t bytes, struct gv_err *err)
{
    uint64_t most = w->options.segment_size ? w->options.segment_size : largest_segment;
    if (w->segment.fd >= 0 && w->segment.size + bytes <= most)
        return true;
    return end_segment(w, err) && begin_segment(w, err);
}

static bool add_chunk(struct block_writer *w, const struct gv_chunk *c, struct index_chunk *place, struct gv_err *err)
{
    uint8_t head[VARINT_MAX];
    size_t n = (size_t)(store_uvarint(head, c->size) - head);
    if (c->min_time > c->max_time || c->min_time < w->meta.min_time || c->max_time >= w->meta.max_time)
        return gv_fail(err, GV_INTERNAL, "%s: a chunk lies outside of the block's times", w->unfinished);
    if (!make_room_for(w, n + 1 + c->size + BLOCK_CRC, err))
        return false;
    *place = (struct index_chunk){c->min_time, c->max_time, (uint64_t)(w->n_segments - 1) << 32 | w->segment.size};
    if (!file_writer_add(&w->segment, head, n, err))
        return false;
    w->segment.crc = 0;
    w->meta.samples += gv_chunk_samples(c->data, c->size);
    w->meta.chunks++;
    return file_writer_add(&w->segment, &c->encoding, 1, err) && file_writer_add(&w->segment, c->data, c->size, err) &&
           file_writer_add_crc(&w->segment, err);
}

static struct index_chunk *places_for(struct block_writer *w, size_t n)
{
    if (n > w->cap_places) {
        free(w->places);
        w->cap_places = 2 * n;
        w->places = malloc(w->cap_places * sizeof *w->places);
        if (!w->places)
            gv_die("out of memory");
    }
    return w->places;
}

/* What is out of order would be found by no reader. */
static bool check_order(struct block_writer *w, const struct gv_labels *labels, struct gv_err *err)
{
    const struct gv_labels *before = (const struct gv_labels *)(const void *)w->labels.p;
    if (w->labels.n && gv_labels_cmp(before, labels) >= 0) {
        struct gv_buf text = GV_BUF_INIT;
        gv_labels_print(&text, labels);
        gv_fail(err, GV_INTERNAL, "%s: series out of order: %s", w->unfinished, gv_buf_cstr(&text));
        gv_buf_fini(&text);
        return false;
    }
    gv_buf_clear(&w->labels);
    gv_buf_add(&w->labels, labels, sizeof *labels + labels->size);
    return true;
}

bool block_writer_add(struct block_writer *w, const struct gv_labels *labels, const struct gv_chunk *chunks, size_t n,
                      struct gv_err *err)
{
    struct index_chunk *places = places_for(w, n);
    if (!n)
        return true;
    if (!check_order(w, labels, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!add_chunk(w, &chunks[i], &places[i], err))
            return false;
        if (i && chunks[i].min_time <= chunks[i - 1].max_time)
            return gv_fail(err, GV_INTERNAL, "%s: chunks overlap", w->unfinished);
    }
    w->meta.series++;
    return index_writer_add(w->index, labels, places, n, err);
}

/* ---- Ending ---- */

static bool write_meta(struct block_writer *w, struct gv_err *err)
{
    struct file_writer f;
    struct gv_buf text = GV_BUF_INIT;
    block_meta_print(&w->meta, w->options.parents, w->options.n_parents, &text);
    bool ok = file_writer_init(&f, w->options.io, w->unfinished, BLOCK_META_FILE, err);
    if (ok) {
        ok = file_writer_add(&f, text.p, text.n, err) && file_writer_sync(&f, err);
        file_writer_fini(&f);
    }
    gv_buf_fini(&text);
    return ok;
}

bool block_writer_done(struct block_writer *w, char ulid[BLOCK_ULID_MAX], struct gv_err *err)
{
    const struct gv_io *io = w->options.io;
    *ulid = 0;
    if (!w->meta.series)
        return true;
    if (!end_segment(w, err) || !file_sync_folder(io, w->chunks_folder, err) || !index_writer_done(w->index, err) ||
        !write_meta(w, err) || !file_sync_folder(io, w->unfinished, err) ||
        !block_folder_publish(io, w->unfinished, w->folder, err))
        return false;
    w->finished = true;
    memcpy(ulid, w->meta.ulid, BLOCK_ULID_MAX);
    return true;
}
