/* Families and their instances. A family's list is short and changes rarely: it is searched under a lock when an
 * instance is wanted, and whoever counts keeps the pointer. */
#include "base/metric_instance.h"
#include <stdlib.h>

const double gv_latency_buckets[12] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60};
const double gv_size_buckets[8] = {0x1p10, 0x1p13, 0x1p16, 0x1p19, 0x1p22, 0x1p25, 0x1p28, 0x1p30};

static size_t labels_of(const struct gv_metric_family *f)
{
    size_t n = 0;
    while (n < GV_METRIC_MAX_LABELS && f->labels[n])
        n++;
    return n;
}

static int compare_values(const struct gv_slice *a, const struct gv_slice *b, size_t n)
{
    int c = 0;
    for (size_t i = 0; i < n && !c; i++)
        c = gv_slice_cmp(a[i], b[i]);
    return c;
}

static void *zalloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p)
        gv_die("out of memory: %zu bytes", n);
    return p;
}

/* One allocation: the instance, its cells, the text of its label values. */
static struct gv_metric *new_instance(struct gv_metric_family *f, const struct gv_slice *values, size_t n)
{
    size_t cells = f->type == GV_METRIC_HISTOGRAM ? f->n_buckets + 1 : 0, text = 0;
    for (size_t i = 0; i < n; i++)
        text += values[i].n;
    size_t fixed = sizeof(struct gv_metric) + cells * sizeof(_Atomic uint64_t);
    struct gv_metric *m = zalloc(fixed + text);
    m->family = f;
    char *at = (char *)m + fixed;
    for (size_t i = 0; i < n; i++) {
        if (values[i].n)
            memcpy(at, values[i].p, values[i].n);
        m->values[i] = (struct gv_slice){at, values[i].n};
        at += values[i].n;
    }
    return m;
}

struct gv_metric *gv_metric_find(struct gv_metric_family *f, const struct gv_slice *values, size_t n)
{
    if (n != labels_of(f))
        gv_die("%s has %zu labels, not %zu", f->name, labels_of(f), n);
    pthread_mutex_lock(&f->lock);
    struct gv_metric **at = &f->instances;
    int c = 1;
    while (*at && (c = compare_values((*at)->values, values, n)) < 0)
        at = &(*at)->next;
    if (!*at || c) {
        struct gv_metric *m = new_instance(f, values, n);
        m->next = *at;
        *at = m;
    }
    struct gv_metric *found = *at;
    found->refs++;
    pthread_mutex_unlock(&f->lock);
    return found;
}

void gv_metric_hold(struct gv_metric *m)
{
    pthread_mutex_lock(&m->family->lock);
    m->refs++;
    pthread_mutex_unlock(&m->family->lock);
}

void gv_metric_put(struct gv_metric *m)
{
    if (!m)
        return;
    struct gv_metric_family *f = m->family;
    pthread_mutex_lock(&f->lock);
    bool last = --m->refs == 0;
    if (last) {
        struct gv_metric **at = &f->instances;
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
    }
    pthread_mutex_unlock(&f->lock);
    if (last)
        free(m);
}

/* Two threads may both come here first: they get the same instance, whose reference count nobody needs. */
struct gv_metric *gv_metric_self(struct gv_metric_family *f)
{
    struct gv_metric *m = atomic_load_explicit(&f->self, memory_order_acquire);
    if (!m) {
        m = gv_metric_find(f, NULL, 0);
        atomic_store_explicit(&f->self, m, memory_order_release);
    }
    return m;
}

void gv_metric_set_callback(struct gv_metric *m, gv_metric_read_fn *read, void *arg)
{
    pthread_mutex_lock(&m->family->lock);
    m->read = read;
    m->arg = arg;
    pthread_mutex_unlock(&m->family->lock);
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static void add_double(_Atomic uint64_t *to, double v)
{
    uint64_t old = atomic_load_explicit(to, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(to, &old, bits_of(double_of(old) + v), memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void gv_counter_add(struct gv_metric *m, uint64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void gv_gauge_set(struct gv_metric *m, double v)
{
    atomic_store_explicit(&m->value, bits_of(v), memory_order_relaxed);
}

void gv_gauge_add(struct gv_metric *m, double v)
{
    add_double(&m->value, v);
}

void gv_histogram_observe(struct gv_metric *m, double v)
{
    const struct gv_metric_family *f = m->family;
    size_t i = 0;
    while (i < f->n_buckets && !(v <= f->buckets[i]))
        i++;
    atomic_fetch_add_explicit(&m->cells[i], 1, memory_order_relaxed);
    add_double(&m->value, v);
}

double gv_metric_current(const struct gv_metric *m)
{
    if (m->read)
        return m->read(m->arg);
    uint64_t value = atomic_load_explicit(&m->value, memory_order_relaxed);
    return m->family->type == GV_METRIC_COUNTER ? (double)value : double_of(value);
}

double gv_metric_value(const struct gv_metric *m)
{
    pthread_mutex_lock(&m->family->lock);
    double v = gv_metric_current(m);
    pthread_mutex_unlock(&m->family->lock);
    return v;
}

uint64_t gv_metric_count(const struct gv_metric *m)
{
    uint64_t n = 0;
    if (m->family->type == GV_METRIC_HISTOGRAM)
        for (size_t i = 0; i <= m->family->n_buckets; i++)
            n += atomic_load_explicit(&m->cells[i], memory_order_relaxed);
    return n;
}

const char *gv_metric_type_text(enum gv_metric_type type)
{
    static const char *const texts[] = {
        [GV_METRIC_COUNTER] = "counter", [GV_METRIC_GAUGE] = "gauge", [GV_METRIC_HISTOGRAM] = "histogram"};
    return texts[type];
}
