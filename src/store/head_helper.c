/* A second thread for replaying: it takes samples, chunks and deletions of every other stripe from copies of the log's
 * sections, the reading thread those of the others; and all the postings, which nobody asks for before the end.
 *
 *   reading thread ──► filling ──(HAND_OVER bytes)──► given ──► helper
 *
 * The helper is behind the reading thread, so it finds the series that a section speaks of. What belongs to one series
 * is done by one thread, in the order of the log and with what the head knew there: the head becomes the same as
 * without a helper. From the first series that is made while there is a helper to the end the postings are its own,
 * without the lock of the index. `filling` is the reading thread's; `given` is whose `is_given` says; that, `ends` and
 * the error are under the lock. */
#include "base/thread.h"
#include "store/head_record.h"
#include <stdlib.h>

enum { HAND_OVER = 1 << 20 /* bytes */ };

struct given_section { /* its body follows */
    enum { GIVEN_RECORDS, GIVEN_POSTINGS } of;
    size_t size; /* of its body */
    /* records: */
    enum record_kind kind;
    struct gv_log_place at;
    struct replay_share share;
    /* postings, the body is 2 * n symbols: */
    uint64_t series;
    uint32_t n;
};

struct head_helper {
    struct head *head;
    pthread_t thread;
    struct gv_buf filling, given;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_given; /* given is the helper's */
    bool ends;
    bool failed;
    struct gv_err err;
};

/* Bodies begin where any number may stand. */
static size_t padded(size_t n)
{
    return (n + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
}

static bool work(struct head *h, struct gv_slice given, struct gv_err *err)
{
    bool ok = true;
    while (ok && given.n) {
        struct given_section s;
        memcpy(&s, given.p, sizeof s);
        struct gv_slice body = {given.p + sizeof s, s.size};
        given = (struct gv_slice){body.p + padded(s.size), given.n - sizeof s - padded(s.size)};
        if (s.of == GIVEN_POSTINGS)
            postings_add(&h->postings, s.series, (const uint32_t *)(const void *)body.p, s.n);
        else
            ok = head_replay_share(h, s.kind, body, s.at, &s.share, err);
    }
    return ok;
}

/* After an error it takes no more, but lets nobody wait. */
static void *run(void *arg)
{
    struct head_helper *d = arg;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (!d->is_given && !d->ends)
            pthread_cond_wait(&d->changed, &d->lock);
        if (!d->is_given)
            break;
        bool failed = d->failed;
        pthread_mutex_unlock(&d->lock);
        failed = failed || !work(d->head, gv_buf_slice(&d->given), &d->err);
        pthread_mutex_lock(&d->lock);
        d->failed = failed;
        d->is_given = false;
        pthread_cond_broadcast(&d->changed);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static void free_helper(struct head_helper *d)
{
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->changed);
    gv_buf_fini(&d->filling);
    gv_buf_fini(&d->given);
    free(d);
}

/* Without one replaying takes longer, no more. */
static void start(struct head *h)
{
    struct gv_err ignored;
    struct head_helper *d = calloc(1, sizeof *d);
    if (!d)
        gv_die("out of memory");
    d->head = h;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    h->options.replay_helper = gv_thread_start(&d->thread, "replay", 0, run, d, &ignored);
    if (h->options.replay_helper)
        h->helper = d;
    else
        free_helper(d);
}

/* Under the lock. */
static void wait_until_taken(struct head_helper *d)
{
    while (d->is_given)
        pthread_cond_wait(&d->changed, &d->lock);
}

static void hand_over(struct head_helper *d)
{
    pthread_mutex_lock(&d->lock);
    wait_until_taken(d);
    struct gv_buf empty = d->given;
    d->given = d->filling;
    d->filling = empty;
    gv_buf_clear(&d->filling);
    d->is_given = d->given.n > 0;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

/* Whether there is a helper to take it. */
static bool give(struct head *h, const struct given_section *s, const void *body)
{
    static const char padding[sizeof(uint64_t)];
    if (!h->helper && h->options.replay_helper && h->replaying)
        start(h);
    if (!h->helper)
        return false;
    struct gv_buf *to = &h->helper->filling;
    gv_buf_add(to, s, sizeof *s);
    gv_buf_add(to, body, s->size);
    gv_buf_add(to, padding, padded(s->size) - s->size);
    if (to->n >= HAND_OVER)
        hand_over(h->helper);
    return true;
}

bool head_helper_give(struct head *h, enum record_kind kind, struct gv_slice body, struct gv_log_place at,
                      const struct replay_share *share)
{
    return give(h, &(struct given_section){GIVEN_RECORDS, body.n, .kind = kind, .at = at, .share = *share}, body.p);
}

bool head_helper_give_postings(struct head *h, const struct head_series *s)
{
    size_t size = 2 * s->n_labels * sizeof *s->labels;
    return give(h, &(struct given_section){GIVEN_POSTINGS, size, .series = s->id, .n = s->n_labels}, s->labels);
}

void head_helper_wait(struct head *h)
{
    struct head_helper *d = h->helper;
    if (!d)
        return;
    hand_over(d);
    pthread_mutex_lock(&d->lock);
    wait_until_taken(d);
    pthread_mutex_unlock(&d->lock);
}

bool head_helper_is_well(struct head *h, struct gv_err *err)
{
    struct head_helper *d = h->helper;
    if (!d)
        return true;
    pthread_mutex_lock(&d->lock);
    bool failed = d->failed;
    pthread_mutex_unlock(&d->lock);
    if (failed)
        *err = d->err;
    return !failed;
}

bool head_helper_end(struct head *h, struct gv_err *err)
{
    struct head_helper *d = h->helper;
    if (!d)
        return true;
    hand_over(d);
    pthread_mutex_lock(&d->lock);
    d->ends = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    bool ok = head_helper_is_well(h, err);
    h->helper = NULL;
    free_helper(d);
    return ok;
}
