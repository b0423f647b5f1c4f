/* Structs to YAML: rows + base -> lines. The inverse of app/config_read.c, but for secrets. */
#include "app/config_print.h"
#include "app/config.h"

typedef struct gv_option option;

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static size_t count_of(const option *o, const void *base)
{
    return *(const size_t *)at(base, o->count);
}

/* Plain where no reader of YAML could take it for anything but this text; else in double quotes. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
    for (size_t i = 0; i < GV_COUNT(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    if (!*text || strchr("0123456789.+-=", *text) || text[strlen(text) - 1] == ':')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+=()") == strlen(text);
}

void gv_yaml_print_text(struct gv_buf *out, const char *text)
{
    if (is_plain(text) && !strstr(text, "$"))
        gv_buf_adds(out, text);
    else
        gv_buf_add_json(out, gv_slice_of(text));
}

/* What was read through ${...} expansion is written so that it reads back. */
static void print_escaped(struct gv_buf *out, const char *text)
{
    struct gv_buf b = GV_BUF_INIT;
    for (const char *c = text; *c; c++)
        gv_buf_adds(&b, *c == '$' ? "$$" : (char[]){*c, 0});
    gv_yaml_print_text(out, gv_buf_cstr(&b));
    gv_buf_fini(&b);
}

static void start_line(struct gv_buf *out, unsigned indent, const char *key)
{
    gv_buf_printf(out, "%*s", (int)indent, "");
    gv_yaml_print_text(out, key);
    gv_buf_addc(out, ':');
}

static void print_single(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    bool text = o->type == GV_OPT_TEXT || o->type == GV_OPT_PATH || o->type == GV_OPT_URL || o->type == GV_OPT_WORD;
    if (text && !*(const char *const *)at(base, o->offset))
        return;
    struct gv_buf value = GV_BUF_INIT;
    gv_config_row_print(o, base, &value);
    start_line(out, indent, o->key);
    gv_buf_addc(out, ' ');
    if (text && strcmp(gv_buf_cstr(&value), "<secret>") != 0)
        print_escaped(out, gv_buf_cstr(&value));
    else
        gv_buf_add_slice(out, gv_buf_slice(&value));
    gv_buf_addc(out, '\n');
    gv_buf_fini(&value);
}

static void print_texts(struct gv_buf *out, const char *const *texts, size_t n, bool url, bool secret)
{
    gv_buf_adds(out, " [");
    for (size_t i = 0; i < n; i++) {
        struct gv_buf b = GV_BUF_INIT;
        gv_buf_adds(out, i ? ", " : "");
        if (url)
            gv_config_row_print_url(&b, texts[i]);
        else
            gv_buf_adds(&b, secret ? "<secret>" : texts[i]);
        print_escaped(out, gv_buf_cstr(&b));
        gv_buf_fini(&b);
    }
    gv_buf_adds(out, "]\n");
}

static void print_pairs(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    const struct gv_option_pair *pairs = *(const struct gv_option_pair *const *)at(base, o->offset);
    gv_buf_addc(out, '\n');
    for (size_t i = 0; i < count_of(o, base); i++) {
        start_line(out, indent + 2, pairs[i].name);
        gv_buf_addc(out, ' ');
        print_escaped(out, pairs[i].value);
        gv_buf_addc(out, '\n');
    }
}

static void print_header_list(struct gv_buf *out, const char *key, const char *const *texts, size_t n, unsigned indent)
{
    if (!n)
        return;
    start_line(out, indent, key);
    print_texts(out, texts, n, false, strcmp(key, "secrets") == 0);
}

static void print_headers(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    const struct gv_option_header *headers = *(const struct gv_option_header *const *)at(base, o->offset);
    gv_buf_addc(out, '\n');
    for (size_t i = 0; i < count_of(o, base); i++) {
        start_line(out, indent + 2, headers[i].name);
        gv_buf_addc(out, '\n');
        print_header_list(out, "values", headers[i].values, headers[i].n_values, indent + 4);
        print_header_list(out, "secrets", headers[i].secrets, headers[i].n_secrets, indent + 4);
        print_header_list(out, "files", headers[i].files, headers[i].n_files, indent + 4);
    }
}

/* A list item is a map whose first line carries the dash. */
static void print_items(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    const char *items = *(const char *const *)at(base, o->offset);
    gv_buf_addc(out, '\n');
    for (size_t i = 0; i < count_of(o, base); i++) {
        size_t start = out->n;
        gv_config_print_rows(out, o->rows, o->n_rows, items + i * o->size, indent + 4);
        if (out->n > start)
            out->p[start + indent + 2] = '-';
    }
}

static void print_section(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    struct gv_buf below = GV_BUF_INIT;
    gv_config_print_rows(&below, o->rows, o->n_rows, at(base, o->offset), indent + 2);
    if (below.n) {
        start_line(out, indent, o->key);
        gv_buf_addc(out, '\n');
        gv_buf_add_slice(out, gv_buf_slice(&below));
    }
    gv_buf_fini(&below);
}

static void print_many(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    if (!count_of(o, base))
        return;
    start_line(out, indent, o->key);
    if (o->type == GV_OPT_PAIRS)
        print_pairs(out, o, base, indent);
    else if (o->type == GV_OPT_HEADERS)
        print_headers(out, o, base, indent);
    else if (o->type == GV_OPT_SECTIONS)
        print_items(out, o, base, indent);
    else
        print_texts(out, *(const char *const *const *)at(base, o->offset), count_of(o, base), o->type == GV_OPT_URLS,
                    false);
}

static void print_row(struct gv_buf *out, const option *o, const void *base, unsigned indent)
{
    if (gv_config_row_is_single(o))
        print_single(out, o, base, indent);
    else if (o->type == GV_OPT_INLINE)
        gv_config_print_rows(out, o->rows, o->n_rows, at(base, o->offset), indent);
    else if (o->type != GV_OPT_SECTION)
        print_many(out, o, base, indent);
    else if (!o->count || *(const bool *)at(base, o->count))
        print_section(out, o, base, indent);
}

void gv_config_print_rows(struct gv_buf *out, const option *rows, size_t n, const void *base, unsigned indent)
{
    for (size_t i = 0; i < n; i++)
        print_row(out, &rows[i], base, indent);
}

void gv_config_print(const struct gv_config *c, struct gv_buf *out)
{
    gv_config_print_rows(out, gv_config_rows, gv_config_n_rows, c, 0);
}
