/* Option rows as text: one value, the running configuration, the sample file, the docs page. */
#include "base/duration.h"
#include "base/number.h"
#include "base/option_row.h"
#include "base/utf8.h"
#include <math.h>
#include <strings.h>

const char *gv_option_type_text(enum gv_option_type type)
{
    static const char *const texts[] = {
        [GV_OPTION_STRING] = "string",       [GV_OPTION_SECRET] = "secret",
        [GV_OPTION_BOOL] = "bool",           [GV_OPTION_INT] = "int",
        [GV_OPTION_DOUBLE] = "float",        [GV_OPTION_DURATION] = "duration",
        [GV_OPTION_BYTES] = "size",          [GV_OPTION_ENUM] = "one of",
        [GV_OPTION_LIST] = "list",           [GV_OPTION_MAP] = "map",
        [GV_OPTION_GROUP] = "group",         [GV_OPTION_GROUPS] = "list of groups",
        [GV_OPTION_NAMED] = "map of groups",
    };
    return texts[type];
}

static const void *field(const struct gv_option *row, const void *base)
{
    return (const char *)base + row->offset;
}

static const char *word_for(const struct gv_option *row, int64_t v)
{
    for (int64_t i = 0; row->words && row->words[i]; i++)
        if (v == -1 - i)
            return row->words[i];
    return NULL;
}

static void print_int64(struct gv_buf *out, const struct gv_option *row, int64_t v)
{
    const char *word = word_for(row, v);
    if (word)
        gv_buf_adds(out, word);
    else if (row->type == GV_OPTION_DURATION)
        gv_duration_print(out, v);
    else if (row->type == GV_OPTION_BYTES)
        gv_bytes_print(out, v);
    else
        gv_buf_add_int(out, v);
}

void gv_option_print_number(struct gv_buf *out, const struct gv_option *row, double v)
{
    if (row->type == GV_OPTION_DOUBLE || fabs(v) >= 0x1p63)
        gv_buf_add_double(out, v);
    else
        print_int64(out, row, (int64_t)v);
}

/* A password may hold any byte but `/`, `?` and `#`: the last `@` before them ends it. */
void gv_option_print_url(struct gv_buf *out, struct gv_slice url)
{
    const char *scheme = memmem(url.p, url.n, "://", 3), *end = url.p + url.n, *host = scheme ? scheme + 3 : url.p;
    const char *stop = host, *colon;
    while (stop < end && !strchr("/?#", *stop))
        stop++;
    const char *sign = host < stop ? memrchr(host, '@', (size_t)(stop - host)) : NULL;
    if (!sign || !(colon = memchr(host, ':', (size_t)(sign - host)))) {
        gv_buf_add_slice(out, url);
        return;
    }
    gv_buf_add(out, url.p, (size_t)(colon + 1 - url.p));
    gv_buf_adds(out, "<secret>");
    gv_buf_add(out, sign, (size_t)(end - sign));
}

/* What may be shown of a text: itself, <secret>, or a URL without its password, which then stands in scratch. */
static struct gv_slice shown(const struct gv_option *row, struct gv_slice value, struct gv_buf *scratch)
{
    if (row->secret || row->type == GV_OPTION_SECRET)
        return GV_S("<secret>");
    if (!row->url)
        return value;
    gv_buf_clear(scratch);
    gv_option_print_url(scratch, value);
    return gv_buf_slice(scratch);
}

static void add_shown(struct gv_buf *out, const struct gv_option *row, struct gv_slice value,
                      void (*add)(struct gv_buf *out, struct gv_slice text))
{
    struct gv_buf scratch = GV_BUF_INIT;
    add(out, shown(row, value, &scratch));
    gv_buf_fini(&scratch);
}

static void print_list(struct gv_buf *out, const struct gv_option *row, const struct gv_option_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        gv_buf_adds(out, i ? "," : "");
        add_shown(out, row, list->items[i], gv_buf_add_slice);
    }
}

static void print_map(struct gv_buf *out, const struct gv_option *row, const struct gv_option_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        gv_buf_printf(out, "%s%.*s=", i ? "," : "", GV_ARG(map->items[i].key));
        add_shown(out, row, map->items[i].value, gv_buf_add_slice);
    }
}

void gv_option_print(struct gv_buf *out, const struct gv_option *row, const void *base)
{
    const void *from = field(row, base);
    switch (row->type) {
    case GV_OPTION_STRING:
    case GV_OPTION_SECRET:
        if (((const struct gv_slice *)from)->n)
            add_shown(out, row, *(const struct gv_slice *)from, gv_buf_add_slice);
        break;
    case GV_OPTION_BOOL:
        gv_buf_adds(out, *(const bool *)from ? "true" : "false");
        break;
    case GV_OPTION_INT:
    case GV_OPTION_DURATION:
    case GV_OPTION_BYTES:
        print_int64(out, row, *(const int64_t *)from);
        break;
    case GV_OPTION_DOUBLE:
        gv_buf_add_double(out, *(const double *)from);
        break;
    case GV_OPTION_ENUM:
        gv_buf_adds(out, row->words[*(const int *)from]);
        break;
    case GV_OPTION_LIST:
        print_list(out, row, from);
        break;
    case GV_OPTION_MAP:
        print_map(out, row, from);
        break;
    case GV_OPTION_GROUP:
    case GV_OPTION_GROUPS:
    case GV_OPTION_NAMED:
        break;
    }
}

/* Whether YAML reads s as the text that it is, in any place. */
static bool is_plain_yaml(struct gv_slice s)
{
    static const char *const not_texts[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < s.n; i++) {
        bool letter = ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') || s.p[i] == '_' || s.p[i] == '/';
        if (!letter && !(i && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' || s.p[i] == '-')))
            return false;
    }
    for (size_t i = 0; i < GV_COUNT(not_texts); i++)
        if (s.n == strlen(not_texts[i]) && strncasecmp(s.p, not_texts[i], s.n) == 0)
            return false;
    return s.n > 0;
}

/* What YAML 1.1 takes as it stands in double quotes; anything else is written as an escape. */
static bool is_printable_yaml(uint32_t point)
{
    return (point >= ' ' && point <= '~' && point != '"' && point != '\\') ||
           (point >= 0xa0 && point <= 0xfffd && point != 0xfeff && point != 0x2028 && point != 0x2029) ||
           point > 0xffff;
}

static void add_yaml_quoted(struct gv_buf *out, struct gv_slice s)
{
    gv_buf_addc(out, '"');
    for (size_t at = 0, n; at < s.n; at += n) {
        uint32_t point = 0xfffd;
        n = gv_utf8_decode(s.p + at, s.n - at, &point);
        if (n && is_printable_yaml(point))
            gv_buf_add(out, s.p + at, n);
        else
            gv_buf_printf(out, "\\u%04x", n ? point : 0xfffd);
        n = n ? n : 1;
    }
    gv_buf_addc(out, '"');
}

static void add_yaml_text(struct gv_buf *out, struct gv_slice s)
{
    if (is_plain_yaml(s))
        gv_buf_add_slice(out, s);
    else
        add_yaml_quoted(out, s);
}

static void add_yaml_list(struct gv_buf *out, const struct gv_option *row, const struct gv_option_list *list)
{
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        gv_buf_adds(out, i ? ", " : "");
        add_shown(out, row, list->items[i], add_yaml_text);
    }
    gv_buf_addc(out, ']');
}

static void add_yaml_map(struct gv_buf *out, const struct gv_option *row, const struct gv_option_map *map)
{
    gv_buf_addc(out, '{');
    for (size_t i = 0; i < map->n; i++) {
        gv_buf_adds(out, i ? ", " : "");
        add_yaml_text(out, map->items[i].key);
        gv_buf_adds(out, ": ");
        add_shown(out, row, map->items[i].value, add_yaml_text);
    }
    gv_buf_addc(out, '}');
}

static void add_yaml_value(struct gv_buf *out, const struct gv_option *row, const void *base)
{
    if (row->type == GV_OPTION_LIST)
        add_yaml_list(out, row, field(row, base));
    else if (row->type == GV_OPTION_MAP)
        add_yaml_map(out, row, field(row, base));
    else if (row->type == GV_OPTION_STRING)
        add_shown(out, row, *(const struct gv_slice *)field(row, base), add_yaml_text);
    else
        gv_option_print(out, row, base);
}

static void indent(struct gv_buf *out, unsigned depth)
{
    gv_buf_printf(out, "%*s", (int)depth * 2, "");
}

/* Empty ones say nothing; an absent group is switched off. */
static bool is_empty(const struct gv_option *row, const void *base)
{
    const void *from = field(row, base);
    switch (row->type) {
    case GV_OPTION_STRING:
    case GV_OPTION_SECRET:
        return !((const struct gv_slice *)from)->n;
    case GV_OPTION_LIST:
        return !((const struct gv_option_list *)from)->n;
    case GV_OPTION_MAP:
        return !((const struct gv_option_map *)from)->n;
    case GV_OPTION_GROUP:
        return !*(void *const *)from;
    case GV_OPTION_GROUPS:
    case GV_OPTION_NAMED:
        return !((const struct gv_option_groups *)from)->n;
    default:
        return false;
    }
}

static void add_yaml(struct gv_buf *out, const struct gv_option_table *t, const void *base, unsigned depth,
                     bool as_item);

static void add_yaml_groups(struct gv_buf *out, const struct gv_option *row, const void *base, unsigned depth)
{
    const struct gv_option_groups *groups = field(row, base);
    for (size_t i = 0; i < groups->n; i++)
        add_yaml(out, row->table, (const char *)groups->items + i * row->table->size, depth, true);
}

static void add_yaml_named(struct gv_buf *out, const struct gv_option *row, const void *base, unsigned depth)
{
    const struct gv_option_groups *groups = field(row, base);
    for (size_t i = 0; i < groups->n; i++) {
        const char *item = (const char *)groups->items + i * row->table->size;
        indent(out, depth);
        add_yaml_text(out, *(const struct gv_slice *)item);
        gv_buf_adds(out, ":\n");
        add_yaml(out, row->table, item, depth + 1, false);
    }
}

/* What stands behind "key:". */
static void add_yaml_of_row(struct gv_buf *out, const struct gv_option *row, const void *base, unsigned depth)
{
    bool single = row->type != GV_OPTION_GROUP && row->type != GV_OPTION_GROUPS && row->type != GV_OPTION_NAMED;
    gv_buf_addc(out, single ? ' ' : '\n');
    if (row->type == GV_OPTION_GROUP) {
        add_yaml(out, row->table, *(void *const *)field(row, base), depth + 1, false);
    } else if (row->type == GV_OPTION_GROUPS) {
        add_yaml_groups(out, row, base, depth + 2);
    } else if (row->type == GV_OPTION_NAMED) {
        add_yaml_named(out, row, base, depth + 1);
    } else {
        add_yaml_value(out, row, base);
        gv_buf_addc(out, '\n');
    }
}

/* depth: of the keys; an item's first key follows its "- ". */
static void add_yaml(struct gv_buf *out, const struct gv_option_table *t, const void *base, unsigned depth,
                     bool as_item)
{
    bool first = as_item;
    for (size_t i = 0; i < t->n; i++) {
        const struct gv_option *row = &t->rows[i];
        if (!row->key || is_empty(row, base))
            continue;
        indent(out, first ? depth - 1 : depth);
        gv_buf_printf(out, "%s%s:", first ? "- " : "", row->key);
        first = false;
        add_yaml_of_row(out, row, base, depth);
    }
    if (first) {
        indent(out, depth - 1);
        gv_buf_adds(out, "- {}\n");
    }
}

void gv_options_print(struct gv_buf *out, const struct gv_option_table *t, const void *base)
{
    add_yaml(out, t, base, 0, false);
}
