/* Who a series is here. Its labels are read and checked; the cluster is that of the path, else that of its own label,
 * else the default; what the configuration adds is added, and what stands in its way is renamed exported_<name>; then
 * come the rules of write_relabel_configs. Done once for each series, and again when the configuration changes. */
#include "ingest/receiver_impl.h"
#include <stdio.h>
#include <stdlib.h>

struct work {
    const struct gv_ingest_settings *settings;
    struct gv_slice path_cluster;
    struct gv_arena *arena;
    struct gv_label *labels;
    size_t n;
    struct identified *out;
};

static enum identity refuse(struct work *w, enum refusal why, const char *fmt, ...) GV_PRINTF(3, 4);

static enum identity refuse(struct work *w, enum refusal why, const char *fmt, ...)
{
    char text[LONGEST_REASON];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->out->why = why;
    gv_buf_adds(&w->out->message, text);
    return IDENTITY_REFUSED;
}

/* ---- Labels as they came ---- */

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp(((const struct gv_label *)a)->name, ((const struct gv_label *)b)->name);
}

static bool is_sorted(const struct gv_label *labels, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_name(&labels[i - 1], &labels[i]) > 0)
            return false;
    return true;
}

static void sort(struct gv_label *labels, size_t n)
{
    if (!is_sorted(labels, n))
        qsort(labels, n, sizeof *labels, by_name);
}

static enum identity check_labels(struct work *w)
{
    bool named = false;
    for (size_t i = 0; i < w->n; i++) {
        const struct gv_label *l = &w->labels[i];
        if (!l->name.n)
            return refuse(w, REFUSED_LABELS, "a label has no name");
        if (!gv_utf8_valid(l->name) || !gv_utf8_valid(l->value))
            return refuse(w, REFUSED_LABELS, "a label is not UTF-8");
        if (i && gv_slice_eq(l->name, l[-1].name))
            return refuse(w, REFUSED_LABELS, "the label %.*s is there twice", GV_ARG(l->name));
        named |= l->value.n && gv_slice_eq(l->name, GV_LABEL_NAME);
    }
    return named ? IDENTITY_OK : refuse(w, REFUSED_NO_NAME, "no metric name (__name__)");
}

static enum identity read_labels(struct work *w, struct gv_slice fields, struct gv_err *err)
{
    enum { USUAL = 32 };
    size_t max = w->settings->max_labels;
    w->labels = gv_arena_alloc(w->arena, USUAL * sizeof *w->labels);
    if (!gv_write_labels(fields, w->labels, USUAL, &w->n, err))
        return IDENTITY_BROKEN;
    if (w->n > max)
        return refuse(w, REFUSED_LIMIT, "%zu labels, max_labels is %zu", w->n, max);
    if (w->n > USUAL) {
        w->labels = gv_arena_alloc(w->arena, w->n * sizeof *w->labels);
        if (!gv_write_labels(fields, w->labels, w->n, &w->n, err))
            return IDENTITY_BROKEN;
    }
    sort(w->labels, w->n);
    return check_labels(w);
}

static struct gv_slice value_of(const struct work *w, struct gv_slice name)
{
    for (size_t i = 0; i < w->n; i++)
        if (gv_slice_eq(w->labels[i].name, name))
            return w->labels[i].value;
    return (struct gv_slice){NULL, 0};
}

/* ---- The cluster ---- */

/* The labels that are put on: of a cluster that the configuration names, and the cluster label itself where the series
 * does not bring it. */
static struct gv_mapping mapping_of(struct work *w, struct gv_slice cluster, bool has_label)
{
    const struct gv_ingest_settings *s = w->settings;
    const struct gv_cluster *configured = gv_clusters_find(s->clusters, cluster);
    struct gv_label *inject = gv_arena_array(w->arena, struct gv_label, (configured ? configured->mapping.n : 0) + 1);
    size_t n = 0;
    if (!has_label)
        inject[n++] = (struct gv_label){s->cluster_label, cluster};
    for (size_t i = 0; configured && i < configured->mapping.n; i++)
        if (!gv_slice_eq(configured->mapping.inject[i].name, s->cluster_label))
            inject[n++] = configured->mapping.inject[i];
    sort(inject, n);
    return (struct gv_mapping){inject, n};
}

static void apply_mapping(struct work *w, const struct gv_mapping *m)
{
    if (!m->n)
        return;
    struct gv_label *all = gv_arena_array(w->arena, struct gv_label, w->n + m->n);
    for (size_t i = 0; i < w->n; i++)
        all[i] = (struct gv_label){gv_mapping_to_global(m, w->arena, w->labels[i].name), w->labels[i].value};
    memcpy(all + w->n, m->inject, m->n * sizeof *all);
    w->labels = all;
    w->n += m->n;
    sort(w->labels, w->n);
}

static enum identity give_cluster(struct work *w)
{
    const struct gv_ingest_settings *s = w->settings;
    struct gv_slice own = value_of(w, s->cluster_label);
    struct gv_slice cluster = w->path_cluster.n ? w->path_cluster : own.n ? own : s->default_cluster;
    if (!cluster.n)
        return refuse(w, REFUSED_NO_CLUSTER,
                      "no cluster: the series has no label %.*s; set it in the sender's external_labels, send to "
                      "/cluster/<name>/api/v1/write, or set ingest.default_cluster",
                      GV_ARG(s->cluster_label));
    struct gv_mapping m = mapping_of(w, cluster, own.n && !w->path_cluster.n);
    apply_mapping(w, &m);
    return IDENTITY_OK;
}

/* ---- Relabelling, and what must hold behind it ---- */

static enum identity relabel(struct work *w)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, w->arena, NULL);
    for (size_t i = 0; i < w->n; i++)
        gv_labels_set(&b, w->labels[i].name, w->labels[i].value);
    if (!gv_relabel(w->settings->rules, w->settings->n_rules, &b, w->arena))
        return IDENTITY_DROPPED;
    w->labels = b.labels;
    w->n = b.n;
    sort(w->labels, w->n);
    return w->n ? check_labels(w) : IDENTITY_DROPPED;
}

bool identity_is_pushed(const struct gv_ingest_settings *settings, struct gv_slice cluster, char *text, size_t n)
{
    const struct gv_cluster *c = gv_clusters_find(settings->clusters, cluster);
    if (!c || !c->config->n_endpoints)
        return true;
    snprintf(
        text, n,
        "cluster \"%.*s\" is asked at its endpoints, so its series cannot be pushed too: remove its endpoints from "
        "the configuration, or send under another name",
        GV_ARG(cluster));
    return false;
}

static enum identity check_cluster(struct work *w)
{
    const struct gv_ingest_settings *s = w->settings;
    char text[LONGEST_REASON];
    w->out->cluster = value_of(w, s->cluster_label);
    if (!w->out->cluster.n)
        return refuse(w, REFUSED_NO_CLUSTER, "no cluster: write_relabel_configs take the label %.*s away",
                      GV_ARG(s->cluster_label));
    return identity_is_pushed(s, w->out->cluster, text, sizeof text) ? IDENTITY_OK
                                                                     : refuse(w, REFUSED_CLUSTER, "%s", text);
}

enum identity identify(const struct gv_ingest_settings *settings, struct gv_slice path_cluster, struct gv_slice fields,
                       struct gv_arena *a, struct identified *out, struct gv_err *err)
{
    struct work w = {.settings = settings, .path_cluster = path_cluster, .arena = a, .out = out};
    enum identity verdict = read_labels(&w, fields, err);
    if (verdict == IDENTITY_OK)
        verdict = give_cluster(&w);
    if (verdict == IDENTITY_OK && settings->n_rules)
        verdict = relabel(&w);
    if (verdict == IDENTITY_OK)
        verdict = check_cluster(&w);
    if (verdict == IDENTITY_OK)
        out->labels = gv_labels_make(a, w.labels, w.n);
    return verdict;
}

/* ---- For messages ---- */

/* False, and nothing, where the text would become too long: what is wrong with the series comes behind it. */
static bool print_label(struct gv_buf *out, const struct gv_label *l, bool first)
{
    enum { LONGEST = 200, MOST = 450 };
    struct gv_slice name = l->name, value = l->value;
    size_t start = out->n;
    gv_buf_adds(out, first ? "" : ", ");
    gv_label_name_print(out, (struct gv_slice){name.p, name.n < LONGEST ? name.n : LONGEST});
    gv_buf_addc(out, '=');
    gv_buf_add_quoted(out, (struct gv_slice){value.p, value.n < LONGEST ? value.n : LONGEST});
    if (out->n <= MOST)
        return true;
    out->n = start;
    return false;
}

void identity_print(struct gv_buf *out, struct gv_slice fields)
{
    enum { MOST = 30 };
    struct gv_label labels[MOST];
    size_t n, shown = 0;
    gv_buf_addc(out, '{');
    if (gv_write_labels(fields, labels, MOST, &n, NULL)) {
        while (shown < n && shown < MOST && print_label(out, &labels[shown], !shown))
            shown++;
        if (shown < n)
            gv_buf_adds(out, shown ? ", ..." : "...");
    }
    gv_buf_addc(out, '}');
}
