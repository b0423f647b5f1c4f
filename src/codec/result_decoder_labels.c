/* {"name": "value", ...} to a label set: names are mapped, the injected labels join, and the whole is sorted and made
 * one blob. Series after series has the same names in the same order, so the result of sorting them is kept as a shape:
 * as long as the names agree with it, only the values are put in. Plain members are taken straight from the piece. */
#include "codec/json_scan.h"
#include "codec/result_decoder_impl.h"

static const struct gv_mapping no_mapping;
static const size_t not_read = SIZE_MAX;

void labels_init(struct label_reader *l, struct gv_arena *a, const struct gv_mapping *mapping)
{
    l->mapping = mapping ? mapping : &no_mapping;
    gv_map_init(&l->names, a);
}

static const struct name *find_name(struct label_reader *l, struct gv_arena *a, struct gv_slice backend)
{
    uint64_t hash = gv_hash(backend.p, backend.n);
    struct name *name = gv_map_get(&l->names, hash, backend);
    if (name)
        return name;
    name = gv_arena_new(a, struct name);
    name->backend = gv_arena_dup(a, backend);
    name->global = gv_mapping_to_global(l->mapping, a, name->backend);
    *gv_map_at(&l->names, hash, name->backend) = name;
    return name;
}

/* l->labels still holds, from n on, the names of the series before. */
static void add_name(struct label_reader *l, struct gv_arena *a, struct gv_slice backend)
{
    if (l->same_names && l->n < l->n_shaped && gv_slice_eq(l->labels[l->n].name->backend, backend)) {
        l->n++;
        return;
    }
    l->same_names = false;
    struct label_text label = {.name = find_name(l, a, backend)};
    gv_push(a, l->labels, l->n, l->cap) = label;
}

static void add_value(struct label_reader *l, struct gv_arena *a, struct gv_slice value)
{
    struct label_text *label = &l->labels[l->n - 1];
    label->at = l->value_text.n;
    label->n = value.n;
    json_text_add(a, &l->value_text, value);
}

static bool label_name(struct gv_result_decoder *d, struct gv_err *err)
{
    if (!d->json.text.n)
        return gv_fail(err, GV_BAD_DATA, "a label without a name at byte %llu",
                       (unsigned long long)d->json.token_offset);
    add_name(&d->reader, d->arena, d->json.text);
    return true;
}

static bool label_value(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_STRING)
        return fail_expected(d, e, "a string as label value", err);
    add_value(&d->reader, d->arena, d->json.text);
    return true;
}

/* "text" at *p, without escapes and of ASCII; *p moves behind it. */
static bool plain_string(const char **p, const char *end, struct gv_slice *text)
{
    unsigned char high = 0;
    if (*p == end || **p != '"')
        return false;
    const char *start = *p + 1, *close = json_plain_end(start, end, &high);
    if (close == end || *close != '"' || high & 0x80 || close - start > JSON_MAX_TOKEN)
        return false;
    *text = (struct gv_slice){start, (size_t)(close - start)};
    *p = close + 1;
    return true;
}

static bool read_ahead_labels(struct gv_result_decoder *d, struct gv_err *err)
{
    (void)err;
    struct json_reader *r = &d->json;
    while (json_at_member(r)) {
        const char *p = r->at;
        struct gv_slice name, value;
        if (!plain_string(&p, r->end, &name) || !name.n || p == r->end || *p++ != ':' ||
            !plain_string(&p, r->end, &value))
            break;
        add_name(&d->reader, d->arena, name);
        add_value(&d->reader, d->arena, value);
        json_skip_member(r, (size_t)(p - r->at));
    }
    return true;
}

static void insert_sorted(struct label_reader *l, struct gv_label label, size_t source)
{
    size_t i = l->n_sorted++;
    for (; i && gv_slice_cmp(l->sorted[i - 1].name, label.name) > 0; i--) {
        l->sorted[i] = l->sorted[i - 1];
        l->sources[i] = l->sources[i - 1];
    }
    l->sorted[i] = label;
    l->sources[i] = source;
}

static bool make_shape(struct gv_result_decoder *d, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    size_t most = l->n + l->mapping->n;
    if (most > l->cap_sorted) {
        l->sorted = gv_arena_array(d->arena, struct gv_label, most * 2);
        l->sources = gv_arena_array(d->arena, size_t, most * 2);
        l->cap_sorted = most * 2;
    }
    l->n_sorted = 0;
    for (size_t i = 0; i < l->n; i++)
        insert_sorted(l, (struct gv_label){.name = l->labels[i].name->global}, i);
    for (size_t i = 0; i < l->mapping->n; i++)
        insert_sorted(l, l->mapping->inject[i], not_read);
    for (size_t i = 1; i < l->n_sorted; i++)
        if (gv_slice_eq(l->sorted[i].name, l->sorted[i - 1].name))
            return gv_fail(err, GV_BAD_DATA, "a label comes twice in a series, up to byte %llu",
                           (unsigned long long)d->json.token_offset);
    l->n_shaped = l->n;
    l->has_shape = true;
    return true;
}

static bool end_metric(struct gv_result_decoder *d, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    if ((!l->same_names || l->n != l->n_shaped) && !make_shape(d, err))
        return false;
    for (size_t i = 0; i < l->n_sorted; i++) {
        size_t source = l->sources[i];
        if (source != not_read)
            l->sorted[i].value = (struct gv_slice){l->value_text.p + l->labels[source].at, l->labels[source].n};
    }
    d->current.labels = gv_labels_make(d->arena, l->sorted, l->n_sorted);
    return true;
}

static const struct place metric = {
    .what = "metric", .key = label_name, .value = label_value, .end = end_metric, .ahead = read_ahead_labels};

bool take_metric(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    d->reader.n = 0;
    d->reader.value_text.n = 0;
    d->reader.same_names = d->reader.has_shape;
    enter(d, &metric);
    return true;
}
