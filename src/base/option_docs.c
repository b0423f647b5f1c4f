/* Option rows for readers: the sample file and the docs table. Both are compared with the checked-in files by a test.
 */
#include "base/option_row.h"

enum { TEXT_WIDTH = 100 };

void gv_option_print_type(struct gv_buf *out, const struct gv_option *row)
{
    gv_buf_adds(out, row->type == GV_OPTION_INT && row->unit ? row->unit : gv_option_type_text(row->type));
    if (row->type != GV_OPTION_ENUM && row->words)
        gv_buf_adds(out, ", or");
    for (const char *const *word = row->words; word && *word; word++)
        gv_buf_printf(out, "%s%s", word == row->words ? " " : ", ", *word);
    if (row->min == 0 && row->max == 0)
        return;
    gv_buf_adds(out, "; ");
    gv_option_print_number(out, row, row->min);
    if (row->max < 0x1p63) {
        gv_buf_adds(out, " to ");
        gv_option_print_number(out, row, row->max);
    } else {
        gv_buf_adds(out, " or more");
    }
}

static bool is_group(const struct gv_option *row)
{
    return row->type == GV_OPTION_GROUP || row->type == GV_OPTION_GROUPS || row->type == GV_OPTION_NAMED;
}

static void start_line(struct gv_buf *out, unsigned depth, bool comment)
{
    gv_buf_printf(out, "#%*s%s", (int)depth * 2, "", comment ? "# " : "");
}

/* Words of text, broken into comment lines. */
static void add_wrapped(struct gv_buf *out, struct gv_slice text, unsigned depth)
{
    size_t width = TEXT_WIDTH - depth * 2;
    while (text.n) {
        size_t n = text.n;
        if (n > width) {
            const char *space = memrchr(text.p, ' ', width + 1);
            n = space && space > text.p ? (size_t)(space - text.p) : width;
        }
        start_line(out, depth, true);
        gv_buf_add(out, text.p, n);
        gv_buf_addc(out, '\n');
        n += n < text.n && text.p[n] == ' ';
        text = (struct gv_slice){text.p + n, text.n - n};
    }
}

static void add_help(struct gv_buf *out, const struct gv_option *row, unsigned depth)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_printf(&text, "%s (", row->help);
    gv_option_print_type(&text, row);
    gv_buf_adds(&text, row->required ? "; required)" : ")");
    add_wrapped(out, gv_buf_slice(&text), depth);
    gv_buf_fini(&text);
}

static void add_sample_default(struct gv_buf *out, const struct gv_option *row)
{
    const char *value = row->fallback ? row->fallback : "";
    if (row->type == GV_OPTION_LIST)
        gv_buf_printf(out, " [%s]", value);
    else if (row->type == GV_OPTION_MAP)
        gv_buf_printf(out, " {%s}", value);
    else if (*value)
        gv_buf_printf(out, " %s", value);
}

static void add_sample(struct gv_buf *out, const struct gv_option_table *t, unsigned depth, bool as_item)
{
    bool first = as_item;
    for (size_t i = 0; i < t->n; i++) {
        const struct gv_option *row = &t->rows[i];
        if (!row->key)
            continue;
        add_help(out, row, depth);
        start_line(out, first ? depth - 1 : depth, false);
        gv_buf_printf(out, "%s%s:", first ? "- " : "", row->key);
        first = false;
        if (!is_group(row))
            add_sample_default(out, row);
        gv_buf_addc(out, '\n');
        if (row->type == GV_OPTION_NAMED) {
            start_line(out, depth + 1, false);
            gv_buf_adds(out, "NAME:\n");
        }
        if (is_group(row))
            add_sample(out, row->table, depth + (row->type == GV_OPTION_GROUP ? 1 : 2), row->type == GV_OPTION_GROUPS);
    }
}

void gv_options_print_sample(struct gv_buf *out, const struct gv_option_table *t)
{
    add_sample(out, t, 0, false);
}

/* A group that is not applied as a whole, though a key in it is: its keys say which. */
static bool is_mixed(const struct gv_option *row)
{
    for (size_t i = 0; is_group(row) && i < row->table->n; i++)
        if (row->table->rows[i].reloadable)
            return true;
    return false;
}

static void add_doc_row(struct gv_buf *out, const struct gv_option *row, struct gv_slice prefix, bool reloadable)
{
    gv_buf_printf(out, "| `%.*s%s` | ", GV_ARG(prefix), row->key);
    gv_option_print_type(out, row);
    if (row->fallback && *row->fallback)
        gv_buf_printf(out, " | `%s` | ", row->fallback);
    else
        gv_buf_adds(out, row->required ? " | required | " : " | | ");
    gv_buf_printf(out, "%s | %s |\n", reloadable ? "yes" : is_mixed(row) ? "by key" : "no", row->help);
}

/* What stands between a group's key and the keys in it. */
static const char *below_text(const struct gv_option *row)
{
    return row->type == GV_OPTION_GROUPS ? "[]" : row->type == GV_OPTION_NAMED ? ".NAME" : "";
}

/* reloadable: the group that they stand in is. */
static void add_docs(struct gv_buf *out, const struct gv_option_table *t, struct gv_slice prefix, bool reloadable)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct gv_option *row = &t->rows[i];
        if (!row->key)
            continue;
        bool reloads = reloadable || row->reloadable;
        add_doc_row(out, row, prefix, reloads);
        if (!is_group(row))
            continue;
        struct gv_buf inner = GV_BUF_INIT;
        gv_buf_printf(&inner, "%.*s%s%s.", GV_ARG(prefix), row->key, below_text(row));
        add_docs(out, row->table, gv_buf_slice(&inner), reloads);
        gv_buf_fini(&inner);
    }
}

void gv_options_print_docs(struct gv_buf *out, const struct gv_option_table *t)
{
    gv_buf_adds(out, "| key | type | default | reload | help |\n| --- | --- | --- | --- | --- |\n");
    add_docs(out, t, GV_S(""), false);
}
