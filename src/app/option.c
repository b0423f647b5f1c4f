/* Text to value and back, for the single values of option rows. */
#include "app/option.h"
#include "app/suggest.h"
#include "base/duration.h"
#include "base/number.h"

#define GV_OPTION_TEXT(type, text) [type] = text,
static const char *const type_texts[] = {GV_OPTION_TYPES(GV_OPTION_TEXT)};
#undef GV_OPTION_TEXT

const char *gv_config_row_type_text(enum gv_option_type t)
{
    return type_texts[t];
}

bool gv_config_row_is_single(const struct gv_option *o)
{
    return o->type <= GV_OPT_CHOICE;
}

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static const void *const_at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

/* "\"text\" is no WHAT: ADVICE", the text quoted. */
static bool refuse(struct gv_slice text, const char *what, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, text.n > 80 ? (struct gv_slice){text.p, 80} : text);
    gv_fail(err, GV_BAD_DATA, "%s is no %s", gv_buf_cstr(&b), what);
    gv_buf_fini(&b);
    return false;
}

/* The words of YAML 1.1, which Prometheus's own files may use. */
static bool parse_bool(struct gv_slice s, bool *out)
{
    static const char *const words[2][9] = {{"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"},
                                            {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}};
    for (size_t i = 0; i < 9; i++)
        for (int v = 0; v < 2; v++)
            if (gv_slice_is(s, words[v][i])) {
                *out = v;
                return true;
            }
    return false;
}

static int choice_of(const struct gv_option *o, struct gv_slice text)
{
    for (int i = 0; o->choices && o->choices[i]; i++)
        if (gv_slice_is(text, o->choices[i]))
            return i;
    return -1;
}

static bool refuse_choice(const struct gv_option *o, struct gv_slice text, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    size_t n = 0;
    gv_buf_add_quoted(&b, text.n > 80 ? (struct gv_slice){text.p, 80} : text);
    gv_buf_adds(&b, " is none of ");
    for (; o->choices[n]; n++)
        gv_buf_printf(&b, "%s%s", n ? ", " : "", o->choices[n]);
    const char *near = gv_nearest(text, o->choices, n);
    if (near)
        gv_buf_printf(&b, " (did you mean %s?)", near);
    gv_fail(err, GV_BAD_DATA, "%s", gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return false;
}

static void print_number(const struct gv_option *o, struct gv_buf *out, int64_t v)
{
    if (o->type == GV_OPT_DURATION)
        gv_duration_print(out, v);
    else if (o->type == GV_OPT_BYTES)
        gv_bytes_print(out, v);
    else
        gv_buf_printf(out, "%lld", (long long)v);
}

static bool check_bounds(const struct gv_option *o, int64_t v, struct gv_err *err)
{
    bool low = v < o->min;
    if (!low && (o->max == 0 || v <= o->max))
        return true;
    struct gv_buf b = GV_BUF_INIT;
    print_number(o, &b, v);
    gv_buf_adds(&b, low ? " is less than " : " is more than ");
    print_number(o, &b, low ? o->min : o->max);
    gv_fail(err, GV_BAD_DATA, "%s", gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return false;
}

static bool set_number(const struct gv_option *o, void *base, struct gv_slice text, struct gv_err *err)
{
    int64_t v;
    int special = choice_of(o, text);
    if (special >= 0) {
        *(int64_t *)at(base, o->offset) = o->specials[special];
        return true;
    }
    if (o->type == GV_OPT_DURATION && !gv_duration_parse(text, &v, NULL))
        return refuse(text, "duration: write it like 30s, 5m or 1h30m", err);
    if (o->type == GV_OPT_BYTES && !gv_bytes_parse(text, &v, NULL))
        return refuse(text, "size: write it like 512MiB or 1GiB", err);
    if (o->type == GV_OPT_COUNT && !gv_int64_parse(text, &v))
        return refuse(text, "whole number", err);
    if (!check_bounds(o, v, err))
        return false;
    *(int64_t *)at(base, o->offset) = v;
    return true;
}

static bool set_text(const struct gv_option *o, void *base, struct gv_arena *a, struct gv_slice text,
                     struct gv_err *err)
{
    if (memchr(text.p, 0, text.n))
        return refuse(text, "text: it holds a NUL byte", err);
    *(const char **)at(base, o->offset) = gv_arena_dup(a, text).p;
    return true;
}

bool gv_config_row_set(const struct gv_option *o, void *base, struct gv_arena *a, struct gv_slice text,
                       struct gv_err *err)
{
    int choice;
    switch (o->type) {
    case GV_OPT_BOOL:
        return parse_bool(text, at(base, o->offset)) || refuse(text, "truth value: write true or false", err);
    case GV_OPT_COUNT:
    case GV_OPT_DURATION:
    case GV_OPT_BYTES:
        return set_number(o, base, text, err);
    case GV_OPT_CHOICE:
        if ((choice = choice_of(o, text)) < 0)
            return refuse_choice(o, text, err);
        *(int *)at(base, o->offset) = choice;
        return true;
    case GV_OPT_WORD:
        return choice_of(o, text) >= 0 ? set_text(o, base, a, text, err) : refuse_choice(o, text, err);
    default:
        return set_text(o, base, a, text, err);
    }
}

/* user:password@ becomes user:<secret>@. A password may hold any byte but `/`, `?` and `#`. */
void gv_config_row_print_url(struct gv_buf *out, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *sign = memrchr(host, '@', authority);
    const char *colon = sign ? memchr(host, ':', (size_t)(sign - host)) : NULL;
    if (!colon) {
        gv_buf_adds(out, url);
        return;
    }
    gv_buf_add(out, url, (size_t)(colon + 1 - url));
    gv_buf_adds(out, "<secret>");
    gv_buf_adds(out, sign);
}

static void print_text(const struct gv_option *o, const char *text, struct gv_buf *out)
{
    if (text && o->secret && *text)
        gv_buf_adds(out, "<secret>");
    else if (text && o->type == GV_OPT_URL)
        gv_config_row_print_url(out, text);
    else
        gv_buf_adds(out, text ? text : "");
}

void gv_config_row_print(const struct gv_option *o, const void *base, struct gv_buf *out)
{
    const void *p = const_at(base, o->offset);
    switch (o->type) {
    case GV_OPT_BOOL:
        gv_buf_adds(out, *(const bool *)p ? "true" : "false");
        return;
    case GV_OPT_CHOICE:
        gv_buf_adds(out, o->choices[*(const int *)p]);
        return;
    case GV_OPT_COUNT:
    case GV_OPT_DURATION:
    case GV_OPT_BYTES:
        for (int i = 0; o->specials && o->choices[i]; i++)
            if (*(const int64_t *)p == o->specials[i]) {
                gv_buf_adds(out, o->choices[i]);
                return;
            }
        print_number(o, out, *(const int64_t *)p);
        return;
    default:
        print_text(o, *(const char *const *)p, out);
    }
}

void gv_rows_default(const struct gv_option *rows, size_t n, void *base, struct gv_arena *a)
{
    for (const struct gv_option *o = rows; o < rows + n; o++) {
        struct gv_err err = {0};
        if (o->type == GV_OPT_SECTION || o->type == GV_OPT_INLINE)
            gv_rows_default(o->rows, o->n_rows, at(base, o->offset), a);
        else if (gv_config_row_is_single(o) && o->def && !gv_config_row_set(o, base, a, gv_slice_of(o->def), &err))
            gv_die("default of %s: %s", o->key, err.msg);
    }
}

const struct gv_option *gv_rows_find(const struct gv_option *rows, size_t n, struct gv_slice key, void **base)
{
    for (const struct gv_option *o = rows; o < rows + n; o++) {
        if (o->type != GV_OPT_INLINE) {
            if (gv_slice_is(key, o->key))
                return o;
            continue;
        }
        void *below = base ? at(*base, o->offset) : NULL;
        const struct gv_option *found = gv_rows_find(o->rows, o->n_rows, key, base ? &below : NULL);
        if (found && base)
            *base = below;
        if (found)
            return found;
    }
    return NULL;
}
