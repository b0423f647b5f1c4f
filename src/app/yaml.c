/* Bytes in, tree out: text -> [UTF-8 check] -> libyaml events -> nodes in the arena.
 *
 * One recursive descent over the events, depth bounded. Anchors are kept in a list by name; an alias shares the node it
 * names, so that memory stays linear, and adds that node's weight, so that what a reader has to walk stays bounded. */
#include "app/yaml.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/utf8.h"
#include <yaml.h>

struct anchor {
    struct gv_slice name;
    const struct gv_yaml_node *node; /* NULL while it is still being read */
    struct anchor *older;
};

struct reader {
    yaml_parser_t yaml;
    yaml_event_t event;
    bool has_event;
    struct gv_arena *arena;
    const char *file;
    struct anchor *anchors;
    size_t weight; /* of all nodes so far */
    unsigned depth;
    struct gv_err *err;
};

bool gv_yaml_fail(struct gv_err *err, struct gv_yaml_pos pos, const char *fmt, ...)
{
    char said[GV_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    return gv_fail(err, GV_BAD_DATA, "%s:%u:%u: %s", pos.file, pos.line, pos.col, said);
}

bool gv_yaml_is_null(const struct gv_yaml_node *n)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (n->kind != GV_YAML_SCALAR || n->quoted)
        return false;
    for (size_t i = 0; i < GV_COUNT(nulls); i++)
        if (gv_slice_is(n->text, nulls[i]))
            return true;
    return false;
}

const char *gv_yaml_kind_text(const struct gv_yaml_node *n)
{
    if (gv_yaml_is_null(n))
        return "nothing";
    return n->kind == GV_YAML_LIST ? "a list" : n->kind == GV_YAML_MAP ? "a map" : "a text";
}

static struct gv_yaml_pos pos_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct gv_yaml_pos){r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static bool fail_syntax(struct reader *r)
{
    const char *context = r->yaml.context, *problem = r->yaml.problem ? r->yaml.problem : "cannot be read";
    return gv_yaml_fail(r->err, pos_of(r, r->yaml.problem_mark), "%s%s%s", problem, context ? ", " : "",
                        context ? context : "");
}

static bool advance(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->yaml, &r->event);
    return r->has_event || fail_syntax(r);
}

static bool weigh(struct reader *r, size_t weight, struct gv_yaml_pos pos)
{
    r->weight += weight;
    if (r->weight > GV_YAML_MAX_NODES)
        return gv_yaml_fail(r->err, pos, "more than %d values, with aliases expanded", GV_YAML_MAX_NODES);
    return true;
}

static struct gv_slice slice_of(const yaml_char_t *text, size_t n)
{
    return (struct gv_slice){(const char *)text, n};
}

static struct anchor *drop_anchor(struct reader *r, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    struct anchor *x = gv_arena_new(r->arena, struct anchor);
    x->name = gv_arena_dup(r->arena, gv_slice_of((const char *)name));
    x->older = r->anchors;
    return r->anchors = x;
}

/* For messages: outside text may hold anything. */
static const char *quoted(struct reader *r, struct gv_slice text)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, text);
    const char *copy = gv_arena_dup(r->arena, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return copy;
}

/* Only what a text may say of itself: !!str keeps `!!str 5` a text. Everything else hints at another program's file. */
static bool check_tag(struct reader *r, const yaml_char_t *tag, struct gv_yaml_pos pos)
{
    if (!tag || strcmp((const char *)tag, YAML_STR_TAG) == 0 || strcmp((const char *)tag, "!") == 0)
        return true;
    return gv_yaml_fail(r->err, pos, "tag %s is not supported", quoted(r, gv_slice_of((const char *)tag)));
}

static const struct gv_yaml_node *read_node(struct reader *r);

static const struct gv_yaml_node *read_alias(struct reader *r)
{
    struct gv_yaml_pos pos = pos_of(r, r->event.start_mark);
    struct gv_slice name = gv_slice_of((const char *)r->event.data.alias.anchor);
    for (struct anchor *x = r->anchors; x; x = x->older) {
        if (!gv_slice_eq(x->name, name))
            continue;
        if (!x->node)
            return gv_yaml_fail(r->err, pos, "alias *%.*s stands inside the value it names", GV_ARG(name)), NULL;
        return weigh(r, x->node->weight, pos) ? x->node : NULL;
    }
    return gv_yaml_fail(r->err, pos, "alias *%.*s: no anchor of that name before it", GV_ARG(name)), NULL;
}

static struct gv_yaml_node *new_node(struct reader *r, enum gv_yaml_kind kind)
{
    struct gv_yaml_pos pos = pos_of(r, r->event.start_mark);
    if (!weigh(r, 1, pos))
        return NULL;
    struct gv_yaml_node *node = gv_arena_new(r->arena, struct gv_yaml_node);
    *node = (struct gv_yaml_node){.kind = kind, .pos = pos, .weight = 1};
    return node;
}

static const struct gv_yaml_node *read_scalar(struct reader *r)
{
    struct gv_yaml_node *node = new_node(r, GV_YAML_SCALAR);
    if (!node || !check_tag(r, r->event.data.scalar.tag, node->pos))
        return NULL;
    node->text = gv_arena_dup(r->arena, slice_of(r->event.data.scalar.value, r->event.data.scalar.length));
    node->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE || r->event.data.scalar.tag;
    struct anchor *anchor = drop_anchor(r, r->event.data.scalar.anchor);
    if (anchor)
        anchor->node = node;
    return node;
}

static const struct gv_yaml_node *read_list(struct reader *r)
{
    struct gv_yaml_node *node = new_node(r, GV_YAML_LIST);
    if (!node || !check_tag(r, r->event.data.sequence_start.tag, node->pos))
        return NULL;
    struct anchor *anchor = drop_anchor(r, r->event.data.sequence_start.anchor);
    for (size_t cap = 0;;) {
        if (!advance(r))
            return NULL;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        const struct gv_yaml_node *item = read_node(r);
        if (!item)
            return NULL;
        gv_push(r->arena, node->items, node->n, cap) = item;
        node->weight += item->weight;
    }
    if (anchor)
        anchor->node = node;
    return node;
}

/* The event is the key's: keys are plain texts, each once. */
static bool read_key(struct reader *r, struct gv_map *seen, struct gv_yaml_pair *pair)
{
    pair->key_pos = pos_of(r, r->event.start_mark);
    if (r->event.type != YAML_SCALAR_EVENT)
        return gv_yaml_fail(r->err, pair->key_pos, "a key must be a plain text");
    const struct gv_yaml_node *key = read_scalar(r);
    if (!key)
        return false;
    pair->key = key->text;
    if (memchr(key->text.p, 0, key->text.n))
        return gv_yaml_fail(r->err, key->pos, "a key must not hold a NUL byte");
    if (gv_slice_is(key->text, "<<") && !key->quoted)
        return gv_yaml_fail(r->err, key->pos, "merge keys (<<) are not supported: write the keys out");
    void **place = gv_map_at(seen, gv_hash(key->text.p, key->text.n), key->text);
    const struct gv_yaml_node *first = *place;
    if (!first) {
        *place = (void *)(uintptr_t)key;
        return true;
    }
    return gv_yaml_fail(r->err, key->pos, "key %s is given twice (first at %u:%u)", quoted(r, key->text),
                        first->pos.line, first->pos.col);
}

static const struct gv_yaml_node *read_map(struct reader *r)
{
    struct gv_yaml_node *node = new_node(r, GV_YAML_MAP);
    if (!node || !check_tag(r, r->event.data.mapping_start.tag, node->pos))
        return NULL;
    struct anchor *anchor = drop_anchor(r, r->event.data.mapping_start.anchor);
    struct gv_map seen;
    gv_map_init(&seen, r->arena);
    for (size_t cap = 0;;) {
        if (!advance(r))
            return NULL;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        struct gv_yaml_pair pair = {0};
        if (!read_key(r, &seen, &pair) || !advance(r) || !(pair.value = read_node(r)))
            return NULL;
        gv_push(r->arena, node->pairs, node->n, cap) = pair;
        node->weight += 1 + pair.value->weight;
    }
    if (anchor)
        anchor->node = node;
    return node;
}

/* The event is the node's first one; on return it is its last. */
static const struct gv_yaml_node *read_node(struct reader *r)
{
    if (r->depth >= GV_YAML_MAX_DEPTH) {
        gv_yaml_fail(r->err, pos_of(r, r->event.start_mark), "nested deeper than %d levels", GV_YAML_MAX_DEPTH);
        return NULL;
    }
    const struct gv_yaml_node *node;
    r->depth++;
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        node = read_alias(r);
        break;
    case YAML_SEQUENCE_START_EVENT:
        node = read_list(r);
        break;
    case YAML_MAPPING_START_EVENT:
        node = read_map(r);
        break;
    default:
        node = read_scalar(r);
    }
    r->depth--;
    return node;
}

static const struct gv_yaml_node *read_document(struct reader *r)
{
    /* stream start; document start or stream end */
    if (!advance(r) || !advance(r)) // NOLINT(misc-redundant-expression): each moves on
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return new_node(r, GV_YAML_SCALAR);
    if (!advance(r))
        return NULL;
    const struct gv_yaml_node *root = read_node(r);
    if (!root || !advance(r) || !advance(r)) /* document end; stream end */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return root;
    gv_yaml_fail(r->err, pos_of(r, r->event.start_mark), "a second document: a file holds one");
    return NULL;
}

static bool check_utf8(const char *file, struct gv_slice text, struct gv_err *err)
{
    struct gv_yaml_pos pos = {file, 1, 1};
    for (size_t at = 0, step; at < text.n; at += step) {
        uint32_t point;
        if (!(step = gv_utf8_decode(text.p + at, text.n - at, &point)))
            return gv_yaml_fail(err, pos, "byte 0x%02x is not valid UTF-8", (unsigned char)text.p[at]);
        pos.col++;
        if (point == '\n')
            pos = (struct gv_yaml_pos){file, pos.line + 1, 1};
    }
    return true;
}

const struct gv_yaml_node *gv_yaml_parse(struct gv_arena *a, const char *file, struct gv_slice text, struct gv_err *err)
{
    if (text.n > GV_YAML_MAX_BYTES) {
        gv_fail(err, GV_BAD_DATA, "%s: %zu bytes, more than the %d that a configuration file may have", file, text.n,
                GV_YAML_MAX_BYTES);
        return NULL;
    }
    if (!check_utf8(file, text, err))
        return NULL;
    struct reader r = {.arena = a, .file = file, .err = err};
    if (!yaml_parser_initialize(&r.yaml))
        gv_die("out of memory");
    yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(text.p ? text.p : ""), text.n);
    const struct gv_yaml_node *root = read_document(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    return root;
}
