/* The remote-write receiver: what one process keeps for all write requests, and one request from its body to its
 * outcome. Nothing here knows of HTTP: the API hands bodies in and makes replies of outcomes.
 *
 *   body ──► snappy ──► series, samples (codec/write_decoder.h)
 *             series ──► cache of what was found before ──► number in the store
 *                           │ not there: labels ──► cluster ──► relabelling ──► gv_store_series
 *             samples ──► store ──► log ──► outcome: what was written, what was refused and why
 *
 * A bad item never loses a good one beside it. */
#pragma once
#include "cluster/cluster.h"
#include "codec/write_decoder.h"
#include "model/relabel.h"
#include "store/store.h"

/* Of one configuration; immutable, lives as long as its snapshot. */
struct gv_ingest_settings {
    uint64_t generation; /* differs from that of any other configuration */
    struct gv_slice cluster_label, default_cluster;
    const struct gv_clusters *clusters; /* those with endpoints may not be pushed; labels of the others are added */
    const struct gv_relabel_rule *rules;
    size_t n_rules;
    size_t max_body_size, max_decoded_size, max_labels_size; /* bytes */
    size_t max_labels;                                       /* of a series, at most GV_INGEST_MOST_LABELS */
};
enum { GV_INGEST_MOST_LABELS = 10000 };

/* Where samples go: the store, or a test's. As gv_store_series and gv_store_append. */
struct gv_ingest_sink {
    void *ctx;
    bool (*series)(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err);
    bool (*append)(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err);
};

struct gv_receiver;
struct gv_receiver_options {
    struct gv_ingest_sink sink;
    size_t max_inflight_bytes; /* of all requests together: bodies, what they decompress to, and what is made of it */
    size_t max_cached_series;
    const struct gv_clock *clock; /* NULL: the real one */
};
struct gv_receiver *gv_receiver_new(const struct gv_receiver_options *o);
void gv_receiver_free(struct gv_receiver *r);                /* when no request is left */
struct gv_budget *gv_receiver_budget(struct gv_receiver *r); /* max_inflight_bytes: bodies are charged by the caller */
void gv_receiver_set_max_cached_series(struct gv_receiver *r, size_t n);

/* When a request with a sample of the cluster was last answered well: wall clock, ms; 0: not since the start. */
int64_t gv_receiver_last_write(struct gv_receiver *r, struct gv_slice cluster);

/* ---- One request ---- */

struct gv_incoming;
struct gv_incoming_request {
    const struct gv_ingest_settings *settings; /* borrowed, as the slices: until gv_incoming_free */
    enum gv_write_version version;
    struct gv_slice cluster; /* of the path; empty: none */
    struct gv_slice body;    /* a snappy block */
};
/* Whether it is over in less than a millisecond: by what the body declares to become, which says more than its size. */
bool gv_incoming_is_small(const struct gv_incoming_request *request);
typedef void gv_incoming_done_fn(void *arg, struct gv_incoming *in);
struct gv_incoming *gv_incoming_new(struct gv_receiver *r, const struct gv_incoming_request *request);
/* Decodes and appends, in time proportional to the body: some 0.3 us a sample, more where series are new. Then done,
 * once, when all of it is answered for: on this thread, or later on the log's. Any thread. */
void gv_incoming_run(struct gv_incoming *in, gv_incoming_done_fn *done, void *arg);

struct gv_incoming_outcome {
    /* GV_OK: all of it was taken. GV_BAD_DATA: the message is none (nothing was taken), or some items were refused; the
     * text then names the first of them, a line each. GV_TOO_LARGE, GV_UNAVAILABLE (nothing counts: send it again),
     * GV_INTERNAL. */
    enum gv_err_code code;
    struct gv_slice text;
    uint64_t samples, histograms, exemplars; /* written */
};
struct gv_incoming_outcome gv_incoming_outcome(const struct gv_incoming *in); /* after done */
enum gv_write_version gv_incoming_version(const struct gv_incoming *in);
void gv_incoming_free(struct gv_incoming *in);
