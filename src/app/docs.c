/* Pages keep their prose; what tables know stands between two marks and is written by a function here:
 *
 *   <!-- generated: flags -->  ...  <!-- end of generated -->
 */
#include "app/docs.h"
#include "app/command.h"
#include "app/program.h"

#define BEGIN "generated: "
#define END   "end of generated"

/* --- Markdown --- */

static void write_keys(struct gv_buf *out)
{
    gv_options_print_docs(out, &gv_config_table);
}

static void write_sample(struct gv_buf *out)
{
    gv_options_print_sample(out, &gv_config_table);
}

static void write_flags(struct gv_buf *out)
{
    const struct gv_option *row;
    gv_buf_adds(out, "| flag | type | default | key that it beats | help |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; (row = gv_flags_at(i)); i++) {
        gv_buf_printf(out, "| `--%s` | ", row->flag);
        gv_option_print_type(out, row);
        gv_buf_printf(out, row->fallback ? " | `%s` | " : " |%s | ", row->fallback ? row->fallback : "");
        gv_buf_printf(out, row->key ? "`%s` | " : "%s| ", row->key ? row->key : "");
        gv_buf_printf(out, "%s |\n", row->help);
    }
}

static void write_metrics(struct gv_buf *out)
{
    struct gv_registry *r = gv_metrics_registry();
    struct gv_metric_family *const *families;
    size_t n = gv_registry_families(r, &families);
    gv_buf_adds(out, "| metric | type | labels | help |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < n; i++) {
        const struct gv_metric_family *f = families[i];
        gv_buf_printf(out, "| `%s` | %s |", f->name, gv_metric_type_text(f->type));
        for (size_t k = 0; k < GV_METRIC_MAX_LABELS && f->labels[k]; k++)
            gv_buf_printf(out, "%s `%s`", k ? "," : "", f->labels[k]);
        gv_buf_printf(out, " | %s |\n", f->help);
    }
    gv_registry_free(r);
}

/* --- the manual page --- */

/* A hyphen that is typed is \\-; a backslash is \\e. No line here begins with a dot or a quote. */
static void add_roff(struct gv_buf *out, const char *text)
{
    for (; *text; text++)
        gv_buf_adds(out, *text == '-' ? "\\-" : *text == '\\' ? "\\e" : (char[]){*text, 0});
}

static void write_man_commands(struct gv_buf *out)
{
    for (size_t i = 0; i < gv_commands_n; i++) {
        gv_buf_adds(out, ".TP\n.B ");
        add_roff(out, gv_commands[i].name);
        gv_buf_addc(out, ' ');
        add_roff(out, gv_commands[i].usage);
        gv_buf_addc(out, '\n');
        add_roff(out, gv_commands[i].summary);
        gv_buf_addc(out, '\n');
    }
}

static void write_man_flags(struct gv_buf *out)
{
    const struct gv_option *row;
    for (size_t i = 0; (row = gv_flags_at(i)); i++) {
        gv_buf_adds(out, ".TP\n.B \\-\\-");
        add_roff(out, row->flag);
        if (row->type != GV_OPTION_BOOL) {
            gv_buf_addc(out, '=');
            add_roff(out, row->fallback ? row->fallback : "VALUE");
        }
        gv_buf_addc(out, '\n');
        add_roff(out, row->help);
        gv_buf_addc(out, '\n');
    }
}

/* --- pages --- */

static const struct {
    const char *name;
    void (*write)(struct gv_buf *out);
} parts[] = {
    {"keys", write_keys},       {"sample", write_sample},       {"flags", write_flags},
    {"metrics", write_metrics}, {"man-flags", write_man_flags}, {"man-commands", write_man_commands},
};

static struct gv_slice take_line(struct gv_slice *text)
{
    const char *newline = memchr(text->p, '\n', text->n);
    size_t n = newline ? (size_t)(newline - text->p) + 1 : text->n;
    struct gv_slice line = {text->p, n};
    *text = (struct gv_slice){text->p + n, text->n - n};
    return line;
}

static bool has(struct gv_slice line, const char *word)
{
    return memmem(line.p, line.n, word, strlen(word)) != NULL;
}

static bool write_part(struct gv_slice mark, struct gv_buf *out, struct gv_err *err)
{
    const char *name = (const char *)memmem(mark.p, mark.n, BEGIN, strlen(BEGIN)) + strlen(BEGIN);
    size_t n = 0, left = (size_t)(mark.p + mark.n - name);
    while (n < left && name[n] != ' ' && name[n] != '\n')
        n++;
    for (size_t i = 0; i < GV_COUNT(parts); i++)
        if (gv_slice_is((struct gv_slice){name, n}, parts[i].name)) {
            parts[i].write(out);
            return true;
        }
    return gv_fail(err, GV_BAD_DATA, "nothing generates %.*s", (int)n, name);
}

bool gv_docs_fill(struct gv_slice page, struct gv_buf *out, struct gv_err *err)
{
    while (page.n) {
        struct gv_slice line = take_line(&page);
        gv_buf_add_slice(out, line);
        if (!has(line, BEGIN))
            continue;
        if (!write_part(line, out, err))
            return false;
        do {
            if (!page.n)
                return gv_fail(err, GV_BAD_DATA, "no line says: " END);
            line = take_line(&page);
        } while (!has(line, END));
        gv_buf_add_slice(out, line);
    }
    return true;
}
