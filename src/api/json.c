/* Writing jansson values again, and label objects with a cluster's mapping applied. Pure. */
#include "api/document.h"
#include "base/number.h"
#include <stdlib.h>

struct gv_slice json_slice(const json_t *string)
{
    return (struct gv_slice){json_string_value(string), json_string_length(string)};
}

static void write_array(struct gv_buf *out, const json_t *array)
{
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            gv_buf_addc(out, ',');
        json_write(out, json_array_get(array, i));
    }
    gv_buf_addc(out, ']');
}

void json_write_members(struct gv_buf *out, const json_t *object, const char *but)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (but && strcmp(key, but) == 0)
            continue;
        gv_buf_add_json(out, gv_slice_of(key));
        gv_buf_addc(out, ':');
        json_write(out, value);
        gv_buf_addc(out, ',');
    }
}

static void write_object(struct gv_buf *out, const json_t *object)
{
    gv_buf_addc(out, '{');
    json_write_members(out, object, NULL);
    if (out->p[out->n - 1] == ',')
        out->n--;
    gv_buf_addc(out, '}');
}

/* Bodies are at most JSON_PARSER_MAX_DEPTH deep: the recursion is bounded by what jansson lets in. */
void json_write(struct gv_buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(out, value);
        break;
    case JSON_ARRAY:
        write_array(out, value);
        break;
    case JSON_STRING:
        gv_buf_add_json(out, json_slice(value));
        break;
    case JSON_INTEGER:
        gv_buf_add_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        gv_buf_add_double(out, json_real_value(value));
        break;
    case JSON_TRUE:
        gv_buf_adds(out, "true");
        break;
    case JSON_FALSE:
        gv_buf_adds(out, "false");
        break;
    case JSON_NULL:
        gv_buf_adds(out, "null");
        break;
    }
}

const struct gv_labels *json_labels(const struct gv_cluster *c, struct gv_arena *a, const json_t *labels)
{
    struct gv_labels_builder b;
    const char *key;
    json_t *value;
    gv_labels_builder_init(&b, a, NULL);
    json_object_foreach((json_t *)(uintptr_t)labels, key, value)
        gv_labels_set(&b, gv_mapping_to_global(&c->mapping, a, gv_slice_of(key)), json_slice(value));
    for (size_t i = 0; i < c->mapping.n; i++)
        gv_labels_set(&b, c->mapping.inject[i].name, c->mapping.inject[i].value);
    return gv_labels_build(&b, a);
}

void json_write_labels(struct gv_buf *out, const struct gv_cluster *c, struct gv_arena *a, const json_t *labels)
{
    gv_labels_print_json(out, json_labels(c, a, labels));
}

void text_set_init(struct text_set *s, struct gv_arena *a)
{
    *s = (struct text_set){0};
    gv_map_init(&s->map, a);
}

void text_set_add(struct text_set *s, struct gv_slice text)
{
    void **at = gv_map_at(&s->map, gv_hash(text.p, text.n), text);
    if (*at)
        return;
    *at = s;
    gv_push(s->map.arena, s->at, s->n, s->cap) = text;
}

static int compare(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

void text_set_write(struct text_set *s, uint64_t limit, struct gv_buf *out, bool *cut)
{
    size_t n = limit && limit < s->n ? (size_t)limit : s->n;
    *cut = n < s->n;
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, compare);
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            gv_buf_addc(out, ',');
        gv_buf_add_json(out, s->at[i]);
    }
    gv_buf_addc(out, ']');
}
