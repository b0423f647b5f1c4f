/* Tree in, structs out: node + rows -> for each key its row -> value set at base + offset.
 *
 * Texts pass through ${NAME} expansion first. Every failure says where (file, line, column, path of keys) and, where a
 * name is nearly right, which one was meant. */
#include "app/config_read.h"
#include "app/suggest.h"
#include "model/labels.h"
#include <stdio.h>
#include <stdlib.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

typedef struct gv_config_reader reader;
typedef struct gv_config_path path;
typedef struct gv_yaml_node node;
typedef struct gv_option option;

/* Keys come from outside: anything but a plain word is quoted. */
static void print_key(struct gv_buf *out, struct gv_slice key)
{
    if (out->n)
        gv_buf_addc(out, '.');
    if (key.n && strspn(key.p, WORD) == key.n)
        gv_buf_add_slice(out, key);
    else
        gv_buf_add_quoted(out, key);
}

static void print_path(struct gv_buf *out, const path *p)
{
    if (!p)
        return;
    print_path(out, p->above);
    if (!p->key)
        gv_buf_printf(out, "[%zu]", p->index);
    else
        print_key(out, gv_slice_of(p->key));
}

bool gv_config_fail(reader *r, const path *p, struct gv_yaml_pos pos, const char *fmt, ...)
{
    struct gv_buf b = GV_BUF_INIT;
    print_path(&b, p);
    if (b.n)
        gv_buf_adds(&b, ": ");
    char said[GV_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    gv_buf_adds(&b, said);
    gv_yaml_fail(r->err, pos, "%s", gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return false;
}

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static const char *look_up(const reader *r, const char *name)
{
    return r->env && r->env->getenv ? r->env->getenv(name) : getenv(name);
}

/* One ${NAME} at s, which is cut off; `$$` is a dollar, any other `$` stands for itself. */
static bool expand_one(reader *r, const path *p, const node *n, struct gv_slice *s, struct gv_buf *out)
{
    size_t used = 1;
    if (s->n > 1 && s->p[1] == '$')
        used = 2;
    if (s->n < 2 || s->p[1] != '{') {
        gv_buf_addc(out, '$');
    } else {
        const char *close = memchr(s->p, '}', s->n);
        if (!close)
            return gv_config_fail(r, p, n->pos, "${ without } (write $$ for a dollar sign)");
        const char *name = gv_arena_dup(r->arena, (struct gv_slice){s->p + 2, (size_t)(close - s->p) - 2}).p;
        if (!gv_label_name_is_legacy(gv_slice_of(name)))
            return gv_config_fail(r, p, n->pos,
                                  "${...} must hold the name of an environment variable (write $$ for a "
                                  "dollar sign)");
        const char *value = look_up(r, name);
        if (!value)
            return gv_config_fail(r, p, n->pos, "environment variable %s is not set", name);
        gv_buf_adds(out, value);
        used = (size_t)(close - s->p) + 1;
    }
    *s = (struct gv_slice){s->p + used, s->n - used};
    return true;
}

static bool expand(reader *r, const path *p, const node *n, struct gv_slice *text)
{
    struct gv_slice s = n->text;
    *text = s;
    if (!s.n || !memchr(s.p, '$', s.n))
        return true;
    struct gv_buf out = GV_BUF_INIT;
    bool ok = true;
    while (ok && s.n) {
        if (*s.p == '$') {
            ok = expand_one(r, p, n, &s, &out);
            continue;
        }
        gv_buf_addc(&out, *s.p);
        s = (struct gv_slice){s.p + 1, s.n - 1};
    }
    if (ok)
        *text = gv_arena_dup(r->arena, gv_buf_slice(&out));
    gv_buf_fini(&out);
    return ok && (gv_utf8_valid(*text) || gv_config_fail(r, p, n->pos, "is not valid UTF-8 after expansion"));
}

static bool want(reader *r, const path *p, const node *n, enum gv_yaml_kind kind, const char *what)
{
    if (n->kind == kind && !gv_yaml_is_null(n))
        return true;
    return gv_config_fail(r, p, n->pos, "must be %s, is %s", what, gv_yaml_kind_text(n));
}

/* Relative paths mean the folder of the file that they stand in. */
static struct gv_slice resolve(reader *r, const node *n, struct gv_slice file)
{
    const char *slash = strrchr(n->pos.file, '/');
    if (!file.n || *file.p == '/' || !slash)
        return file;
    int folder = (int)(slash - n->pos.file);
    return gv_slice_of(gv_arena_printf(r->arena, "%.*s/%.*s", folder, n->pos.file, GV_ARG(file)));
}

static bool read_text(reader *r, const path *p, const node *n, enum gv_option_type type, struct gv_slice *text)
{
    if (!want(r, p, n, GV_YAML_SCALAR, "a text") || !expand(r, p, n, text))
        return false;
    if (memchr(text->p, 0, text->n))
        return gv_config_fail(r, p, n->pos, "must not hold a NUL byte");
    if (type == GV_OPT_PATH || type == GV_OPT_PATHS)
        *text = resolve(r, n, *text);
    return true;
}

static bool read_single(reader *r, const path *p, const node *n, const option *o, void *base)
{
    char what[64];
    snprintf(what, sizeof what, "%s%s", o->type == GV_OPT_BOOL ? "" : "a ", gv_config_row_type_text(o->type));
    struct gv_slice text;
    if (!want(r, p, n, GV_YAML_SCALAR, what) || !read_text(r, p, n, o->type, &text))
        return false;
    struct gv_err err = {0};
    return gv_config_row_set(o, base, r->arena, text, &err) || gv_config_fail(r, p, n->pos, "%s", err.msg);
}

/* A list of texts into `const char *const *` at offset and its length at count. */
static bool read_texts(reader *r, const path *p, const node *n, enum gv_option_type type, const char *const **list,
                       size_t *count)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_LIST, "a list"))
        return false;
    const char **texts = gv_arena_array(r->arena, const char *, n->n);
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .index = i};
        struct gv_slice text;
        if (!read_text(r, &item, n->items[i], type, &text))
            return false;
        texts[i] = gv_arena_dup(r->arena, text).p;
    }
    *list = texts;
    *count = n->n;
    return true;
}

static bool read_pairs(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    struct gv_option_pair *pairs = gv_arena_array(r->arena, struct gv_option_pair, n->n);
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .key = n->pairs[i].key.p};
        struct gv_slice text;
        if (!read_text(r, &item, n->pairs[i].value, GV_OPT_TEXT, &text))
            return false;
        pairs[i] = (struct gv_option_pair){item.key, gv_arena_dup(r->arena, text).p};
    }
    *(struct gv_option_pair **)at(base, o->offset) = pairs;
    *(size_t *)at(base, o->count) = n->n;
    return true;
}

static const struct gv_option header_rows[] = {
    {"values", GV_OPT_TEXTS, .offset = offsetof(struct gv_option_header, values),
     .count = offsetof(struct gv_option_header, n_values)},
    {"secrets", GV_OPT_TEXTS, .offset = offsetof(struct gv_option_header, secrets),
     .count = offsetof(struct gv_option_header, n_secrets)},
    {"files", GV_OPT_PATHS, .offset = offsetof(struct gv_option_header, files),
     .count = offsetof(struct gv_option_header, n_files)},
};

static bool read_headers(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    struct gv_option_header *headers = gv_arena_array(r->arena, struct gv_option_header, n->n);
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .key = n->pairs[i].key.p};
        headers[i].name = item.key;
        if (!gv_config_read_rows(r, &item, n->pairs[i].value, header_rows, GV_COUNT(header_rows), &headers[i]))
            return false;
    }
    *(struct gv_option_header **)at(base, o->offset) = headers;
    *(size_t *)at(base, o->count) = n->n;
    return true;
}

static bool read_section(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (o->count)
        *(bool *)at(base, o->count) = true;
    return gv_config_read_rows(r, p, n, o->rows, o->n_rows, at(base, o->offset));
}

static bool read_sections(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_LIST, "a list"))
        return false;
    char *items = gv_arena_zalloc(r->arena, o->size * (n->n ? n->n : 1));
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .index = i};
        void *one = items + i * o->size;
        gv_rows_default(o->rows, o->n_rows, one, r->arena);
        if (!want(r, &item, n->items[i], GV_YAML_MAP, "a map") ||
            !gv_config_read_rows(r, &item, n->items[i], o->rows, o->n_rows, one))
            return false;
    }
    *(void **)at(base, o->offset) = items;
    *(size_t *)at(base, o->count) = n->n;
    return true;
}

bool gv_config_read_row(reader *r, const path *p, const node *n, const option *o, void *base)
{
    switch (o->type) {
    case GV_OPT_TEXTS:
    case GV_OPT_URLS:
    case GV_OPT_PATHS:
        return read_texts(r, p, n, o->type, at(base, o->offset), at(base, o->count));
    case GV_OPT_PAIRS:
        return read_pairs(r, p, n, o, base);
    case GV_OPT_HEADERS:
        return read_headers(r, p, n, o, base);
    case GV_OPT_SECTION:
        return read_section(r, p, n, o, base);
    case GV_OPT_SECTIONS:
        return read_sections(r, p, n, o, base);
    default:
        return read_single(r, p, n, o, base);
    }
}

enum { MAX_KEYS = 64 };

static size_t collect_keys(const option *rows, size_t n, const char **keys, size_t at_key)
{
    for (size_t i = 0; i < n && at_key < MAX_KEYS; i++)
        if (rows[i].type == GV_OPT_INLINE)
            at_key = collect_keys(rows[i].rows, rows[i].n_rows, keys, at_key);
        else
            keys[at_key++] = rows[i].key;
    return at_key;
}

/* Keys that Prometheus knows in such places and this program does not take. */
static const char *const unsupported[] = {"oauth2",
                                          "sigv4",
                                          "azuread",
                                          "google_iam",
                                          "no_proxy",
                                          "ca",
                                          "cert",
                                          "key",
                                          "proxy_from_environment",
                                          "proxy_connect_header",
                                          "external_labels"};

static bool fail_unknown(reader *r, const path *p, const struct gv_yaml_pair *pair, const option *rows, size_t n)
{
    for (size_t i = 0; i < GV_COUNT(unsupported); i++)
        if (gv_slice_is(pair->key, unsupported[i]))
            return gv_config_fail(r, p, pair->key_pos, "is not supported");
    const char *keys[MAX_KEYS];
    const char *near = gv_nearest(pair->key, keys, collect_keys(rows, n, keys, 0));
    if (near)
        return gv_config_fail(r, p, pair->key_pos, "unknown key (did you mean %s?)", near);
    return gv_config_fail(r, p, pair->key_pos, "unknown key");
}

bool gv_config_read_rows(reader *r, const path *p, const node *n, const option *rows, size_t n_rows, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    for (const struct gv_yaml_pair *pair = n->pairs; pair < n->pairs + n->n; pair++) {
        path below = {.above = p, .key = pair->key.p};
        void *there = base;
        const option *o = gv_rows_find(rows, n_rows, pair->key, &there);
        if (!o)
            return fail_unknown(r, &below, pair, rows, n_rows);
        if (!gv_config_read_row(r, &below, pair->value, o, there))
            return false;
    }
    return true;
}
