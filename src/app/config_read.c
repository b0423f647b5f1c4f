/* Tree in, structs out: node + rows -> for each key its row -> value set at base + offset.
 *
 * Texts pass through ${NAME} expansion first. Every failure says where (file, line, column, path of keys) and, where a
 * name is nearly right, which one was meant. */
#include "app/config_read.h"
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

static const char *look_up(const reader *r, const char *name)
{
    return r->env && r->env->getenv ? r->env->getenv(name) : getenv(name);
}

/* `${1}` is no variable's name, but what relabelling calls a group: it stands for itself. */
static bool is_number(const char *name)
{
    return *name && !name[strspn(name, "0123456789")];
}

static const char *value_of(const reader *r, const char *name)
{
    return is_number(name) ? gv_arena_printf(r->arena, "${%s}", name) : look_up(r, name);
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
        if (!is_number(name) && !gv_label_name_is_legacy(gv_slice_of(name)))
            return gv_config_fail(r, p, n->pos,
                                  "${...} must hold the name of an environment variable (write $$ for a "
                                  "dollar sign)");
        const char *value = value_of(r, name);
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

static const char *wanted_text(const option *o)
{
    switch (o->type) {
    case GV_OPTION_BOOL:
        return "true or false";
    case GV_OPTION_INT:
    case GV_OPTION_DOUBLE:
        return "a number";
    case GV_OPTION_DURATION:
        return "a duration";
    case GV_OPTION_BYTES:
        return "a size";
    case GV_OPTION_ENUM:
        return "a word";
    default:
        return "a text";
    }
}

static bool read_text(reader *r, const path *p, const node *n, const option *o, struct gv_slice *text)
{
    if (!want(r, p, n, GV_YAML_SCALAR, wanted_text(o)) || !expand(r, p, n, text))
        return false;
    if (text->n && memchr(text->p, 0, text->n))
        return gv_config_fail(r, p, n->pos, "must not hold a NUL byte");
    *text = o->path ? resolve(r, n, *text) : gv_arena_dup(r->arena, *text);
    return true;
}

static bool fail_on(reader *r, const path *p, const node *n, const struct gv_err *err)
{
    return gv_config_fail(r, p, n->pos, "%s", err->msg);
}

/* The value of a row from one scalar. */
static bool read_single(reader *r, const path *p, const node *n, const option *o, void *base)
{
    struct gv_slice text;
    struct gv_err err = {0};
    return read_text(r, p, n, o, &text) && (gv_option_set(o, r->arena, base, text, &err) || fail_on(r, p, n, &err));
}

static bool read_list(reader *r, const path *p, const node *n, const option *o, void *base)
{
    gv_option_clear(o, base);
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_LIST, "a list"))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .index = i};
        if (!read_single(r, &item, n->items[i], o, base))
            return false;
    }
    return true;
}

static bool read_map(reader *r, const path *p, const node *n, const option *o, void *base)
{
    gv_option_clear(o, base);
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        const struct gv_yaml_pair *pair = &n->pairs[i];
        path item = {.above = p, .key = pair->key.p};
        struct gv_slice text;
        struct gv_err err = {0};
        if (!read_text(r, &item, pair->value, o, &text))
            return false;
        if (!gv_option_set_pair(o, r->arena, base, pair->key, text, &err))
            return gv_config_fail(r, &item, pair->key_pos, "%s", err.msg);
    }
    return true;
}

static bool read_groups(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_LIST, "a list"))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        path item = {.above = p, .index = i};
        void *group = gv_option_add_group(o, r->arena, base);
        if (!want(r, &item, n->items[i], GV_YAML_MAP, "a map") ||
            !gv_config_read_table(r, &item, n->items[i], o->table, group))
            return false;
    }
    return true;
}

static bool read_named(reader *r, const path *p, const node *n, const option *o, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        const struct gv_yaml_pair *pair = &n->pairs[i];
        path item = {.above = p, .key = pair->key.p};
        struct gv_err err = {0};
        void *group = gv_option_add_named(o, r->arena, base, pair->key, &err);
        if (!group)
            return gv_config_fail(r, &item, pair->key_pos, "%s", err.msg);
        if (!gv_config_read_table(r, &item, pair->value, o->table, group))
            return false;
    }
    return true;
}

static bool read_row(reader *r, const path *p, const node *n, const option *o, void *base)
{
    switch (o->type) {
    case GV_OPTION_LIST:
        return read_list(r, p, n, o, base);
    case GV_OPTION_MAP:
        return read_map(r, p, n, o, base);
    case GV_OPTION_GROUP:
        return gv_config_read_table(r, p, n, o->table, gv_option_group(o, r->arena, base));
    case GV_OPTION_GROUPS:
        return read_groups(r, p, n, o, base);
    case GV_OPTION_NAMED:
        return read_named(r, p, n, o, base);
    default:
        return read_single(r, p, n, o, base);
    }
}

static bool fail_unknown(reader *r, const path *p, const struct gv_yaml_pair *pair, const struct gv_option_table *t)
{
    /* keys that Prometheus knows in such places and this program does not take */
    static const char *const unsupported[] = {"oauth2",
                                              "sigv4",
                                              "azuread",
                                              "google_iam",
                                              "no_proxy",
                                              "ca",
                                              "cert",
                                              "key",
                                              "key_ref",
                                              "proxy_from_environment",
                                              "proxy_connect_header",
                                              "scrape_configs",
                                              "rule_files",
                                              "alerting"};
    for (size_t i = 0; i < GV_COUNT(unsupported); i++)
        if (gv_slice_is(pair->key, unsupported[i]))
            return gv_config_fail(r, p, pair->key_pos, "is not supported");
    const char *near = gv_options_suggest(t, pair->key);
    if (near)
        return gv_config_fail(r, p, pair->key_pos, "unknown key (did you mean %s?)", near);
    return gv_config_fail(r, p, pair->key_pos, "unknown key");
}

static bool check_required(reader *r, const path *p, const node *n, const struct gv_option_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].required && !gv_yaml_get(n, t->rows[i].key))
            return gv_config_fail(r, p, n->pos, "%s is missing", t->rows[i].key);
    return true;
}

bool gv_config_read_table(reader *r, const path *p, const node *n, const struct gv_option_table *t, void *base)
{
    if (gv_yaml_is_null(n))
        return true;
    if (!want(r, p, n, GV_YAML_MAP, "a map"))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        const struct gv_yaml_pair *pair = &n->pairs[i];
        path below = {.above = p, .key = pair->key.p};
        const option *o = gv_options_find(t, pair->key);
        if (!o)
            return fail_unknown(r, &below, pair, t);
        if (!read_row(r, &below, pair->value, o, base))
            return false;
    }
    return check_required(r, p, n, t);
}

const node *gv_yaml_get(const node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == GV_YAML_MAP && i < map->n; i++)
        if (gv_slice_is(map->pairs[i].key, key))
            return map->pairs[i].value;
    return NULL;
}
