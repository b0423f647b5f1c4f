/* Label sets as blobs: what goes in are sorted labels or another set, what comes out is one immutable block whose bytes
 * are compared, hashed and copied whole. */
#include "model/labels.h"

enum { LONG_MARK = 255, LONG_BYTES = 4 };

const struct gv_labels gv_labels_empty = {.hash = UINT64_C(0xef46db3751d8e999)}; /* XXH64 of nothing */

static size_t clip(size_t n)
{
    return n < GV_LABEL_MAX_BYTES ? n : GV_LABEL_MAX_BYTES;
}

static size_t string_size(size_t n)
{
    n = clip(n);
    return n + (n < LONG_MARK ? 1 : LONG_BYTES);
}

static char *put_string(char *at, struct gv_slice s)
{
    size_t n = clip(s.n);
    if (n < LONG_MARK) {
        *at++ = (char)n;
    } else {
        memcpy(at, (char[LONG_BYTES]){(char)LONG_MARK, (char)n, (char)(n >> 8), (char)(n >> 16)}, LONG_BYTES);
        at += LONG_BYTES;
    }
    if (n)
        memcpy(at, s.p, n);
    return at + n;
}

static const char *get_string(const char *at, struct gv_slice *s)
{
    const unsigned char *u = (const unsigned char *)at;
    bool is_long = u[0] == LONG_MARK;
    s->n = is_long ? (size_t)u[1] | (size_t)u[2] << 8 | (size_t)u[3] << 16 : u[0];
    s->p = at + (is_long ? LONG_BYTES : 1);
    return s->p + s->n;
}

bool gv_labels_next(struct gv_labels_iter *it, struct gv_label *label)
{
    if (it->at >= it->end)
        return false;
    it->at = get_string(get_string(it->at, &label->name), &label->value);
    return true;
}

static struct gv_labels *new_labels(struct gv_arena *a, size_t size, size_t count)
{
    if (size > UINT32_MAX)
        gv_die("a label set of %zu bytes", size);
    struct gv_labels *l = gv_arena_alloc(a, sizeof *l + size);
    l->size = (uint32_t)size;
    l->count = (uint32_t)count;
    return l;
}

const struct gv_labels *gv_labels_make(struct gv_arena *a, const struct gv_label *sorted, size_t n)
{
    size_t size = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!sorted[i].value.n)
            continue;
        size += string_size(sorted[i].name.n) + string_size(sorted[i].value.n);
        count++;
    }
    struct gv_labels *l = new_labels(a, size, count);
    char *at = l->blob;
    for (size_t i = 0; i < n; i++)
        if (sorted[i].value.n)
            at = put_string(put_string(at, sorted[i].name), sorted[i].value);
    l->hash = gv_hash(l->blob, size);
    return l;
}

const struct gv_labels *gv_labels_dup(struct gv_arena *a, const struct gv_labels *l)
{
    struct gv_labels *copy = new_labels(a, l->size, l->count);
    copy->hash = l->hash;
    memcpy(copy->blob, l->blob, l->size);
    return copy;
}

const struct gv_labels *gv_labels_of_bytes(struct gv_arena *a, struct gv_slice blob)
{
    struct gv_labels *l = new_labels(a, blob.n, 0);
    if (blob.n)
        memcpy(l->blob, blob.p, blob.n);
    struct gv_labels_iter it = gv_labels_iter(l);
    for (struct gv_label label; gv_labels_next(&it, &label);)
        l->count++;
    l->hash = gv_hash(l->blob, blob.n);
    return l;
}

struct gv_slice gv_labels_get(const struct gv_labels *l, struct gv_slice name)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    for (struct gv_label label; gv_labels_next(&it, &label);)
        if (gv_slice_eq(label.name, name))
            return label.value;
    return (struct gv_slice){NULL, 0};
}

static int compare_label(const struct gv_label *a, const struct gv_label *b)
{
    int c = gv_slice_cmp(a->name, b->name);
    return c ? c : gv_slice_cmp(a->value, b->value);
}

int gv_labels_cmp(const struct gv_labels *a, const struct gv_labels *b)
{
    struct gv_labels_iter left = gv_labels_iter(a), right = gv_labels_iter(b);
    for (struct gv_label la, lb;;) {
        bool more_left = gv_labels_next(&left, &la), more_right = gv_labels_next(&right, &lb);
        if (!more_left || !more_right)
            return more_left - more_right;
        int c = compare_label(&la, &lb);
        if (c)
            return c;
    }
}

void gv_labels_project(struct gv_buf *out, const struct gv_labels *l, const struct gv_slice *names, size_t n, bool keep)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    const char *start = it.at;
    size_t i = 0;
    for (struct gv_label label; gv_labels_next(&it, &label); start = it.at) {
        while (i < n && gv_slice_cmp(names[i], label.name) < 0)
            i++;
        bool named = i < n && gv_slice_eq(names[i], label.name);
        if (keep ? named : !named && !gv_slice_eq(label.name, GV_LABEL_NAME))
            gv_buf_add(out, start, (size_t)(it.at - start));
    }
}
