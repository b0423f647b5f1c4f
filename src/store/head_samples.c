/* One sample into its series: what becomes of it, by its time and by what is there. */
#include "codec/chunks.h"
#include "store/head_impl.h"

/* ---- Whether it is there already ---- */

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static bool covers(int64_t min_time, int64_t max_time, int64_t time)
{
    return min_time <= time && time <= max_time;
}

/* What counts as there: in order what is not in blocks, out of order what is of epochs above `after`. */
struct seen {
    int64_t truncated;
    uint32_t after;
};

/* All chunks that may have a sample of this time, in a. */
static void chunks_at(const struct head_series *s, struct gv_arena *a, int64_t time, struct seen seen,
                      struct gv_chunks_column *out)
{
    struct gv_chunk *chunks = NULL;
    size_t n = 0, cap = 0;
    struct gv_err ignored = {0}; /* there is no budget */
    bool in_order = time >= seen.truncated;
    if (in_order && s->open.n && covers(s->open_time, s->open.time, time)) {
        uint32_t size = head_open_size(s);
        uint8_t *copy = gv_arena_alloc(a, size);
        head_open_copy(s, copy);
        gv_push(a, chunks, n, cap) = (struct gv_chunk){s->open_time, s->open.time, copy, size, s->encoding};
    }
    for (const struct head_chunk *c = s->chunks; in_order && c && c->max_time >= time; c = c->older)
        if (c->min_time <= time)
            gv_push(a, chunks, n, cap) = (struct gv_chunk){c->min_time, c->max_time, c->data, c->size, c->encoding};
    struct head_late_wish late = {.min_time = time, .max_time = time, .after = seen.after, .last = UINT32_MAX};
    if (!head_late_chunks(s, a, &late, &chunks, &n, &cap, &ignored))
        gv_die("samples out of order that make no chunk: %s", ignored.msg);
    *out = (struct gv_chunks_column){chunks, (uint32_t)n};
}

static bool is_same(struct gv_arena *a, const struct gv_raw_column *there, const struct gv_store_sample *sample)
{
    const struct gv_histogram *h = there->histograms ? there->histograms[0] : NULL, *other = sample->histogram;
    if (h && gv_is_stale(h->sum))
        return gv_is_stale(other ? other->sum : sample->value);
    if (!h || !other)
        return !h && !other && bits_of(there->values[0]) == bits_of(sample->value);
    return gv_histogram_eq(gv_histogram_compact(a, h), gv_histogram_compact(a, other));
}

/* GV_APPEND_SAME, GV_APPEND_DUPLICATE, or GV_APPEND_STORED where there is none of this time. */
static unsigned look_up(const struct head_series *s, const struct gv_store_sample *sample, struct seen seen)
{
    struct gv_arena a;
    struct gv_chunks_column chunks;
    struct gv_raw_column there;
    struct gv_err err = {0};
    unsigned verdict = GV_APPEND_STORED;
    gv_arena_init(&a, NULL);
    chunks_at(s, &a, sample->time, seen, &chunks);
    if (chunks.n) {
        if (!gv_chunks_to_raw(&a, &chunks, sample->time, sample->time, &there, &err))
            gv_die("a chunk of the head: %s", err.msg);
        if (there.n)
            verdict = is_same(&a, &there, sample) ? GV_APPEND_SAME : GV_APPEND_DUPLICATE;
    }
    gv_arena_fini(&a);
    return verdict;
}

/* ---- In order ---- */

static void put_in_order(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample)
{
    int64_t time = sample->time;
    if (sample->histogram) {
        head_put_histogram(h, stripe, s, time, sample->histogram);
        return;
    }
    if (s->open.n && series_is_histogram(s) && gv_is_stale(sample->value)) { /* the series ends, whatever it was */
        head_put_histogram(h, stripe, s, time, &(struct gv_histogram){.sum = sample->value});
        return;
    }
    if (s->open.n && (series_is_histogram(s) || s->open.n >= HEAD_CHUNK_SAMPLES || time >= s->cut_time))
        head_open_finish(stripe, s);
    if (!s->open.n)
        head_open_begin(h, stripe, s, time, GV_CHUNK_XOR);
    head_open_put(stripe, s, time, sample->value);
}

/* ---- Everything else ---- */

static unsigned put_late(struct head_stripe *stripe, struct head_series *s, const struct gv_store_sample *sample,
                         const struct head_limits *limits, bool is_older)
{
    unsigned there = look_up(s, sample, (struct seen){limits->truncated, 0});
    if (there == GV_APPEND_SAME && sample->time < limits->truncated)
        return GV_APPEND_SAME | HEAD_LATE;
    if (there != GV_APPEND_STORED)
        return there;
    if (!limits->window)
        return is_older ? GV_APPEND_OUT_OF_ORDER : GV_APPEND_TOO_OLD;
    if (sample->time < limits->late_oldest)
        return GV_APPEND_TOO_OLD;
    head_late_put(stripe, s, sample, limits->epoch);
    return GV_APPEND_STORED | HEAD_LATE;
}

/* Where an earlier epoch has it too, that one is in a block perhaps, and goes when the log says so. */
void head_put_late_again(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample, uint32_t epoch)
{
    if (look_up(s, sample, (struct seen){h->truncated, epoch - 1}) == GV_APPEND_STORED)
        head_late_put(stripe, s, sample, epoch);
}

static unsigned put_other(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                          const struct gv_store_sample *sample, const struct head_limits *limits)
{
    int64_t last = head_last_time(s);
    if (s->is_gone)
        return GV_APPEND_GONE;
    if (sample->time > limits->newest)
        return GV_APPEND_OUT_OF_BOUNDS;
    if (sample->time > last && sample->time >= limits->oldest) {
        put_in_order(h, stripe, s, sample);
        return GV_APPEND_STORED;
    }
    if (sample->time == last && s->open.n && !series_is_histogram(s) && !sample->histogram)
        return s->open.value == bits_of(sample->value) ? GV_APPEND_SAME : GV_APPEND_DUPLICATE;
    return put_late(stripe, s, sample, limits, sample->time <= last);
}

unsigned head_put_sample(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample, const struct head_limits *limits)
{
    int64_t time = sample->time;
    if (__builtin_expect(s->open.n && s->open.n < HEAD_CHUNK_SAMPLES && time > s->open.time && time < s->cut_time &&
                             !series_is_histogram(s) && !sample->histogram && time >= limits->oldest &&
                             time <= limits->newest && !s->is_gone,
                         1)) {
        head_open_put(stripe, s, time, sample->value);
        return GV_APPEND_STORED;
    }
    return put_other(h, stripe, s, sample, limits);
}
