/* Status pages of Prometheus (HTTP API, "Status"): JSON envelopes; status/config holds the configuration as YAML, of
 * which `global` is read: scrape_interval and external_labels. */
#include "cluster/learn.h"
#include "base/duration.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

/* The envelope's "data"; *root must be put. */
static json_t *open_page(struct gv_slice body, json_t **root)
{
    *root = json_loadb(body.n ? body.p : "", body.n, 0, NULL);
    return json_object_get(*root, "data");
}

static struct gv_slice text_of(const json_t *object, const char *key)
{
    return gv_slice_of(json_string_value(json_object_get(object, key)));
}

static void read_version(struct gv_slice text, struct gv_cluster_version *v)
{
    unsigned n[3] = {0};
    if (text.n && text.p[0] == 'v')
        text.p++;
    if (text.n && sscanf(text.p, "%5u.%5u.%5u", &n[0], &n[1], &n[2]) >= 2) {
        v->major = n[0] & 0xffff;
        v->minor = n[1] & 0xffff;
        v->patch = n[2] & 0xffff;
    }
}

bool gv_learn_buildinfo(struct gv_slice body, struct gv_cluster_version *v, struct gv_buf *version_text,
                        struct gv_err *err)
{
    json_t *root, *data = open_page(body, &root);
    struct gv_slice version = text_of(data, "version");
    bool ok = json_is_object(data);
    *v = (struct gv_cluster_version){.kind = GV_KIND_OTHER};
    if (ok && !text_of(data, "revision").p && !text_of(data, "goVersion").p) {
        v->kind = GV_KIND_VICTORIAMETRICS;
    } else if (ok) {
        read_version(version, v);
        v->kind = v->major && !json_object_get(data, "application") ? GV_KIND_PROMETHEUS : GV_KIND_OTHER;
    }
    gv_buf_add_slice(version_text, version);
    json_decref(root);
    return ok || gv_fail(err, GV_BAD_DATA, "this is no page of build information");
}

void gv_learn_flags(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a)
{
    json_t *root, *data = open_page(body, &root);
    struct gv_slice lookback = text_of(data, "query.lookback-delta"), features = text_of(data, "enable-feature");
    if (lookback.n && gv_duration_parse(lookback, &what->lookback_ms, NULL))
        what->known |= GV_KNOWN_LOOKBACK;
    if (features.p) {
        what->features = gv_arena_dup(a, features);
        what->known |= GV_KNOWN_FEATURES;
    }
    json_decref(root);
}

void gv_learn_runtimeinfo(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a)
{
    json_t *root, *data = open_page(body, &root);
    struct gv_slice retention = text_of(data, "storageRetention");
    if (retention.p) {
        what->retention = gv_arena_dup(a, retention);
        what->known |= GV_KNOWN_RETENTION;
    }
    json_decref(root);
}

/* --- status/config --- */

/* Where the walk through the document is: the keys on the way down, and whether the next scalar is a key. */
struct walk {
    struct gv_arena *arena;
    struct gv_cluster_abilities *what;
    struct gv_label *labels;
    size_t n_labels, cap;
    unsigned depth, lists; /* mappings and sequences that are open */
    bool is_value;
    struct gv_slice keys[4]; /* of the mappings 1..3 */
};

static bool is_in(const struct walk *w, unsigned depth, const char *first, const char *second)
{
    return w->lists == 0 && w->depth == depth && gv_slice_is(w->keys[1], first) &&
           (!second || gv_slice_is(w->keys[2], second));
}

static void take_value(struct walk *w, struct gv_slice value)
{
    if (is_in(w, 2, "global", "scrape_interval") && gv_duration_parse(value, &w->what->scrape_interval_ms, NULL))
        w->what->known |= GV_KNOWN_SCRAPE_INTERVAL;
    if (is_in(w, 3, "global", "external_labels"))
        gv_push(w->arena, w->labels, w->n_labels, w->cap) =
            (struct gv_label){w->keys[3], gv_arena_dup(w->arena, value)};
}

static void take_scalar(struct walk *w, const yaml_event_t *e)
{
    struct gv_slice text = {(const char *)e->data.scalar.value, e->data.scalar.length};
    if (w->is_value)
        take_value(w, text);
    else if (w->lists == 0 && w->depth < GV_COUNT(w->keys))
        w->keys[w->depth] = gv_arena_dup(w->arena, text);
    w->is_value = !w->is_value && w->lists == 0;
}

/* True while the document goes on. */
static bool take_event(struct walk *w, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        take_scalar(w, e);
        return true;
    case YAML_MAPPING_START_EVENT:
        w->depth++;
        w->is_value = false;
        return true;
    case YAML_MAPPING_END_EVENT:
        w->depth--;
        w->is_value = false;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        w->lists++;
        return true;
    case YAML_SEQUENCE_END_EVENT:
        w->lists--;
        w->is_value = false;
        return true;
    default:
        return e->type != YAML_STREAM_END_EVENT;
    }
}

static bool walk_yaml(struct walk *w, struct gv_slice yaml)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool ok = yaml_parser_initialize(&parser), more = ok;
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.n);
    while (more && (ok = yaml_parser_parse(&parser, &event))) {
        more = take_event(w, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp(((const struct gv_label *)a)->name, ((const struct gv_label *)b)->name);
}

void gv_learn_config(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a)
{
    json_t *root, *data = open_page(body, &root);
    struct gv_slice yaml = text_of(data, "yaml");
    struct walk w = {.arena = a, .what = what};
    if (yaml.n && walk_yaml(&w, yaml)) {
        if (w.n_labels)
            qsort(w.labels, w.n_labels, sizeof *w.labels, by_name);
        what->external_labels = w.labels;
        what->n_external_labels = w.n_labels;
        what->known |= GV_KNOWN_EXTERNAL_LABELS;
    }
    json_decref(root);
}

bool gv_learn_is_no_value(struct gv_slice body, struct gv_slice value)
{
    json_t *root, *data = open_page(body, &root), *at;
    bool is_there = false;
    size_t i;
    json_array_foreach(data, i, at) is_there |=
        gv_slice_eq((struct gv_slice){json_string_value(at), json_string_length(at)}, value);
    bool is_list = json_is_array(data);
    json_decref(root);
    return is_list && !is_there;
}
