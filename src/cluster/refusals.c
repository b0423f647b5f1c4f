/* What a cluster's PromQL lacks, as it was found out: a few numbers, for a while. A backend that is upgraded, or
 * restarted with a feature, is asked again. */
#include "cluster/record.h"

enum { KEPT_MS = 10 * 60 * 1000 };

static bool is_valid(const struct gv_refusal *f, const struct gv_cluster_version *v, int64_t now_ns)
{
    bool same = f->version.kind == v->kind && f->version.major == v->major && f->version.minor == v->minor &&
                f->version.patch == v->patch;
    return f->construct && same && now_ns < f->until_ns;
}

/* Where the construct stands, else the one that ends first: those not in use have ended. */
static struct gv_refusal *place_for(struct gv_cluster_record *r, uint64_t construct)
{
    struct gv_refusal *first = &r->refusals[0];
    for (size_t i = 0; i < GV_COUNT(r->refusals); i++) {
        if (r->refusals[i].construct == construct)
            return &r->refusals[i];
        if (r->refusals[i].until_ns < first->until_ns)
            first = &r->refusals[i];
    }
    return first;
}

void gv_cluster_refused(const struct gv_cluster *c, uint64_t construct, int64_t now_ns)
{
    struct gv_cluster_record *r = c->record;
    const struct gv_refusal refusal = {construct, gv_cluster_version(c), now_ns + KEPT_MS * INT64_C(1000000)};
    pthread_mutex_lock(&r->lock);
    *place_for(r, construct) = refusal;
    pthread_mutex_unlock(&r->lock);
    atomic_store(&r->has_refused, true);
}

const uint64_t *gv_cluster_refusals(const struct gv_cluster *c, int64_t now_ns, struct gv_arena *a, size_t *n)
{
    struct gv_cluster_record *r = c->record;
    *n = 0;
    if (!atomic_load(&r->has_refused))
        return NULL;
    const struct gv_cluster_version version = gv_cluster_version(c);
    uint64_t *constructs = gv_arena_array(a, uint64_t, GV_COUNT(r->refusals));
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < GV_COUNT(r->refusals); i++)
        if (is_valid(&r->refusals[i], &version, now_ns))
            constructs[(*n)++] = r->refusals[i].construct;
    pthread_mutex_unlock(&r->lock);
    return constructs;
}
