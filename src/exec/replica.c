/* Columns in; picks of their samples, by time; one column out:
 *
 *   lanes, the base first ──► picks: the base's ──► holes filled, lane by lane ──► stale markers of real ends
 *
 * A sample that is a stale marker is no sample until the last step. */
#include "exec/replica.h"
#include "model/raw.h"
#include <stdlib.h>

enum { DEFAULT_INTERVAL = 60 * 1000 }; /* ms */
enum { MOST_DELTAS = 511 };

struct lane {
    const struct gv_raw_column *c;
    uint32_t n_live;
    uint32_t at; /* how far the holes so far reached */
};

struct pick {
    int64_t time;
    uint32_t lane, index;
};

struct merge {
    struct gv_arena *arena;
    struct lane *lanes; /* the base, then most samples first */
    uint32_t n_lanes;
    int64_t interval; /* ms */
    struct pick *picks, *spare;
    size_t n;
};

/* ---- Samples ---- */

static const struct gv_histogram *histogram_at(const struct gv_raw_column *c, uint32_t i)
{
    return c->histograms ? c->histograms[i] : NULL;
}

static bool is_live(const struct gv_raw_column *c, uint32_t i)
{
    const struct gv_histogram *h = histogram_at(c, i);
    return !gv_is_stale(h ? h->sum : c->values[i]);
}

/* Whether y after x looks like the reset of a counter. */
static bool drops(struct gv_arena *a, const struct gv_raw_column *cx, uint32_t x, const struct gv_raw_column *cy,
                  uint32_t y)
{
    const struct gv_histogram *hx = histogram_at(cx, x), *hy = histogram_at(cy, y);
    if (!hx != !hy)
        return false;
    if (!hx)
        return cy->values[y] < cx->values[x];
    if (hy->reset_hint == GV_RESET_GAUGE)
        return false;
    struct gv_arena_mark mark = gv_arena_mark(a);
    bool reset = gv_histogram_is_reset(a, gv_histogram_without_reset(a, hy), hx);
    gv_arena_rewind(a, mark);
    return reset;
}

static bool drops_between(const struct merge *m, const struct pick *x, const struct pick *y)
{
    return drops(m->arena, m->lanes[x->lane].c, x->index, m->lanes[y->lane].c, y->index);
}

/* ---- The typical interval ---- */

static int by_size(const void *a, const void *b)
{
    int64_t l = *(const int64_t *)a, r = *(const int64_t *)b;
    return (l > r) - (l < r);
}

/* The median of the distances between a lane's samples, of many every so manyth; 0 where there are none. */
static int64_t median_interval(const struct lane *l)
{
    int64_t deltas[MOST_DELTAS], last = 0;
    uint32_t n = 0, seen = 0, every = l->n_live / MOST_DELTAS + 1;
    for (uint32_t i = 0; i < l->c->n; i++) {
        if (!is_live(l->c, i))
            continue;
        if (seen && seen % every == 0)
            deltas[n++] = l->c->times[i] - last;
        last = l->c->times[i];
        seen++;
    }
    if (!n)
        return 0;
    qsort(deltas, n, sizeof *deltas, by_size);
    return deltas[n / 2];
}

static int64_t typical_interval(const struct merge *m)
{
    for (uint32_t i = 0; i < m->n_lanes; i++) {
        int64_t interval = median_interval(&m->lanes[i]);
        if (interval)
            return interval;
    }
    return DEFAULT_INTERVAL;
}

static bool is_hole(const struct merge *m, int64_t from, int64_t to)
{
    return (to - from) * 2 > m->interval * 3;
}

/* ---- Filling ---- */

/* A hole between two picks, or on one side of one; the run of a lane's samples that may fill it. */
struct hole {
    const struct pick *left, *right; /* NULL: open */
    int64_t from, to;                /* within these, inclusive, samples keep their distance */
    uint32_t lane, first, end;       /* of the lane: first <= index < end */
};

/* From a sample of the lane before `left`, or at it, none up to index was lower than the one before. */
static bool rises_from(const struct merge *m, const struct hole *h, uint32_t index)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    uint32_t later = index;
    for (uint32_t i = index; i-- > 0;) {
        if (!is_live(c, i))
            continue;
        if (drops(m->arena, c, i, c, later))
            return false;
        if (c->times[i] <= h->left->time)
            return true;
        later = i;
    }
    return false; /* it begins in the hole: nobody knows */
}

/* The same up to a sample at `right` or behind it; where the lane ends before, what the two sides of the hole say. */
static bool rises_to(const struct merge *m, const struct hole *h, uint32_t index)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    uint32_t earlier = index;
    for (uint32_t i = index + 1; i < c->n; i++) {
        if (!is_live(c, i))
            continue;
        if (drops(m->arena, c, earlier, c, i))
            return false;
        if (c->times[i] >= h->right->time)
            return true;
        earlier = i;
    }
    return !h->left || !drops_between(m, h->left, h->right);
}

static bool is_near(const struct merge *m, int64_t t, const struct pick *p)
{
    return !is_hole(m, t < p->time ? t : p->time, t < p->time ? p->time : t);
}

static bool false_reset_left(const struct merge *m, const struct hole *h, uint32_t index)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    struct pick p = {c->times[index], h->lane, index};
    return h->left && is_near(m, p.time, h->left) && drops_between(m, h->left, &p) && rises_from(m, h, index);
}

static bool false_reset_right(const struct merge *m, const struct hole *h, uint32_t index)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    struct pick p = {c->times[index], h->lane, index};
    return h->right && is_near(m, p.time, h->right) && drops_between(m, &p, h->right) && rises_to(m, h, index);
}

static uint32_t skip_stale(const struct gv_raw_column *c, uint32_t i, uint32_t end)
{
    while (i < end && !is_live(c, i))
        i++;
    return i;
}

static uint32_t skip_stale_back(const struct gv_raw_column *c, uint32_t i, uint32_t first)
{
    while (i > first && !is_live(c, i - 1))
        i--;
    return i;
}

/* Takes from both ends of the run what would look like a reset. */
static void trim_false_resets(const struct merge *m, struct hole *h)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    h->first = skip_stale(c, h->first, h->end);
    while (h->first < h->end && false_reset_left(m, h, h->first))
        h->first = skip_stale(c, h->first + 1, h->end);
    h->end = skip_stale_back(c, h->end, h->first);
    while (h->first < h->end && false_reset_right(m, h, h->end - 1))
        h->end = skip_stale_back(c, h->end - 1, h->first);
}

/* A hole of less than two intervals may have no sample that keeps its distance: then the one nearest to the middle,
 * which a replica without a hole of its own always has at a quarter of an interval from both ends. */
static void choose_middle(const struct merge *m, struct hole *h, uint32_t first, uint32_t end)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    int64_t half = (h->right->time - h->left->time) / 2, middle = h->left->time + half;
    int64_t best = half - m->interval / 4 + 1;
    for (uint32_t i = first; i < end; i++) {
        int64_t distance = c->times[i] < middle ? middle - c->times[i] : c->times[i] - middle;
        if (!is_live(c, i) || distance >= best)
            continue;
        best = distance;
        h->first = i;
        h->end = i + 1;
    }
}

static uint32_t after(const struct gv_raw_column *c, uint32_t from, int64_t t)
{
    while (from < c->n && c->times[from] <= t)
        from++;
    return from;
}

static void choose(const struct merge *m, struct hole *h)
{
    struct lane *l = &m->lanes[h->lane];
    uint32_t first = h->left ? after(l->c, l->at, h->left->time) : l->at;
    uint32_t end = h->right ? after(l->c, first, h->right->time - 1) : l->c->n;
    l->at = first;
    h->first = h->left ? after(l->c, first, h->from - 1) : first;
    h->end = h->right ? after(l->c, h->first, h->to) : end;
    if (h->end > end)
        h->end = end;
    if (skip_stale(l->c, h->first, h->end) == h->end && h->left && h->right &&
        h->right->time - h->left->time < 2 * m->interval)
        choose_middle(m, h, first, end);
}

/* Before the first pick and behind the last: replicas are out of phase by up to an interval, so a sample closer than
 * that proves no hole. */
static bool is_beyond(const struct merge *m, const struct hole *h)
{
    const struct gv_raw_column *c = m->lanes[h->lane].c;
    int64_t least = m->interval - m->interval / 16;
    uint32_t first = skip_stale(c, h->first, h->end), end = skip_stale_back(c, h->end, h->first);
    if (first >= end)
        return false;
    return (h->left || c->times[first] <= h->right->time - least) &&
           (h->right || c->times[end - 1] >= h->left->time + least);
}

static size_t fill(struct merge *m, const struct pick *left, const struct pick *right, uint32_t lane, struct pick *to)
{
    struct hole h = {.left = left, .right = right, .lane = lane};
    if (left && right && !is_hole(m, left->time, right->time))
        return 0;
    int64_t distance = m->interval / 2;
    h.from = left ? left->time + distance : INT64_MIN;
    h.to = right ? right->time - distance : INT64_MAX;
    choose(m, &h);
    if ((!left || !right) && !is_beyond(m, &h))
        return 0;
    trim_false_resets(m, &h);
    size_t n = 0;
    const struct gv_raw_column *c = m->lanes[lane].c;
    for (uint32_t i = h.first; i < h.end; i++)
        if (is_live(c, i))
            to[n++] = (struct pick){c->times[i], lane, i};
    return n;
}

static void fill_from(struct merge *m, uint32_t lane)
{
    struct pick *to = m->spare;
    size_t n = 0;
    for (size_t i = 0; i <= m->n; i++) {
        n += fill(m, i ? &m->picks[i - 1] : NULL, i < m->n ? &m->picks[i] : NULL, lane, to + n);
        if (i < m->n)
            to[n++] = m->picks[i];
    }
    m->spare = m->picks;
    m->picks = to;
    m->n = n;
}

/* ---- Ends: stale markers ---- */

/* The first marker of any lane after `left` and before `right`. */
static bool first_marker(struct merge *m, const struct pick *left, int64_t right, struct pick *found)
{
    found->time = right;
    for (uint32_t l = 0; l < m->n_lanes; l++) {
        struct lane *lane = &m->lanes[l];
        lane->at = after(lane->c, lane->at, left->time);
        uint32_t i = lane->at;
        while (i < lane->c->n && lane->c->times[i] < found->time && is_live(lane->c, i))
            i++;
        if (i < lane->c->n && lane->c->times[i] < found->time)
            *found = (struct pick){lane->c->times[i], l, i};
    }
    return found->time < right;
}

/* Whether the series may be gone between the two: nothing for long, or the one replica says so that has both. */
static bool may_end(const struct merge *m, const struct pick *p, const struct pick *next)
{
    return !next || is_hole(m, p->time, next->time) || (p->lane == next->lane && p->index + 1 < next->index);
}

static void mark_ends(struct merge *m)
{
    struct pick *to = m->spare, marker;
    size_t n = 0;
    for (uint32_t l = 0; l < m->n_lanes; l++)
        m->lanes[l].at = 0;
    for (size_t i = 0; i < m->n; i++) {
        to[n++] = m->picks[i];
        const struct pick *next = i + 1 < m->n ? &m->picks[i + 1] : NULL;
        if (may_end(m, &m->picks[i], next) && first_marker(m, &m->picks[i], next ? next->time : INT64_MAX, &marker))
            to[n++] = marker;
    }
    m->spare = m->picks;
    m->picks = to;
    m->n = n;
}

/* ---- All of it ---- */

static bool follows(const struct merge *m, const struct pick *before, const struct pick *p)
{
    return before->lane == p->lane && skip_stale(m->lanes[p->lane].c, before->index + 1, p->index) == p->index;
}

static bool build(struct merge *m, struct gv_raw_column *out, struct gv_err *err)
{
    bool histograms = false;
    for (uint32_t l = 0; l < m->n_lanes; l++)
        histograms |= m->lanes[l].c->histograms != NULL;
    struct gv_raw_builder b;
    if (!gv_raw_builder_init(&b, m->arena, m->n, histograms, err))
        return false;
    const struct pick *before = NULL;
    for (size_t i = 0; i < m->n; i++) {
        const struct pick *p = &m->picks[i];
        const struct gv_raw_column *c = m->lanes[p->lane].c;
        const struct gv_histogram *h = histogram_at(c, p->index);
        bool live = is_live(c, p->index);
        if (h && live && before && !follows(m, before, p))
            h = gv_histogram_without_reset(m->arena, h);
        gv_raw_add(&b, p->time, c->values[p->index], h);
        before = live ? p : before;
    }
    return gv_raw_builder_done(&b, out, err);
}

static int most_first(const void *a, const void *b)
{
    const struct lane *l = a, *r = b;
    if (l->n_live != r->n_live)
        return l->n_live > r->n_live ? -1 : 1;
    return (l->c > r->c) - (l->c < r->c); /* of equal ones the first replica */
}

static bool has_nearly_as_many(const struct lane *l, const struct lane *most)
{
    return (uint64_t)l->n_live * 16 >= (uint64_t)most->n_live * 15;
}

/* How many samples of each lie in what was asked for changes from query to query. The base had better not: of those
 * that have nearly as many as the one with most it is the first replica. */
static void choose_base(struct merge *m)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < m->n_lanes && has_nearly_as_many(&m->lanes[i], &m->lanes[0]); i++)
        if (m->lanes[i].c < m->lanes[best].c)
            best = i;
    struct lane base = m->lanes[best];
    memmove(m->lanes + 1, m->lanes, best * sizeof base);
    m->lanes[0] = base;
}

static size_t open_lanes(struct merge *m, const struct gv_raw_column *replicas, size_t n)
{
    size_t total = 0;
    m->lanes = gv_arena_array(m->arena, struct lane, n);
    for (size_t i = 0; i < n; i++) {
        struct lane *l = &m->lanes[m->n_lanes];
        *l = (struct lane){.c = &replicas[i]};
        for (uint32_t s = 0; s < replicas[i].n; s++)
            l->n_live += is_live(&replicas[i], s);
        m->n_lanes += replicas[i].n > 0;
        total += replicas[i].n;
    }
    if (m->n_lanes > 1) {
        qsort(m->lanes, m->n_lanes, sizeof *m->lanes, most_first);
        choose_base(m);
    }
    return total;
}

static void pick_base(struct merge *m)
{
    const struct gv_raw_column *c = m->lanes[0].c;
    for (uint32_t i = 0; i < c->n; i++)
        if (is_live(c, i))
            m->picks[m->n++] = (struct pick){c->times[i], 0, i};
}

bool gv_replica_merge(struct gv_arena *a, const struct gv_raw_column *replicas, size_t n, struct gv_raw_column *out,
                      struct gv_err *err)
{
    struct merge m = {.arena = a};
    size_t total = open_lanes(&m, replicas, n);
    if (m.n_lanes < 2) {
        *out = m.n_lanes ? *m.lanes[0].c : (struct gv_raw_column){0};
        return true;
    }
    m.picks = gv_arena_try(a, total * sizeof *m.picks, err);
    m.spare = m.picks ? gv_arena_try(a, total * sizeof *m.spare, err) : NULL;
    if (!m.spare)
        return false;
    m.interval = typical_interval(&m);
    pick_base(&m);
    for (uint32_t lane = 1; lane < m.n_lanes && m.n; lane++)
        fill_from(&m, lane);
    if (!m.n) { /* nothing but markers */
        *out = *m.lanes[0].c;
        return true;
    }
    mark_ends(&m);
    return build(&m, out, err);
}
