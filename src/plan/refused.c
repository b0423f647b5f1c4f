/* Constructs as hashes: of a name, or of a tree's shape. */
#include "plan/refused.h"
#include "base/buf.h"
#include "plan/planner.h"

enum { OF_A_NAME = 1, OF_A_SHAPE };

static uint64_t mix(uint64_t h, uint64_t value)
{
    const uint64_t both[2] = {h, value};
    return gv_hash(both, sizeof both);
}

static uint64_t hash_text(const char *text)
{
    return gv_hash(text, strlen(text));
}

static const char *name_of(const struct gv_expr *e)
{
    return e->kind == GV_EXPR_CALL        ? e->call.function->name
           : e->kind == GV_EXPR_AGGREGATE ? e->aggregate.op->name
                                          : NULL;
}

static uint64_t of_name(const char *name)
{
    return mix(OF_A_NAME, hash_text(name));
}

/* --- shapes --- */

static bool has_legacy_names(const struct gv_selector *s)
{
    for (size_t i = 0; i < s->n_matchers; i++)
        if (!gv_label_name_is_legacy(s->matchers[i].name))
            return false;
    return true;
}

static uint64_t of_shift(const struct gv_time_shift *s)
{
    return (uint64_t)(s->at != GV_AT_NONE) << 2 | (uint64_t)(s->offset_ms != 0) << 1 | (s->offset_ms < 0);
}

static uint64_t of_matching(const struct gv_matching *m)
{
    return (uint64_t)m->card << 4 | (uint64_t)m->on << 3 | (uint64_t)m->written << 2 | (uint64_t)m->has_fill_left << 1 |
           m->has_fill_right;
}

/* What a node is built of beside its children. */
static uint64_t of_node(const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_SELECTOR:
        return of_shift(&e->selector.shift) << 4 | (uint64_t)e->selector.extended << 1 | has_legacy_names(&e->selector);
    case GV_EXPR_SUBQUERY:
        return of_shift(&e->subquery.shift);
    case GV_EXPR_CALL:
        return hash_text(name_of(e));
    case GV_EXPR_AGGREGATE:
        return mix(hash_text(name_of(e)), e->aggregate.without);
    case GV_EXPR_BINARY:
        return mix((uint64_t)e->binary.op << 1 | e->binary.returns_bool, of_matching(&e->binary.matching));
    case GV_EXPR_UNARY:
        return e->unary.op;
    default:
        return 0;
    }
}

static uint64_t shape_of(const struct gv_expr *e)
{
    e = gv_expr_unparen(e);
    uint64_t h = mix(mix(OF_A_SHAPE, e->kind), of_node(e));
    struct gv_expr **child; /* only to be read */
    for (size_t i = 0; (child = gv_expr_child((struct gv_expr *)(uintptr_t)e, i)); i++)
        h = mix(h, shape_of(*child));
    return h;
}

/* --- messages --- */

static bool ends_in(const char *from, const char *to, const char *words)
{
    size_t n = strlen(words);
    return (size_t)(to - from) >= n && memcmp(to - n, words, n) == 0;
}

/* As Prometheus and VictoriaMetrics put it: `unknown function with name "f"`, `function "f" is not enabled`,
 * `unsupported function "f"`, `f() is experimental`. */
static bool is_named(const char *message, const char *name)
{
    static const char *const before[] = {"function with name \"", "function \"", "func \""};
    size_t n = strlen(name);
    for (const char *at = message; (at = strstr(at, name)); at += n) {
        bool is_whole = strncmp(at + n, "() is experimental", 18) == 0 && (at == message || at[-1] == ' ');
        for (size_t i = 0; at[n] == '"' && i < GV_COUNT(before); i++)
            is_whole |= ends_in(message, at, before[i]);
        if (is_whole)
            return true;
    }
    return false;
}

struct search {
    const char *message, *found;
};

static enum gv_walk find_named(struct gv_expr *e, void *arg)
{
    struct search *s = arg;
    const char *name = name_of(e);
    if (!name || !is_named(s->message, name))
        return GV_WALK_ON;
    s->found = name;
    return GV_WALK_STOP;
}

uint64_t gv_plan_construct(const struct gv_expr *sent, const char *message)
{
    struct search s = {.message = message};
    const struct gv_expr *e = gv_expr_unparen(sent);
    if (!gv_expr_walk((struct gv_expr *)(uintptr_t)e, find_named, &s))
        return of_name(s.found);
    return e->kind == GV_EXPR_SELECTOR || e->kind == GV_EXPR_MATRIX ? 0 : shape_of(e);
}

bool plan_is_refused(const struct gv_plan_source *s, const struct gv_expr *e)
{
    if (!s->n_refused || e->kind == GV_EXPR_SELECTOR || e->kind == GV_EXPR_MATRIX)
        return false;
    const uint64_t shape = shape_of(e), name = name_of(e) ? of_name(name_of(e)) : shape;
    for (size_t i = 0; i < s->n_refused; i++)
        if (s->refused[i] == shape || s->refused[i] == name)
            return true;
    return false;
}
