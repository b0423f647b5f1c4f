/* Whole write requests, as they come over the network. The first byte: version, path, and whether the rest is to be
 * compressed first. Whatever comes: what reaches the store is sound, every request ends once, no memory stays charged,
 * and what it says it wrote is what the store took. */
#include "codec/snappy_block.h"
#include "base/log.h"
#include "ingest/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SERIES = 1 << 16 };

struct taken {
    uint64_t ids, samples, histograms, exemplars;
};

static void check_labels(const struct gv_labels *labels)
{
    struct gv_label label, before = {{NULL, 0}, {NULL, 0}};
    struct gv_labels_iter it = gv_labels_iter(labels);
    while (gv_labels_next(&it, &label)) {
        if (before.name.p && gv_slice_cmp(before.name, label.name) >= 0)
            gv_die("labels are not sorted");
        if (!label.name.n || !label.value.n || !gv_utf8_valid(label.name) || !gv_utf8_valid(label.value))
            gv_die("a label that is none");
        before = label;
    }
    if (!gv_labels_get(labels, GV_S("cluster")).n || !gv_labels_get(labels, GV_LABEL_NAME).n)
        gv_die("a series without a name or a cluster");
}

static bool take_series(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    (void)err;
    check_labels(labels);
    struct taken *t = ctx;
    *id = 1 + labels->hash % MOST_SERIES;
    t->ids++;
    return true;
}

static void check_sample(const struct gv_store_sample *x)
{
    if (!x->series || x->series > MOST_SERIES)
        gv_die("a series that was never made");
    if (x->histogram && !gv_histogram_is_custom(x->histogram) &&
        (x->histogram->schema < GV_HISTOGRAM_SCHEMA_MIN || x->histogram->schema > GV_HISTOGRAM_SCHEMA_MAX))
        gv_die("a histogram of schema %d", x->histogram->schema);
}

/* Gives every verdict there is, so that refusals are put in words and series are asked for anew. */
static bool take_batch(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    (void)err;
    static const struct gv_err ok;
    struct taken *t = ctx;
    for (size_t i = 0; i < b->n; i++) {
        check_sample(&b->samples[i]);
        b->verdicts[i] = (uint8_t)(i % (GV_APPEND_OUT_OF_BOUNDS + 1));
        bool took = b->verdicts[i] <= GV_APPEND_SAME;
        t->histograms += took && b->samples[i].histogram;
        t->samples += took && !b->samples[i].histogram;
    }
    for (size_t i = 0; i < b->n_exemplars; i++)
        b->exemplar_verdicts[i] = GV_APPEND_STORED;
    t->exemplars += b->n_exemplars;
    ticket->done(ticket, &ok);
    return true;
}

static void on_done(void *arg, struct gv_incoming *in)
{
    (void)in;
    ++*(int *)arg;
}

static struct gv_cluster_registry *registry;
static struct gv_clusters *clusters;
static struct gv_receiver *receiver;
static struct taken taken;

static void set_up(void)
{
    struct gv_err err = {0};
    registry = gv_cluster_registry_new();
    clusters = gv_clusters_new(registry, "cluster", NULL, 0, &err);
    struct gv_receiver_options o = {
        .sink = {&taken, take_series, take_batch}, .max_inflight_bytes = 64 << 20, .max_cached_series = 10000};
    receiver = gv_receiver_new(&o);
    gv_log_set_level(GV_LOG_ERROR);
}

__attribute__((destructor)) static void tear_down(void)
{
    if (!receiver)
        return;
    gv_receiver_free(receiver);
    gv_clusters_put(clusters);
    gv_cluster_registry_free(registry);
}

static void receive(const struct gv_incoming_request *q)
{
    int told = 0;
    taken = (struct taken){0};
    struct gv_incoming *in = gv_incoming_new(receiver, q);
    gv_incoming_run(in, on_done, &told);
    struct gv_incoming_outcome o = gv_incoming_outcome(in);
    if (told != 1)
        gv_die("told %d times", told);
    if (o.code != GV_UNAVAILABLE && (o.samples || o.histograms || o.exemplars) &&
        (o.samples != taken.samples || o.histograms != taken.histograms || o.exemplars != taken.exemplars))
        gv_die("%llu samples are said to be written, %llu are", (unsigned long long)o.samples,
               (unsigned long long)taken.samples);
    if (o.code != GV_OK && !o.text.n)
        gv_die("refused without a word");
    gv_incoming_free(in);
    if (atomic_load(&gv_receiver_budget(receiver)->used))
        gv_die("memory stays charged");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 16384)
        return 0;
    if (!receiver)
        set_up();
    struct gv_ingest_settings settings = {.cluster_label = GV_S("cluster"),
                                          .clusters = clusters,
                                          .max_decoded_size = 1 << 20,
                                          .max_labels_size = 4096,
                                          .max_labels = 50};
    struct gv_slice rest = {(const char *)data + 1, size - 1};
    struct gv_buf body = GV_BUF_INIT;
    if (*data & 2)
        gv_buf_add_slice(&body, rest);
    else
        gv_snappy_encode(&body, rest);
    struct gv_incoming_request q = {.settings = &settings,
                                    .version = *data & 1 ? GV_WRITE_2 : GV_WRITE_1,
                                    .cluster = *data & 4 ? GV_S("") : GV_S("path"),
                                    .body = gv_buf_slice(&body)};
    receive(&q);
    receive(&q); /* from the cache */
    gv_buf_fini(&body);
    return 0;
}
