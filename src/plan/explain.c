/* A plan as text and as JSON. Feeds are numbered from above: those of a tree first, then those below its parts. */
#include "plan/explain.h"
#include "base/number.h"
#include "promql/print.h"

struct explain {
    struct gv_buf *out;
    const struct gv_plan *plan;
    struct gv_arena arena;
    unsigned feeds; /* named so far */
    bool within;    /* a part: the tree is about one source alone */
};

/* ---- Expressions over feeds ---- */

struct naming {
    struct explain *x;
    unsigned first;
};

/* A feed prints as a selector of that name. */
static enum gv_walk name_feed(struct gv_expr *e, void *arg)
{
    const struct naming *n = arg;
    if (e->kind != GV_EXPR_FEED)
        return GV_WALK_ON;
    const char *name = gv_arena_printf(&n->x->arena, "$%u", n->first + e->feed.slot);
    *e = (struct gv_expr){.kind = GV_EXPR_SELECTOR, .type = e->type, .selector.name = gv_slice_of(name)};
    return GV_WALK_PRUNE;
}

static struct gv_slice expression(struct explain *x, const struct gv_expr *e, unsigned first)
{
    struct gv_expr *copy = gv_expr_dup(&x->arena, e);
    struct gv_buf text = GV_BUF_INIT;
    gv_expr_walk(copy, name_feed, &(struct naming){x, first});
    gv_promql_print_sent(&text, copy);
    struct gv_slice kept = gv_arena_dup(&x->arena, gv_buf_slice(&text));
    gv_buf_fini(&text);
    return kept;
}

static const char *kind_text(enum gv_plan_ask_kind k)
{
    static const char *const texts[] = {"instant", "range", "samples"};
    return texts[k];
}

/* Some part of the feed, any input. */
static bool takes_part(const struct gv_plan_feed *f, size_t source)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        for (size_t k = 0; k < f->inputs[i].n; k++)
            if (f->inputs[i].parts[k].source == source)
                return true;
    return false;
}

static const struct gv_plan_source *source_of(const struct explain *x, const struct gv_plan_part *p)
{
    return &x->plan->sources[p->source];
}

/* ---- Text ---- */

static void text_tree(struct explain *x, const struct gv_plan_tree *t, unsigned first, int indent);

static void add_seconds(struct gv_buf *out, int64_t ms)
{
    gv_buf_printf(out, "%s%lld.%03lld", ms < 0 ? "-" : "", (long long)(ms < 0 ? -ms : ms) / 1000,
                  (long long)(ms < 0 ? -ms : ms) % 1000);
}

static void text_times(struct gv_buf *out, const struct gv_plan_ask *ask)
{
    gv_buf_adds(out, ask->kind == GV_PLAN_INSTANT ? " at " : " from ");
    add_seconds(out, ask->start);
    if (ask->kind == GV_PLAN_INSTANT)
        return;
    gv_buf_adds(out, " to ");
    add_seconds(out, ask->end);
    if (ask->kind == GV_PLAN_RANGE) {
        gv_buf_adds(out, " step ");
        add_seconds(out, ask->step);
    }
}

static void text_added(struct explain *x, const struct gv_plan_ask *ask)
{
    const struct gv_mapping *m = &x->plan->sources[ask->source].mapping;
    const char *before = ", adding ";
    for (size_t i = 0; i < m->n; i++) {
        if (gv_mapping_hides(ask->hidden, i))
            continue;
        gv_buf_printf(x->out, "%s%.*s=", before, GV_ARG(m->inject[i].name));
        gv_buf_add_quoted(x->out, m->inject[i].value);
        before = " ";
    }
}

static void text_part(struct explain *x, const struct gv_plan_part *p, int indent)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct gv_plan_ask *ask = &x->plan->asks[p->asks[i]];
        gv_buf_printf(x->out, "%*s%.*s: %s %.*s", indent, "", GV_ARG(source_of(x, p)->name), kind_text(ask->kind),
                      GV_ARG(ask->text));
        text_times(x->out, ask);
        if (source_of(x, p)->replicas > 1)
            gv_buf_printf(x->out, " of %u replicas, merged", source_of(x, p)->replicas);
        text_added(x, ask);
        gv_buf_addc(x->out, '\n');
    }
    if (!p->tree)
        return;
    unsigned first = x->feeds + 1;
    x->feeds += (unsigned)p->tree->n_feeds;
    gv_buf_printf(x->out, "%*s%.*s: here, %.*s\n", indent, "", GV_ARG(source_of(x, p)->name),
                  GV_ARG(expression(x, p->tree->expr, first)));
    x->within = true;
    text_tree(x, p->tree, first, indent + 2);
    x->within = false;
}

static void text_feed(struct explain *x, const struct gv_plan_feed *f, unsigned number, int indent)
{
    gv_buf_printf(x->out, "%*s$%u: %s of %.*s\n", indent, "", number, gv_plan_combine_text(f->combine),
                  GV_ARG(expression(x, f->origin, 0)));
    for (size_t i = 0; i < f->n_inputs; i++)
        for (size_t k = 0; k < f->inputs[i].n; k++)
            text_part(x, &f->inputs[i].parts[k], indent + 2);
    for (size_t s = 0; !x->within && s < x->plan->n_sources; s++)
        if (!takes_part(f, s))
            gv_buf_printf(x->out, "%*s%.*s: not asked, nothing there can match\n", indent + 2, "",
                          GV_ARG(x->plan->sources[s].name));
}

static void text_tree(struct explain *x, const struct gv_plan_tree *t, unsigned first, int indent)
{
    for (size_t i = 0; i < t->n_feeds; i++)
        text_feed(x, &t->feeds[i], first + (unsigned)i, indent);
    for (size_t i = 0; i < t->selected.n; i++)
        text_part(x, &t->selected.parts[i], indent);
}

static void text_reasons(struct explain *x)
{
    for (size_t i = 0; i < x->plan->n_reasons; i++)
        gv_buf_printf(x->out, "here, not sent: %.*s: %s\n", GV_ARG(expression(x, x->plan->reasons[i].node, 0)),
                      x->plan->reasons[i].why);
}

static void explain_init(struct explain *x, struct gv_buf *out, const struct gv_plan *p)
{
    *x = (struct explain){.out = out, .plan = p, .feeds = (unsigned)p->root.n_feeds};
    gv_arena_init(&x->arena, NULL);
}

void gv_plan_explain_text(struct gv_buf *out, const struct gv_plan *p)
{
    struct explain x;
    explain_init(&x, out, p);
    if (p->unite)
        gv_buf_adds(out, "every cluster answers the whole query, the answers are united\n");
    else
        gv_buf_printf(out, "evaluated here: %.*s\n", GV_ARG(expression(&x, p->root.expr, 1)));
    text_tree(&x, &p->root, 1, 0);
    text_reasons(&x);
    gv_arena_fini(&x.arena);
}

/* ---- JSON ---- */

static void json_tree(struct explain *x, const struct gv_plan_tree *t, unsigned first);

static void add_member(struct gv_buf *out, const char *name, struct gv_slice value)
{
    gv_buf_printf(out, "\"%s\":", name);
    gv_buf_add_json(out, value);
}

static void json_ask(struct explain *x, const struct gv_plan_ask *ask)
{
    gv_buf_printf(x->out, "{\"kind\":\"%s\",", kind_text(ask->kind));
    add_member(x->out, "query", ask->text);
    gv_buf_adds(x->out, ",\"start\":");
    add_seconds(x->out, ask->start);
    gv_buf_adds(x->out, ",\"end\":");
    add_seconds(x->out, ask->end);
    gv_buf_adds(x->out, ",\"step\":");
    add_seconds(x->out, ask->step);
    gv_buf_addc(x->out, '}');
}

static void json_asks(struct explain *x, const struct gv_plan_part *p)
{
    const struct gv_mapping *m = &source_of(x, p)->mapping;
    uint64_t hidden = x->plan->asks[p->asks[0]].hidden;
    const char *comma = "";
    gv_buf_adds(x->out, ",\"labels\":{");
    for (size_t i = 0; i < m->n; i++) {
        if (gv_mapping_hides(hidden, i))
            continue;
        gv_buf_adds(x->out, comma);
        gv_buf_add_json(x->out, m->inject[i].name);
        gv_buf_addc(x->out, ':');
        gv_buf_add_json(x->out, m->inject[i].value);
        comma = ",";
    }
    gv_buf_addc(x->out, '}');
    if (source_of(x, p)->replicas > 1)
        gv_buf_printf(x->out, ",\"replicas\":%u", source_of(x, p)->replicas);
    gv_buf_adds(x->out, ",\"asks\":[");
    for (size_t i = 0; i < p->n_asks; i++) {
        gv_buf_adds(x->out, i ? "," : "");
        json_ask(x, &x->plan->asks[p->asks[i]]);
    }
    gv_buf_addc(x->out, ']');
}

static void json_part(struct explain *x, const struct gv_plan_part *p)
{
    gv_buf_addc(x->out, '{');
    add_member(x->out, "cluster", source_of(x, p)->name);
    if (p->tree) {
        unsigned first = x->feeds + 1;
        x->feeds += (unsigned)p->tree->n_feeds;
        gv_buf_addc(x->out, ',');
        x->within = true;
        json_tree(x, p->tree, first);
        x->within = false;
    } else {
        json_asks(x, p);
    }
    gv_buf_addc(x->out, '}');
}

static void json_input(struct explain *x, const struct gv_plan_input *in, const char **comma)
{
    for (size_t i = 0; i < in->n; i++) {
        gv_buf_adds(x->out, *comma);
        json_part(x, &in->parts[i]);
        *comma = ",";
    }
}

static void json_feed(struct explain *x, const struct gv_plan_feed *f, unsigned number)
{
    const char *comma = "";
    gv_buf_printf(x->out, "{\"name\":\"$%u\",\"combine\":\"%s\",", number, gv_plan_combine_text(f->combine));
    add_member(x->out, "for", expression(x, f->origin, 0));
    gv_buf_printf(x->out, ",\"samples\":%s,\"parts\":[", f->raw ? "true" : "false");
    for (size_t i = 0; i < f->n_inputs; i++)
        json_input(x, &f->inputs[i], &comma);
    gv_buf_adds(x->out, "],\"not_asked\":[");
    comma = "";
    for (size_t s = 0; !x->within && s < x->plan->n_sources; s++) {
        if (takes_part(f, s))
            continue;
        gv_buf_adds(x->out, comma);
        gv_buf_add_json(x->out, x->plan->sources[s].name);
        comma = ",";
    }
    gv_buf_adds(x->out, "]}");
}

static void json_tree(struct explain *x, const struct gv_plan_tree *t, unsigned first)
{
    const char *comma = "";
    add_member(x->out, "expression", expression(x, t->expr, first));
    gv_buf_adds(x->out, ",\"feeds\":[");
    for (size_t i = 0; i < t->n_feeds; i++) {
        gv_buf_adds(x->out, i ? "," : "");
        json_feed(x, &t->feeds[i], first + (unsigned)i);
    }
    gv_buf_addc(x->out, ']');
    if (!t->selected.n)
        return;
    gv_buf_adds(x->out, ",\"selected\":[");
    json_input(x, &t->selected, &comma);
    gv_buf_addc(x->out, ']');
}

static void json_reasons(struct explain *x)
{
    gv_buf_adds(x->out, ",\"reasons\":[");
    for (size_t i = 0; i < x->plan->n_reasons; i++) {
        const struct gv_plan_reason *r = &x->plan->reasons[i];
        gv_buf_adds(x->out, i ? ",{" : "{");
        add_member(x->out, "node", expression(x, r->node, 0));
        gv_buf_printf(x->out, ",\"start\":%u,\"end\":%u,", r->node->pos.start, r->node->pos.end);
        add_member(x->out, "why", gv_slice_of(r->why));
        gv_buf_addc(x->out, '}');
    }
    gv_buf_addc(x->out, ']');
}

void gv_plan_explain_json(struct gv_buf *out, const struct gv_plan *p)
{
    struct explain x;
    explain_init(&x, out, p);
    gv_buf_printf(out, "{\"mode\":\"%s\",", p->unite ? "union" : p->n_asks ? "combine" : "local");
    json_tree(&x, &p->root, 1);
    json_reasons(&x);
    gv_buf_addc(out, '}');
    gv_arena_fini(&x.arena);
}
