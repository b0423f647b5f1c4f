/* The way through the planner, and the sources as it sees them. */
#include "plan/planner.h"

const char *gv_plan_combine_text(enum gv_plan_combine c)
{
    static const char *const texts[] = {
        [GV_COMBINE_UNITE] = "union",
        [GV_COMBINE_SUM] = "sum",
        [GV_COMBINE_MIN] = "min",
        [GV_COMBINE_MAX] = "max",
        [GV_COMBINE_GROUP] = "group",
        [GV_COMBINE_COUNT] = "sum of counts",
        [GV_COMBINE_AVG] = "weighted average",
        [GV_COMBINE_STDDEV] = "combined standard deviation",
        [GV_COMBINE_STDVAR] = "combined variance",
        [GV_COMBINE_COUNT_VALUES] = "sum of counts by value",
        [GV_COMBINE_ANY] = "presence",
    };
    return texts[c];
}

static bool is_kind(const struct plan_source *a, const struct plan_source *b)
{
    const struct gv_plan_source *x = a->is, *y = b->is;
    if (a->carries || b->carries || a->n_labels != b->n_labels || x->push != y->push || x->metricsql != y->metricsql ||
        (x->replicas > 1) != (y->replicas > 1) || plan_is_before(x, 3, 0) != plan_is_before(y, 3, 0))
        return false;
    for (size_t i = 0; i < a->n_labels; i++)
        if (!gv_slice_eq(a->labels[i].name, b->labels[i].name))
            return false;
    return true;
}

/* Compared with one source of each kind; most configurations have one or two. */
static void find_kind(struct planner *p, size_t i)
{
    struct plan_source *s = &p->sources[i];
    s->kind = i;
    for (size_t k = 0; k < i; k++)
        if (p->sources[k].kind == k && is_kind(&p->sources[k], s)) {
            s->kind = k;
            return;
        }
}

static bool add_source(struct planner *p, size_t i)
{
    const struct gv_plan_source *is = &p->options->sources[i];
    struct plan_source *s = &p->sources[i];
    s->is = is;
    s->carries = is->mapping.n == 0;
    s->labels = is->mapping.inject;
    s->n_labels = is->mapping.n;
    if (s->carries) {
        struct gv_label *label = gv_arena_new(p->arena, struct gv_label);
        label->name = p->options->label;
        s->labels = label;
        s->n_labels = 1;
    }
    if (s->n_labels > PLAN_MAX_LABELS)
        return gv_fail(p->err, GV_BAD_DATA, "cluster \"%.*s\": more than %d labels are injected", GV_ARG(is->name),
                       PLAN_MAX_LABELS);
    s->all = s->n_labels == 64 ? UINT64_MAX : (UINT64_C(1) << s->n_labels) - 1;
    s->p = plan_bits(s, &p->options->label, 1);
    s->first_cluster = p->n_clusters;
    s->n_clusters = !s->carries ? 1 : !is->clusters ? 2 : is->n_clusters ? is->n_clusters : 1;
    p->n_clusters += s->n_clusters;
    find_kind(p, i);
    return true;
}

static bool claim(struct planner *p, struct gv_map *claims, struct gv_slice cluster, const struct plan_source *s)
{
    void **by = gv_map_at(claims, gv_hash(cluster.p, cluster.n), cluster);
    const struct plan_source *other = *by;
    *by = (void *)(uintptr_t)s;
    if (!other)
        return true;
    return gv_fail(p->err, GV_EXECUTION, "%.*s=\"%.*s\" comes from two sources, \"%.*s\" and \"%.*s\": rename one",
                   GV_ARG(p->options->label), GV_ARG(cluster), GV_ARG(other->is->name), GV_ARG(s->is->name));
}

/* One cluster in two sources would be one label set with two series. */
static bool check_claims(struct planner *p)
{
    struct gv_map claims;
    gv_map_init(&claims, p->arena);
    for (size_t i = 0; i < p->n_sources; i++) {
        const struct plan_source *s = &p->sources[i];
        for (size_t k = 0; !s->carries && k < s->n_labels; k++)
            if (s->p >> k & 1 && !claim(p, &claims, s->labels[k].value, s))
                return false;
        for (size_t k = 0; s->carries && s->is->clusters && k < s->is->n_clusters; k++)
            if (!claim(p, &claims, s->is->clusters[k], s))
                return false;
    }
    return true;
}

static bool make_grid(struct planner *p)
{
    const struct gv_plan_options *o = p->options;
    if (o->start < -GV_TIME_MAX || o->end > GV_TIME_MAX || o->start > GV_TIME_MAX || o->end < -GV_TIME_MAX)
        return gv_fail(p->err, GV_BAD_DATA, "the time of the query is out of range");
    int64_t steps = o->step <= 0 ? 1 : o->end < o->start ? 0 : (o->end - o->start) / o->step + 1;
    if (steps > GV_STEPS_MAX)
        return gv_fail(p->err, GV_EXECUTION, "the query asks for %lld steps", (long long)steps);
    p->grid = (struct gv_grid){o->start, o->step > 0 ? o->step : 0, (uint32_t)steps};
    return true;
}

static bool check_type(const struct gv_expr *e, const struct gv_plan_options *o, struct gv_err *err)
{
    if (o->step > 0 && e->type == GV_TYPE_MATRIX)
        return gv_fail(err, GV_BAD_DATA,
                       "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector");
    return true;
}

bool planner_init(struct planner *p, struct gv_arena *a, const struct gv_plan_options *o, struct gv_err *err)
{
    *p = (struct planner){.arena = a, .options = o, .n_sources = o->n_sources, .err = err};
    p->sources = gv_arena_array(a, struct plan_source, o->n_sources);
    gv_map_init(&p->ask_keys, a);
    for (size_t i = 0; i < o->n_sources; i++)
        if (!add_source(p, i))
            return false;
    return check_claims(p);
}

void planner_finish(const struct planner *p, struct gv_plan *plan)
{
    plan->asks = p->asks;
    plan->n_asks = p->n_asks;
    plan->sources = p->options->sources;
    plan->n_sources = p->n_sources;
    plan->reasons = p->reasons;
    plan->n_reasons = p->n_reasons;
}

struct gv_plan *gv_plan_make(struct gv_arena *a, const struct gv_expr *e, const struct gv_plan_options *o,
                             struct gv_err *err)
{
    struct planner p;
    struct gv_query_times times = {o->start, o->end, o->step, o->default_step};
    if (!planner_init(&p, a, o, err) || !check_type(e, o, err) || !make_grid(&p))
        return NULL;
    struct gv_expr *folded = gv_promql_fold(a, e, &times, err);
    struct plan_node *root = folded ? plan_node_new(&p, folded, p.grid) : NULL;
    if (!root || p.failed)
        return NULL;
    struct gv_plan *plan = gv_arena_new(a, struct gv_plan);
    plan_build(&p, root, plan);
    planner_finish(&p, plan);
    return plan;
}
