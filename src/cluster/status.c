/* What was learned, read out: versions, abilities, and the status page's view of a cluster. */
#include "base/clock.h"
#include "cluster/record.h"
#include <stdlib.h>

static uint64_t version_of(const struct gv_cluster_record *r, unsigned replica)
{
    return atomic_load_explicit(&r->replicas[replica].version, memory_order_relaxed);
}

/* The oldest of those that are of the kind that is asked first: what it understands the others do, too. NULL while
 * nothing is known. */
static struct gv_replica *oldest_replica(struct gv_cluster_record *r)
{
    struct gv_replica *oldest = NULL;
    unsigned first = atomic_load_explicit(&r->favourite, memory_order_relaxed);
    for (unsigned k = 0; k < r->n_replicas; k++) {
        unsigned i = (first + k) % r->n_replicas;
        uint64_t v = version_of(r, i), best = oldest ? version_of(r, oldest->index) : 0;
        if (v && (!oldest || (v >> 48 == best >> 48 && v < best)))
            oldest = &r->replicas[i];
    }
    return oldest;
}

struct gv_cluster_version gv_cluster_version(const struct gv_cluster *c)
{
    const struct gv_replica *oldest = c->record ? oldest_replica(c->record) : NULL;
    uint64_t v = oldest ? version_of(c->record, oldest->index) : 0;
    return (struct gv_cluster_version){(enum gv_cluster_kind)(v >> 48), v >> 32 & 0xffff, v >> 16 & 0xffff, v & 0xffff};
}

bool gv_cluster_is_before(const struct gv_cluster *c, unsigned major, unsigned minor)
{
    struct gv_cluster_version v = gv_cluster_version(c);
    return v.kind == GV_KIND_PROMETHEUS && (v.major < major || (v.major == major && v.minor < minor));
}

static struct gv_cluster_abilities copy_abilities(struct gv_arena *a, const struct gv_cluster_abilities *from)
{
    struct gv_cluster_abilities to = *from;
    to.features = gv_arena_dup(a, from->features);
    to.retention = gv_arena_dup(a, from->retention);
    struct gv_label *labels = gv_arena_array(a, struct gv_label, from->n_external_labels);
    for (size_t i = 0; i < from->n_external_labels; i++)
        labels[i] = (struct gv_label){gv_arena_dup(a, from->external_labels[i].name),
                                      gv_arena_dup(a, from->external_labels[i].value)};
    to.external_labels = labels;
    return to;
}

struct gv_cluster_abilities gv_replica_abilities(const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    pthread_mutex_lock(&c->record->lock);
    struct gv_cluster_abilities copy = copy_abilities(a, &c->record->replicas[replica].abilities);
    pthread_mutex_unlock(&c->record->lock);
    return copy;
}

struct gv_cluster_abilities gv_cluster_abilities(const struct gv_cluster *c, struct gv_arena *a)
{
    struct gv_cluster_abilities known = {0};
    unsigned n = c->record ? c->record->n_replicas : 0, first = n ? gv_cluster_best_replica(c) : 0;
    for (unsigned i = 0; i < n && !known.known; i++)
        known = gv_replica_abilities(c, (first + i) % n, a);
    return known;
}

void gv_replica_set_abilities(const struct gv_cluster *c, unsigned replica, const struct gv_cluster_abilities *learned)
{
    struct gv_replica *r = &c->record->replicas[replica];
    struct gv_arena *fresh = malloc(sizeof *fresh);
    if (!fresh)
        gv_die("out of memory");
    gv_arena_init(fresh, NULL);
    struct gv_cluster_abilities copy = copy_abilities(fresh, learned);
    pthread_mutex_lock(&c->record->lock);
    struct gv_arena *old = r->abilities_arena;
    r->abilities_arena = fresh;
    r->abilities = copy;
    pthread_mutex_unlock(&c->record->lock);
    gv_ask_arena_free(old);
}

static struct gv_replica_status replica_status(struct gv_replica *r, struct gv_arena *a)
{
    int health = atomic_load(&r->health);
    return (struct gv_replica_status){
        .url = gv_arena_dup(a, gv_slice_of(r->url)).p,
        .version_text = gv_slice_of(gv_record_dup_text(r->record, &r->version_text, a)),
        .breaker = gv_breaker_state(&r->breaker, gv_clock_monotonic(&gv_clock_real)),
        .probed = health != GV_HEALTH_UNKNOWN,
        .healthy = health == GV_HEALTH_UP,
        .latency_p50 = gv_latency_quantile(&r->latency, 0.5, 1),
        .latency_p95 = gv_latency_quantile(&r->latency, 0.95, 1),
        .asks = atomic_load(&r->asks),
        .failures = atomic_load(&r->failures),
        .last_error = gv_slice_of(gv_record_dup_text(r->record, &r->last_error, a)),
        .last_error_unix_ms = atomic_load(&r->last_error_ms),
    };
}

struct gv_cluster_status gv_cluster_status(const struct gv_cluster *c, struct gv_arena *a)
{
    struct gv_cluster_status s = {.healthy = !c->record, .version = gv_cluster_version(c)};
    if (!c->record)
        return s;
    const struct gv_replica *oldest = oldest_replica(c->record);
    if (oldest)
        s.version_text = gv_slice_of(gv_record_dup_text(c->record, &oldest->version_text, a));
    s.n_replicas = c->record->n_replicas;
    s.replicas = gv_arena_array(a, struct gv_replica_status, s.n_replicas);
    for (size_t i = 0; i < s.n_replicas; i++) {
        s.replicas[i] = replica_status(&c->record->replicas[i], a);
        s.healthy |= s.replicas[i].healthy;
    }
    return s;
}
