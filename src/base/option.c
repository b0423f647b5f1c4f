/* Text goes in, a typed field comes out: one reader per type, bounds and words for all of them. */
#include "base/option.h"
#include "base/duration.h"
#include "base/number.h"
#include "base/option_row.h"
#include <math.h>

static void *field(const struct gv_option *row, void *base)
{
    return (char *)base + row->offset;
}

static bool fail_quoting(struct gv_err *err, struct gv_slice text, const char *why)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, text);
    gv_fail(err, GV_BAD_DATA, "%s %s", gv_buf_cstr(&b), why);
    gv_buf_fini(&b);
    return false;
}

static bool fail_words(const struct gv_option *row, struct gv_slice text, struct gv_err *err)
{
    struct gv_buf why = GV_BUF_INIT;
    gv_buf_adds(&why, "is none of ");
    for (const char *const *word = row->words; *word; word++)
        gv_buf_printf(&why, "%s%s", word == row->words ? "" : ", ", *word);
    const char *meant = gv_suggest(text, row->words);
    if (meant)
        gv_buf_printf(&why, "; did you mean \"%s\"?", meant);
    fail_quoting(err, text, gv_buf_cstr(&why));
    gv_buf_fini(&why);
    return false;
}

static bool fail_bounds(const struct gv_option *row, double v, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    bool low = v < row->min;
    gv_option_print_number(&b, row, v);
    gv_buf_adds(&b, low ? " is below the least allowed, " : " is above the most allowed, ");
    gv_option_print_number(&b, row, low ? row->min : row->max);
    gv_fail(err, GV_BAD_DATA, "%s", gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return false;
}

static bool is_in_bounds(const struct gv_option *row, double v, struct gv_err *err)
{
    bool bounded = row->min != 0 || row->max != 0;
    return !bounded || (v >= row->min && v <= row->max) || fail_bounds(row, v, err);
}

/* The index of text among the row's words, or -1. */
static int word_of(const struct gv_option *row, struct gv_slice text)
{
    for (int i = 0; row->words && row->words[i]; i++)
        if (gv_slice_is(text, row->words[i]))
            return i;
    return -1;
}

static bool read_int(struct gv_slice text, int64_t *v, struct gv_err *err)
{
    return gv_int64_parse(text, v) || fail_quoting(err, text, "is no whole number");
}

static bool set_int64(const struct gv_option *row, int64_t *to, struct gv_slice text, struct gv_err *err)
{
    int word = word_of(row, text);
    int64_t v;
    if (word >= 0) {
        *to = -1 - word;
        return true;
    }
    bool ok = row->type == GV_OPTION_DURATION ? gv_duration_parse(text, &v, err)
              : row->type == GV_OPTION_BYTES  ? gv_bytes_parse(text, &v, err)
                                              : read_int(text, &v, err);
    if (!ok || !is_in_bounds(row, (double)v, err))
        return false;
    *to = v;
    return true;
}

static bool set_double(const struct gv_option *row, double *to, struct gv_slice text, struct gv_err *err)
{
    double v;
    if (!gv_double_parse(text, &v) || !isfinite(v))
        return fail_quoting(err, text, "is no number");
    if (!is_in_bounds(row, v, err))
        return false;
    *to = v;
    return true;
}

static bool set_bool(bool *to, struct gv_slice text, struct gv_err *err)
{
    bool yes = gv_slice_is(text, "true");
    if (!yes && !gv_slice_is(text, "false"))
        return fail_quoting(err, text, "is neither true nor false");
    *to = yes;
    return true;
}

static bool set_enum(const struct gv_option *row, int *to, struct gv_slice text, struct gv_err *err)
{
    int word = word_of(row, text);
    if (word < 0)
        return fail_words(row, text, err);
    *to = word;
    return true;
}

static bool passes(const struct gv_option *row, struct gv_slice text, struct gv_err *err)
{
    return !row->check || row->check(text, err);
}

static bool set_text(const struct gv_option *row, struct gv_arena *a, struct gv_slice *to, struct gv_slice text,
                     struct gv_err *err)
{
    if (!passes(row, text, err))
        return false;
    *to = gv_arena_dup(a, text);
    return true;
}

static bool append(const struct gv_option *row, struct gv_arena *a, struct gv_option_list *list, struct gv_slice text,
                   struct gv_err *err)
{
    if (!passes(row, text, err))
        return false;
    gv_push(a, list->items, list->n, list->cap) = gv_arena_dup(a, text);
    return true;
}

static bool set_key_value(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice text,
                          struct gv_err *err)
{
    const char *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
    if (!equals)
        return fail_quoting(err, text, "is no key=value");
    size_t n = (size_t)(equals - text.p);
    return gv_option_set_pair(row, a, base, (struct gv_slice){text.p, n}, (struct gv_slice){equals + 1, text.n - n - 1},
                              err);
}

bool gv_option_set(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice text,
                   struct gv_err *err)
{
    void *to = field(row, base);
    switch (row->type) {
    case GV_OPTION_STRING:
    case GV_OPTION_SECRET:
        return set_text(row, a, to, text, err);
    case GV_OPTION_BOOL:
        return set_bool(to, text, err);
    case GV_OPTION_INT:
    case GV_OPTION_DURATION:
    case GV_OPTION_BYTES:
        return set_int64(row, to, text, err);
    case GV_OPTION_DOUBLE:
        return set_double(row, to, text, err);
    case GV_OPTION_ENUM:
        return set_enum(row, to, text, err);
    case GV_OPTION_LIST:
        return append(row, a, to, text, err);
    case GV_OPTION_MAP:
        return set_key_value(row, a, base, text, err);
    case GV_OPTION_GROUP:
    case GV_OPTION_GROUPS:
    case GV_OPTION_NAMED:
        return fail_quoting(err, text, "stands where a group of keys is wanted");
    }
    gv_die("option type %d", (int)row->type);
}

bool gv_option_set_pair(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice key,
                        struct gv_slice value, struct gv_err *err)
{
    struct gv_option_map *map = field(row, base);
    if (!key.n)
        return gv_fail(err, GV_BAD_DATA, "an empty key");
    if (!passes(row, key, err))
        return false;
    size_t i = 0;
    while (i < map->n && !gv_slice_eq(map->items[i].key, key))
        i++;
    if (i == map->n)
        gv_push(a, map->items, map->n, map->cap).key = gv_arena_dup(a, key);
    map->items[i].value = gv_arena_dup(a, value);
    return true;
}

void gv_option_clear(const struct gv_option *row, void *base)
{
    if (row->type == GV_OPTION_LIST)
        *(struct gv_option_list *)field(row, base) = (struct gv_option_list){0};
    else if (row->type == GV_OPTION_MAP)
        *(struct gv_option_map *)field(row, base) = (struct gv_option_map){0};
    else if (row->type == GV_OPTION_GROUPS || row->type == GV_OPTION_NAMED)
        *(struct gv_option_groups *)field(row, base) = (struct gv_option_groups){0};
}

void *gv_option_group(const struct gv_option *row, struct gv_arena *a, void *base)
{
    void **group = field(row, base);
    if (!*group) {
        *group = gv_arena_zalloc(a, row->table->size);
        gv_options_init(row->table, a, *group);
    }
    return *group;
}

void *gv_option_add_group(const struct gv_option *row, struct gv_arena *a, void *base)
{
    struct gv_option_groups *groups = field(row, base);
    if (groups->n == groups->cap)
        groups->items = gv_arena_grow(a, groups->items, groups->n, &groups->cap, row->table->size);
    void *added = (char *)groups->items + groups->n++ * row->table->size;
    gv_options_init(row->table, a, added);
    return added;
}

void *gv_option_add_named(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice name,
                          struct gv_err *err)
{
    if (!passes(row, name, err))
        return NULL;
    void *added = gv_option_add_group(row, a, base);
    *(struct gv_slice *)added = gv_arena_dup(a, name);
    return added;
}

static void must_set(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice text)
{
    struct gv_err err = {0};
    if (!gv_option_set(row, a, base, text, &err))
        gv_die("default of %s: %s", row->key, err.msg);
}

static void set_default(const struct gv_option *row, struct gv_arena *a, void *base)
{
    struct gv_slice rest = gv_slice_of(row->fallback);
    if (row->type != GV_OPTION_LIST) {
        must_set(row, a, base, rest);
        return;
    }
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        must_set(row, a, base, (struct gv_slice){rest.p, n});
        rest = (struct gv_slice){rest.p + n + (comma != NULL), rest.n - n - (comma != NULL)};
    }
}

void gv_options_init(const struct gv_option_table *t, struct gv_arena *a, void *base)
{
    memset(base, 0, t->size);
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].fallback)
            set_default(&t->rows[i], a, base);
}

const struct gv_option *gv_options_find(const struct gv_option_table *t, struct gv_slice key)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].key && gv_slice_is(key, t->rows[i].key))
            return &t->rows[i];
    return NULL;
}

const struct gv_option *gv_options_find_flag(const struct gv_option_table *t, struct gv_slice flag)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].flag && gv_slice_is(flag, t->rows[i].flag))
            return &t->rows[i];
    return NULL;
}
