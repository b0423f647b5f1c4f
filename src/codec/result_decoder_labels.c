/* {"name": "value", ...} to a label set: names are mapped (and remembered, since every series has the same ones), the
 * injected labels join, and the whole is sorted and made one blob. */
#include "codec/result_decoder_impl.h"

static const struct gv_mapping no_mapping;

void labels_init(struct label_reader *l, struct gv_arena *a, const struct gv_mapping *mapping)
{
    l->mapping = mapping ? mapping : &no_mapping;
    gv_map_init(&l->names, a);
    gv_labels_builder_init(&l->builder, a, NULL);
}

static struct name *find_name(struct label_reader *l, struct gv_arena *a, struct gv_slice backend)
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

static struct gv_slice map_name(struct label_reader *l, struct gv_arena *a, struct gv_slice backend)
{
    if (l->n < l->n_recent && gv_slice_eq(l->recent[l->n]->backend, backend))
        return l->recent[l->n]->global;
    struct name *name = find_name(l, a, backend);
    if (l->n == l->n_recent)
        gv_push(a, l->recent, l->n_recent, l->cap_recent) = name;
    l->recent[l->n] = name;
    return name->global;
}

static bool label_name(struct gv_result_decoder *d, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    if (!d->json.text.n)
        return gv_fail(err, GV_BAD_DATA, "a label without a name at byte %llu",
                       (unsigned long long)d->json.token_offset);
    struct label_text label = {.name = map_name(l, d->arena, d->json.text)};
    gv_push(d->arena, l->labels, l->n, l->cap) = label;
    return true;
}

static bool label_value(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    if (e != JSON_STRING)
        return fail_expected(d, e, "a string as label value", err);
    struct label_text *label = &l->labels[l->n - 1];
    label->at = l->value_text.n;
    label->n = d->json.text.n;
    json_text_add(d->arena, &l->value_text, d->json.text);
    return true;
}

static bool set_label(struct gv_result_decoder *d, const struct label_text *label, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    size_t before = l->builder.n;
    if (!label->n) /* an empty value is no label */
        return true;
    gv_labels_set(&l->builder, label->name, (struct gv_slice){l->value_text.p + label->at, label->n});
    return l->builder.n > before || gv_fail(err, GV_BAD_DATA, "a label comes twice in a series, up to byte %llu",
                                            (unsigned long long)d->json.token_offset);
}

static bool end_metric(struct gv_result_decoder *d, struct gv_err *err)
{
    struct label_reader *l = &d->reader;
    gv_labels_builder_reset(&l->builder, NULL);
    for (size_t i = 0; i < l->n; i++)
        if (!set_label(d, &l->labels[i], err))
            return false;
    for (size_t i = 0; i < l->mapping->n; i++)
        gv_labels_set(&l->builder, l->mapping->inject[i].name, l->mapping->inject[i].value);
    d->current.labels = gv_labels_build(&l->builder, d->arena);
    return true;
}

static const struct place metric = {.what = "metric", .key = label_name, .value = label_value, .end = end_metric};

bool take_metric(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    d->reader.n = 0;
    d->reader.value_text.n = 0;
    enter(d, &metric);
    return true;
}
