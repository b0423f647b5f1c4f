#include "ingest/scratch.h"
#include <stdlib.h>

enum { MOST_KEPT = 4, FIRST = 512 };
enum { LARGEST_KEPT = 16 << 20, LIMIT_SHARE = 16 }; /* a small part of the budget's limit, too */

/* ---- Growing ---- */

/* What could never fit is no matter of trying again. */
static bool fits_alone(const struct scratch *s, size_t n, struct gv_err *err)
{
    size_t all = s->outside + s->charged + n;
    int64_t limit = s->budget->limit;
    return !limit || all <= (size_t)limit ||
           gv_fail(err, GV_TOO_LARGE,
                   "a request that takes %zu bytes and more to read: ingest.max_inflight_bytes is %lld", all,
                   (long long)limit);
}

static bool charge(struct scratch *s, size_t n, struct gv_err *err)
{
    if (!fits_alone(s, n, err) || !gv_budget_take(s->budget, n, err))
        return false;
    s->charged += n;
    return true;
}

static void *bigger(void *old, size_t n)
{
    void *p = realloc(old, n);
    if (!p)
        gv_die("out of memory: %zu bytes for a write request", n);
    return p;
}

bool scratch_text(struct scratch *s, size_t n, struct gv_err *err)
{
    if (n <= s->text_cap)
        return true;
    if (!charge(s, n - s->text_cap, err))
        return false;
    free(s->text); /* nothing of it is needed */
    s->text = bigger(NULL, n);
    s->text_cap = n;
    return true;
}

static bool grown(struct scratch *s, size_t *cap, size_t size, struct gv_err *err)
{
    size_t more = *cap ? *cap * 2 : FIRST;
    if (!charge(s, (more - *cap) * size, err))
        return false;
    *cap = more;
    return true;
}

#define RESIZE(array, n) ((array) = bigger((array), (n) * sizeof *(array)))

bool scratch_more_series(struct scratch *s, struct gv_err *err)
{
    size_t size = sizeof *s->messages + sizeof *s->keys + sizeof *s->values + sizeof *s->metadata + sizeof *s->order;
    if (!grown(s, &s->cap_series, size, err))
        return false;
    RESIZE(s->messages, s->cap_series);
    RESIZE(s->keys, s->cap_series);
    RESIZE(s->values, s->cap_series);
    RESIZE(s->metadata, s->cap_series);
    RESIZE(s->order, s->cap_series);
    return true;
}

bool scratch_more_samples(struct scratch *s, struct gv_err *err)
{
    size_t size = sizeof *s->samples + sizeof *s->owners + sizeof *s->verdicts;
    if (!grown(s, &s->cap_samples, size, err))
        return false;
    RESIZE(s->samples, s->cap_samples);
    RESIZE(s->owners, s->cap_samples);
    RESIZE(s->verdicts, s->cap_samples);
    return true;
}

bool scratch_more_exemplars(struct scratch *s, struct gv_err *err)
{
    size_t size = sizeof *s->exemplars + sizeof *s->exemplar_owners + sizeof *s->exemplar_verdicts;
    if (!grown(s, &s->cap_exemplars, size, err))
        return false;
    RESIZE(s->exemplars, s->cap_exemplars);
    RESIZE(s->exemplar_owners, s->cap_exemplars);
    RESIZE(s->exemplar_verdicts, s->cap_exemplars);
    return true;
}

bool scratch_more_metadata(struct scratch *s, struct gv_err *err)
{
    if (!grown(s, &s->cap_metadata, sizeof *s->entries, err))
        return false;
    RESIZE(s->entries, s->cap_metadata);
    return true;
}

/* ---- Keeping ---- */

static void scratch_free(struct scratch *s)
{
    gv_arena_fini(&s->arena);
    free(s->text);
    free(s->messages);
    free(s->keys);
    free(s->values);
    free(s->metadata);
    free(s->order);
    free(s->samples);
    free(s->owners);
    free(s->verdicts);
    free(s->exemplars);
    free(s->exemplar_owners);
    free(s->exemplar_verdicts);
    free(s->entries);
    free(s);
}

void scratch_pool_init(struct scratch_pool *p)
{
    *p = (struct scratch_pool){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void scratch_pool_fini(struct scratch_pool *p)
{
    for (struct scratch *s = p->first, *next; s; s = next) {
        next = s->next;
        scratch_free(s);
    }
    pthread_mutex_destroy(&p->lock);
}

static struct scratch *take_kept(struct scratch_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct scratch *s = p->first;
    if (s) {
        p->first = s->next;
        p->n--;
    }
    pthread_mutex_unlock(&p->lock);
    return s;
}

static bool is_usual(const struct scratch *s)
{
    int64_t limit = s->budget->limit;
    return s->charged <= LARGEST_KEPT && (!limit || s->charged <= (size_t)limit / LIMIT_SHARE);
}

static bool keep(struct scratch_pool *p, struct scratch *s)
{
    pthread_mutex_lock(&p->lock);
    bool kept = p->n < MOST_KEPT && is_usual(s);
    if (kept) {
        s->next = p->first;
        p->first = s;
        p->n++;
    }
    pthread_mutex_unlock(&p->lock);
    return kept;
}

struct scratch *scratch_get(struct scratch_pool *p, struct gv_budget *budget, size_t outside, struct gv_err *err)
{
    struct scratch *s = take_kept(p);
    if (!s && !(s = calloc(1, sizeof *s)))
        gv_die("out of memory: a write request");
    if (!gv_budget_take(budget, s->charged, err)) {
        scratch_free(s);
        return NULL;
    }
    s->budget = budget;
    s->outside = outside;
    s->n_series = s->n_samples = s->n_exemplars = s->n_metadata = 0;
    gv_arena_init(&s->arena, budget);
    return s;
}

void scratch_put(struct scratch_pool *p, struct scratch *s)
{
    if (!s)
        return;
    gv_arena_fini(&s->arena);
    gv_budget_give(s->budget, s->charged);
    if (!keep(p, s))
        scratch_free(s);
}
