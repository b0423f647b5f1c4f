/* The registry: families by name, and their rendering (Prometheus: "Exposition formats", text format 0.0.4). */
#include "base/metric_instance.h"
#include "base/number.h"
#include <stdlib.h>

struct gv_registry {
    struct gv_metric_family **families; /* by name */
    size_t n, cap;
};

struct gv_registry *gv_registry_new(void)
{
    struct gv_registry *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    return r;
}

void gv_registry_free(struct gv_registry *r)
{
    if (!r)
        return;
    free(r->families);
    free(r);
}

static void insert(struct gv_registry *r, struct gv_metric_family *f)
{
    size_t i = r->n;
    while (i > 0 && strcmp(r->families[i - 1]->name, f->name) > 0)
        i--;
    if (i > 0 && strcmp(r->families[i - 1]->name, f->name) == 0)
        gv_die("two metrics are named %s", f->name);
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->families = realloc(r->families, r->cap * sizeof(struct gv_metric_family *));
        if (!r->families)
            gv_die("out of memory");
    }
    memmove(&r->families[i + 1], &r->families[i], (r->n++ - i) * sizeof(struct gv_metric_family *));
    r->families[i] = f;
}

void gv_registry_add(struct gv_registry *r, struct gv_metric_family *const *families)
{
    for (; *families; families++) {
        insert(r, *families);
        if (!(*families)->labels[0])
            gv_metric_self(*families);
    }
}

size_t gv_registry_families(const struct gv_registry *r, struct gv_metric_family *const **families)
{
    *families = r->families;
    return r->n;
}

static void add_escaped(struct gv_buf *out, struct gv_slice s, bool in_quotes)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n')
            gv_buf_adds(out, "\\n");
        else if (c == '\\' || (in_quotes && c == '"'))
            gv_buf_add(out, (char[]){'\\', c}, 2);
        else
            gv_buf_addc(out, c);
    }
}

/* {a="1",le="0.5"}; le only for buckets */
static void add_labels(struct gv_buf *out, const struct gv_metric *m, const char *le)
{
    const char *separator = "{";
    for (size_t i = 0; i < GV_METRIC_MAX_LABELS && m->family->labels[i]; i++) {
        gv_buf_printf(out, "%s%s=\"", separator, m->family->labels[i]);
        add_escaped(out, m->values[i], true);
        gv_buf_addc(out, '"');
        separator = ",";
    }
    if (le)
        gv_buf_printf(out, "%sle=\"%s\"", separator, le);
    if (le || m->family->labels[0])
        gv_buf_addc(out, '}');
}

static void add_sample(struct gv_buf *out, const struct gv_metric *m, const char *suffix, const char *le, double v)
{
    gv_buf_adds(out, m->family->name);
    gv_buf_adds(out, suffix);
    add_labels(out, m, le);
    gv_buf_addc(out, ' ');
    gv_buf_add_double(out, v);
    gv_buf_addc(out, '\n');
}

/* The count is the sum of the buckets read here, so that both agree while others observe. */
static void render_histogram(struct gv_buf *out, const struct gv_metric *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= m->family->n_buckets; i++) {
        char le[GV_DOUBLE_MAX] = "+Inf";
        if (i < m->family->n_buckets)
            gv_double_format(le, m->family->buckets[i]);
        n += atomic_load_explicit(&m->cells[i], memory_order_relaxed);
        add_sample(out, m, "_bucket", le, (double)n);
    }
    add_sample(out, m, "_sum", NULL, gv_metric_current(m));
    add_sample(out, m, "_count", NULL, (double)n);
}

static void render_family(struct gv_metric_family *f, struct gv_buf *out)
{
    pthread_mutex_lock(&f->lock);
    if (f->instances) {
        gv_buf_printf(out, "# HELP %s ", f->name);
        add_escaped(out, gv_slice_of(f->help), false);
        gv_buf_printf(out, "\n# TYPE %s %s\n", f->name, gv_metric_type_text(f->type));
    }
    for (const struct gv_metric *m = f->instances; m; m = m->next) {
        if (f->type == GV_METRIC_HISTOGRAM)
            render_histogram(out, m);
        else
            add_sample(out, m, "", NULL, gv_metric_current(m));
    }
    pthread_mutex_unlock(&f->lock);
}

void gv_registry_render(struct gv_registry *r, struct gv_buf *out)
{
    for (size_t i = 0; i < r->n; i++)
        render_family(r->families[i], out);
}
