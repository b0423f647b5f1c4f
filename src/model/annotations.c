/* Two lists of texts, each with a map that finds a text whatever place of the query it speaks of. */
#include "model/annotations.h"
#include <stdio.h>
#include <stdlib.h>

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

struct position {
    unsigned line, col;
};

/* Of a text whose part before the position is n bytes long; 0:0 where it has none. */
static struct position position_of(struct gv_slice text, size_t n)
{
    struct position p = {0, 0};
    unsigned *number = &p.line;
    for (size_t i = n; i < text.n; i++) {
        if (text.p[i] == ':')
            number = &p.col;
        else if (text.p[i] >= '0' && text.p[i] <= '9')
            *number = *number * 10 + (unsigned)(text.p[i] - '0');
    }
    return p;
}

static bool is_earlier(struct gv_slice a, struct gv_slice b, size_t n)
{
    struct position x = position_of(a, n), y = position_of(b, n);
    return x.line != y.line ? x.line < y.line : x.col < y.col;
}

/* Copies text only where it is new, or speaks of an earlier place: the same warning may come once per series. */
static void add(struct gv_annotations *a, struct list l, struct gv_slice text)
{
    struct gv_slice key = without_position(text);
    uint64_t hash = gv_hash(key.p, key.n);
    uintptr_t place = (uintptr_t)gv_map_get(l.seen, hash, key);
    if (place) {
        struct gv_slice *known = &(*l.texts)[place - 1];
        if (is_earlier(text, *known, key.n))
            *known = gv_arena_dup(a->arena, text);
        return;
    }
    text = gv_arena_dup(a->arena, text);
    gv_push(a->arena, *l.texts, *l.n, *l.cap) = text;
    *gv_map_at(l.seen, hash, (struct gv_slice){text.p, key.n}) = (void *)*l.n;
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

static int by_text(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

void gv_annotations_sort(struct gv_annotations *a)
{
    if (a->n_warnings)
        qsort(a->warnings, a->n_warnings, sizeof *a->warnings, by_text);
    if (a->n_infos)
        qsort(a->infos, a->n_infos, sizeof *a->infos, by_text);
}

void gv_annotations_merge(struct gv_annotations *into, const struct gv_annotations *from)
{
    for (size_t i = 0; i < from->n_warnings; i++)
        add(into, warnings_of(into), from->warnings[i]);
    for (size_t i = 0; i < from->n_infos; i++)
        add(into, infos_of(into), from->infos[i]);
}
