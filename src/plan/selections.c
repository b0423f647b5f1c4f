/* One raw feed for each selection: its samples from every source that can match. */
#include "plan/selections.h"
#include "plan/build.h"

enum { YEAR = 365, HUNDRED_YEARS = 36525 };
static const int64_t day = 86400000; /* ms */
/* The longest range that every backend's parser takes is 292 years. */
static const int64_t longest_range = HUNDRED_YEARS * day;

static struct gv_expr *selector_of(struct planner *p, const struct gv_select *s)
{
    struct gv_expr *e = gv_arena_new(p->arena, struct gv_expr);
    *e = (struct gv_expr){.kind = GV_EXPR_SELECTOR, .type = GV_TYPE_VECTOR};
    e->selector.matchers = (struct gv_matcher *)(uintptr_t)s->matchers;
    e->selector.n_matchers = s->n_matchers;
    return e;
}

static int64_t clamp(int64_t ms)
{
    return ms > GV_TIME_MAX ? GV_TIME_MAX : ms < -GV_TIME_MAX ? -GV_TIME_MAX : ms;
}

/* "All there is" is often said with an end that is no time: the hundred years are not to lie in the future. */
static void limit(const struct build *b, int64_t *min, int64_t *max)
{
    int64_t latest = b->p->options->now + YEAR * day;
    if (*min > *max || *max - *min <= longest_range) /* both within GV_TIME_MAX: no overflow */
        return;
    if (*max > latest)
        *max = latest > *min ? latest : *min + longest_range;
    if (*max - *min > longest_range)
        *min = *max - longest_range;
}

static struct gv_plan_feed feed_of(struct build *b, const struct gv_select *s, enum gv_plan_wanted wanted)
{
    int64_t min = clamp(s->min_time), max = clamp(s->max_time);
    limit(b, &min, &max);
    struct gv_plan_feed feed = {.combine = GV_COMBINE_UNITE, .raw = true, .n_inputs = 1, .grid = {max, 0, 1}};
    struct plan_node *n = plan_node_new(b->p, selector_of(b->p, s), feed.grid);
    feed.origin = n->expr;
    feed.min_time = min;
    feed.max_time = max;
    if (min <= max)
        feed.inputs[0] = build_selection(b, n, min, max, wanted == GV_PLAN_LATEST);
    return feed;
}

struct gv_plan *gv_plan_select(struct gv_arena *a, const struct gv_select *selections, size_t n,
                               enum gv_plan_wanted wanted, const struct gv_plan_options *o, struct gv_err *err)
{
    struct planner p;
    if (!planner_init(&p, a, o, err))
        return NULL;
    struct build b = {.p = &p, .only = ALL_SOURCES};
    struct gv_plan_feed *feeds = gv_arena_array(a, struct gv_plan_feed, n);
    for (size_t i = 0; i < n; i++)
        feeds[i] = feed_of(&b, &selections[i], wanted);
    struct gv_plan *plan = gv_arena_new(a, struct gv_plan);
    plan->root.feeds = feeds;
    plan->root.n_feeds = n;
    planner_finish(&p, plan);
    return plan;
}
