#include "model/annotations.h"
#include <stdio.h>

struct list {
    struct gv_slice **texts;
    size_t *n, *cap;
    struct gv_map *seen;
};

static struct list warnings_of(struct gv_annotations *a)
{
    return (struct list){&a->warnings, &a->n_warnings, &a->cap_warnings, &a->seen_warnings};
}

static struct list infos_of(struct gv_annotations *a)
{
    return (struct list){&a->infos, &a->n_infos, &a->cap_infos, &a->seen_infos};
}

void gv_annotations_init(struct gv_annotations *a, struct gv_arena *arena)
{
    *a = (struct gv_annotations){.arena = arena};
    gv_map_init(&a->seen_warnings, arena);
    gv_map_init(&a->seen_infos, arena);
}

/* The text without a position " (1:7)" at its end: Prometheus tells the same thing of two places in a query once. */
static struct gv_slice without_position(struct gv_slice text)
{
    size_t n = text.n;
    if (!gv_slice_has_prefix(text, GV_S("PromQL ")) || text.p[n - 1] != ')')
        return text;
    for (n--; n > 0 && strchr("0123456789:", text.p[n - 1]); n--)
        ;
    bool position = n > 1 && text.p[n - 1] == '(' && text.p[n - 2] == ' ';
    return position ? (struct gv_slice){text.p, n - 2} : text;
}

/* Copies text only where it is new: the same warning may come once per series. */
static void add(struct gv_annotations *a, struct list l, struct gv_slice text)
{
    struct gv_slice key = without_position(text);
    uint64_t hash = gv_hash(key.p, key.n);
    if (gv_map_get(l.seen, hash, key))
        return;
    text = gv_arena_dup(a->arena, text);
    *gv_map_at(l.seen, hash, (struct gv_slice){text.p, key.n}) = a;
    gv_push(a->arena, *l.texts, *l.n, *l.cap) = text;
}

static void add_formatted(struct gv_annotations *a, struct list l, const char *fmt, va_list args)
{
    char text[2048];
    int n = vsnprintf(text, sizeof text, fmt, args);
    if (n < 0)
        gv_die("bad format: %s", fmt);
    size_t kept = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (kept < (size_t)n)
        memcpy(text + kept - 3, "...", 3);
    add(a, l, (struct gv_slice){text, kept});
}

void gv_warn(struct gv_annotations *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_formatted(a, warnings_of(a), fmt, args);
    va_end(args);
}

void gv_info(struct gv_annotations *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_formatted(a, infos_of(a), fmt, args);
    va_end(args);
}

void gv_annotations_merge(struct gv_annotations *into, const struct gv_annotations *from)
{
    for (size_t i = 0; i < from->n_warnings; i++)
        add(into, warnings_of(into), from->warnings[i]);
    for (size_t i = 0; i < from->n_infos; i++)
        add(into, infos_of(into), from->infos[i]);
}
