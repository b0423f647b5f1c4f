/* Series are dealt out to clusters by the hash of their labels. Injected labels differ from cluster to cluster. */
#include "clusters.h"
#include "../support/planned.h"

enum { MINUTE = 60000 };
enum {
    FEATURES = GV_FEATURE_EXPERIMENTAL_FUNCTIONS | GV_FEATURE_EXTENDED_RANGE_SELECTORS |
               GV_FEATURE_BINOP_FILL_MODIFIERS | GV_FEATURE_USE_START_TIMESTAMPS | GV_FEATURE_DURATION_EXPR
};

static struct gv_slice printed(struct gv_arena *a, const char *prefix, unsigned i)
{
    return gv_slice_of(gv_arena_printf(a, "%s%u", prefix, i));
}

/* cluster="c0"; cluster="c1" region="r1"; ... */
static struct gv_mapping mapping_of(struct gv_arena *a, unsigned i)
{
    struct gv_label *labels = gv_arena_array(a, struct gv_label, 2);
    labels[0] = (struct gv_label){GV_S("cluster"), printed(a, "c", i)};
    labels[1] = (struct gv_label){GV_S("region"), printed(a, "r", i % 2)};
    return (struct gv_mapping){labels, i % 3 ? 2 : 1};
}

static void deal(struct world *w, struct gv_source *from)
{
    struct gv_select everything = {.min_time = INT64_MIN, .max_time = INT64_MAX};
    struct gv_cursor *cursor;
    struct gv_err err = {0};
    struct gv_series s;
    size_t n;
    if (!from->ops->select(from, w->arena, &everything, &cursor, 1, &n, &err))
        gv_die("selecting everything: %s", err.msg);
    while (cursor->ops->next(cursor, w->arena, &s, &err) == 1)
        world_add(w, (size_t)(s.labels->hash % w->n), s.labels, &s.column);
}

static void make_world(struct world *w, struct storage *s)
{
    w->sources = gv_arena_array(w->arena, struct gv_plan_source, w->n);
    for (unsigned i = 0; i < w->n; i++) {
        w->sources[i] = (struct gv_plan_source){.mapping = mapping_of(w->arena, i), .raw = true};
        w->sources[i].name = w->sources[i].mapping.inject[0].value;
    }
    world_open(w);
    deal(w, storage_source(s));
    world_seal(w);
}

static bool agree(struct world *w, bool ordered, struct gv_buf *why)
{
    struct gv_result whole, planned;
    struct gv_err err = {0}, planned_err = {0};
    world_tune(w);
    bool ran = world_whole(w, &whole, &err), planned_ran = world_planned(w, &planned, &planned_err);
    if (!failures_agree(&err, &planned_err, why))
        return false;
    return !ran || !planned_ran ||
           (results_agree(&whole, &planned, ordered, why) && notes_agree(&whole.notes, &planned.notes, why));
}

bool clusters_agree(struct storage *s, unsigned n, struct gv_executor *x, const struct form_of_query *f,
                    struct gv_buf *why)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct world w = {.arena = &a, .n = n};
    make_world(&w, s);
    w.eval = (struct gv_eval_options){.text = f->text,
                                      .start = f->start,
                                      .end = f->end,
                                      .step = f->step,
                                      .lookback = 5 * MINUTE,
                                      .default_step = MINUTE,
                                      .executor = x};
    static const unsigned modes[] = {0, GV_FEATURE_DELAYED_NAME_REMOVAL};
    bool good = true;
    for (size_t i = 0; good && i < GV_COUNT(modes); i++) {
        w.eval.features = FEATURES | modes[i];
        good = agree(&w, f->ordered, why);
        if (!good)
            gv_buf_adds(why, modes[i] ? "\n      (names removed late)" : "\n      (names removed at once)");
    }
    gv_arena_fini(&a);
    return good;
}
