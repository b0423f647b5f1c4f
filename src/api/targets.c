/* /targets, /scrape_pools, /alertmanagers: what the clusters' Prometheus servers talk to, each entry with its cluster.
 */
#include "api/documents.h"

static bool pass_targets(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    (void)err;
    form_pass(form, &r->params, "state");
    form_pass(form, &r->params, "scrapePool");
    return true;
}

/* Each object of a list again, with the labels under `key` mapped. */
static void write_labelled(struct gv_fanout *f, const struct gv_fanout_answer *answer, const char *list,
                           const char *key, struct gv_buf *out)
{
    const json_t *entries = answer->ok ? json_object_get(answer->data, list) : NULL;
    for (size_t k = 0; k < json_array_size(entries); k++) {
        const json_t *entry = json_array_get(entries, k);
        gv_buf_adds(out, out->p[out->n - 1] == '[' ? "{" : ",{");
        json_write_members(out, entry, key);
        gv_buf_add_json(out, gv_slice_of(key));
        gv_buf_addc(out, ':');
        json_write_labels(out, answer->cluster, gv_fanout_arena(f), json_object_get(entry, key));
        gv_buf_addc(out, '}');
    }
}

/* Pools of one name in several clusters count together. */
static void write_dropped_counts(const struct gv_fanout_answer *answers, size_t n, struct gv_buf *out)
{
    json_t *sums = json_object(), *count;
    const char *pool;
    for (size_t i = 0; i < n; i++) {
        json_t *counts = answers[i].ok ? json_object_get(answers[i].data, "droppedTargetCounts") : NULL;
        json_object_foreach(counts, pool, count) json_object_set_new(
            sums, pool, json_integer(json_integer_value(json_object_get(sums, pool)) + json_integer_value(count)));
    }
    json_write(out, sums);
    json_decref(sums);
}

static bool merge_targets(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_adds(out, "{\"activeTargets\":[");
    for (size_t i = 0; i < n; i++)
        write_labelled(f, &answers[i], "activeTargets", "labels", out);
    gv_buf_adds(out, "],\"droppedTargets\":[");
    for (size_t i = 0; i < n; i++)
        write_labelled(f, &answers[i], "droppedTargets", "discoveredLabels", out);
    gv_buf_adds(out, "],\"droppedTargetCounts\":");
    write_dropped_counts(answers, n, out);
    gv_buf_addc(out, '}');
    return true;
}

const struct document document_targets = {
    "/api/v1/targets", false, {"activeTargets", JSON_ARRAY, JSON_OBJECT}, pass_targets, NULL, merge_targets, false};

static bool merge_pools(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    struct text_set set;
    size_t n;
    bool cut;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    text_set_init(&set, gv_fanout_arena(f));
    for (size_t i = 0; i < n; i++) {
        const json_t *pools = answers[i].ok ? json_object_get(answers[i].data, "scrapePools") : NULL;
        for (size_t k = 0; k < json_array_size(pools); k++)
            text_set_add(&set, json_slice(json_array_get(pools, k)));
    }
    gv_buf_adds(out, "{\"scrapePools\":");
    text_set_write(&set, 0, out, &cut);
    gv_buf_addc(out, '}');
    return true;
}

const struct document document_scrape_pools = {
    "/api/v1/scrape_pools", false, {"scrapePools", JSON_ARRAY, JSON_STRING}, NULL, NULL, merge_pools, false};

static void write_alertmanagers(const struct gv_fanout_answer *answer, const char *list, struct gv_buf *out)
{
    const json_t *entries = answer->ok ? json_object_get(answer->data, list) : NULL;
    for (size_t k = 0; k < json_array_size(entries); k++) {
        gv_buf_adds(out, out->p[out->n - 1] == '[' ? "{" : ",{");
        json_write_members(out, json_array_get(entries, k), NULL);
        gv_buf_adds(out, "\"cluster\":");
        gv_buf_add_json(out, answer->cluster->name);
        gv_buf_addc(out, '}');
    }
}

static bool merge_alertmanagers(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_adds(out, "{\"activeAlertmanagers\":[");
    for (size_t i = 0; i < n; i++)
        write_alertmanagers(&answers[i], "activeAlertmanagers", out);
    gv_buf_adds(out, "],\"droppedAlertmanagers\":[");
    for (size_t i = 0; i < n; i++)
        write_alertmanagers(&answers[i], "droppedAlertmanagers", out);
    gv_buf_adds(out, "]}");
    return true;
}

const struct document document_alertmanagers = {
    "/api/v1/alertmanagers", false, {"activeAlertmanagers", JSON_ARRAY, JSON_OBJECT}, NULL, NULL,
    merge_alertmanagers,     false};
