/* Which replica is asked: the favourite as long as it does well; else the one that its breaker lets through, that has
 * not just failed, and that answers probes fastest. Staying with one keeps its caches warm and answers alike. */
#include "cluster/record.h"

/* Lower is better: a failure in a row weighs more than any latency. */
static int64_t cost(const struct gv_replica *r)
{
    int64_t failing = atomic_load_explicit(&r->breaker.failures, memory_order_relaxed) ? 1 : 0;
    if (atomic_load_explicit(&r->health, memory_order_relaxed) == GV_HEALTH_DOWN)
        failing = 1;
    return failing * 1000000000 + atomic_load_explicit(&r->probe_us, memory_order_relaxed);
}

static bool is_much_better(int64_t a, int64_t b)
{
    return a + a / 2 + 5000 < b; /* us */
}

int64_t gv_record_grace_ms(const struct gv_cluster_record *r)
{
    return atomic_load_explicit(&r->watched, memory_order_relaxed) ? 10000 : 0;
}

static int find(struct gv_cluster_record *r, int64_t now_ns, uint64_t tried)
{
    int64_t grace = gv_record_grace_ms(r), best_cost = 0;
    unsigned favourite = atomic_load_explicit(&r->favourite, memory_order_relaxed);
    int best = -1;
    for (unsigned k = 0; k < r->n_replicas; k++) {
        unsigned i = (favourite + k) % r->n_replicas;
        if (tried >> i & 1 || !gv_breaker_would_admit(&r->replicas[i].breaker, now_ns, grace))
            continue;
        int64_t c = cost(&r->replicas[i]);
        if (best < 0 || is_much_better(c, best_cost)) {
            best = (int)i;
            best_cost = c;
        }
    }
    return best;
}

int gv_record_choose(struct gv_cluster_record *r, int64_t now_ns, uint64_t tried, bool *probe)
{
    for (int i; (i = find(r, now_ns, tried)) >= 0;) {
        enum gv_admission a = gv_breaker_admit(&r->replicas[i].breaker, now_ns, gv_record_grace_ms(r));
        if (a != GV_ADMIT_NO) {
            *probe = a == GV_ADMIT_PROBE;
            if (!tried)
                atomic_store_explicit(&r->favourite, (unsigned)i, memory_order_relaxed);
            return i;
        }
        tried |= (uint64_t)1 << i; /* another thread took the probe */
    }
    return -1;
}

unsigned gv_cluster_best_replica(const struct gv_cluster *c)
{
    return atomic_load(&c->record->favourite);
}

enum { HEDGE_COST = 10, MOST_TOKENS = 100 }; /* in tenths: one ask in ten may be repeated, ten in a row */

bool gv_record_take_hedge(struct gv_cluster_record *r)
{
    int had = atomic_load(&r->hedge_tokens);
    while (had >= HEDGE_COST)
        if (atomic_compare_exchange_weak(&r->hedge_tokens, &had, had - HEDGE_COST))
            return true;
    return false;
}

void gv_record_earn_hedge(struct gv_cluster_record *r)
{
    int had = atomic_load_explicit(&r->hedge_tokens, memory_order_relaxed);
    if (had < MOST_TOKENS)
        atomic_compare_exchange_strong(&r->hedge_tokens, &had, had + 1);
}
