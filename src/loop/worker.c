/* One queue of work, first come first served, for all workers. A worker that finds the queue empty helps with a shared
 * job: an array of calls that some other thread runs and offers for sharing. That thread never waits for helpers that
 * have not begun, so a busy pool makes a job slower and never stuck. */
#include "loop/worker.h"
#include "base/thread.h"
#include "promql/eval.h"
#include <stdlib.h>

struct shared_job {
    struct shared_job *next;
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    atomic_size_t begun; /* calls claimed, may run past n */
    unsigned helpers;    /* at work now; under the pool's lock */
    pthread_cond_t left; /* the last helper left */
};

struct gv_workers {
    struct gv_executor executor;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wanted;
    struct gv_work *first, **last;
    struct shared_job *jobs;
    size_t queued;
    bool closing;
    unsigned n_threads;
    pthread_t threads[];
};

static void run_calls(struct shared_job *j)
{
    for (size_t i; (i = atomic_fetch_add(&j->begun, 1)) < j->n;)
        j->fn(j->arg, i);
}

static struct shared_job *find_job(const struct gv_workers *w)
{
    for (struct shared_job *j = w->jobs; j; j = j->next)
        if (atomic_load(&j->begun) < j->n)
            return j;
    return NULL;
}

/* The pool is locked when these two are called, and when they return. */
static void help(struct gv_workers *w, struct shared_job *j)
{
    j->helpers++;
    pthread_mutex_unlock(&w->lock);
    run_calls(j);
    pthread_mutex_lock(&w->lock);
    if (--j->helpers == 0)
        pthread_cond_signal(&j->left);
}

static void run_first(struct gv_workers *w)
{
    struct gv_work *work = w->first;
    w->first = work->next;
    if (!w->first)
        w->last = &w->first;
    w->queued--;
    pthread_mutex_unlock(&w->lock);
    struct gv_loop *reply_to = work->loop;
    work->fn(work);
    gv_loop_post(reply_to, &work->done);
    pthread_mutex_lock(&w->lock);
}

static void *worker_main(void *arg)
{
    struct gv_workers *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct shared_job *job;
        if (w->first)
            run_first(w);
        else if ((job = find_job(w)))
            help(w, job);
        else if (w->closing)
            break;
        else
            pthread_cond_wait(&w->wanted, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void withdraw(struct gv_workers *w, struct shared_job *j)
{
    struct shared_job **at = &w->jobs;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
}

static void run_shared(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n)
{
    struct gv_workers *w = container_of(x, struct gv_workers, executor);
    struct shared_job job = {.fn = fn, .arg = arg, .n = n};
    pthread_cond_init(&job.left, NULL);
    pthread_mutex_lock(&w->lock);
    job.next = w->jobs;
    w->jobs = &job;
    for (size_t i = 1; i < n && i < w->n_threads; i++)
        pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    run_calls(&job);
    pthread_mutex_lock(&w->lock);
    withdraw(w, &job);
    while (job.helpers)
        pthread_cond_wait(&job.left, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&job.left);
}

struct gv_workers *gv_workers_new(unsigned threads, struct gv_err *err)
{
    if (threads < 1)
        threads = 1;
    struct gv_workers *w = calloc(1, sizeof *w + threads * sizeof w->threads[0]);
    if (!w)
        gv_die("out of memory");
    w->executor = (struct gv_executor){.workers = threads, .run = run_shared};
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wanted, NULL);
    pthread_mutex_lock(&w->lock); /* run_shared reads n_threads under it */
    bool started = true;
    while (started && w->n_threads < threads) {
        started = gv_thread_start(&w->threads[w->n_threads], "worker", w->n_threads, worker_main, w, err);
        w->n_threads += started;
    }
    pthread_mutex_unlock(&w->lock);
    if (started)
        return w;
    gv_workers_free(w);
    return NULL;
}

void gv_workers_free(struct gv_workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_broadcast(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->wanted);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void gv_workers_submit(struct gv_workers *w, struct gv_loop *reply_to, struct gv_work *work)
{
    work->loop = reply_to;
    work->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->last = work;
    w->last = &work->next;
    w->queued++;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->lock);
}

struct gv_executor *gv_workers_executor(struct gv_workers *w)
{
    return &w->executor;
}

size_t gv_workers_queued(struct gv_workers *w)
{
    pthread_mutex_lock(&w->lock);
    size_t n = w->queued;
    pthread_mutex_unlock(&w->lock);
    return n;
}
