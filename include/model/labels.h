/* Label sets: one immutable, sorted blob with a 64-bit hash. Any thread may read; a builder has one owner.
 *
 * Blob: for each label, by name in byte order, name then value; each is its length and its bytes. A length below 255
 * is one byte, any other is the byte 255 and three bytes little-endian. The hash is XXH64 of the blob. This is what
 * Prometheus (labels_stringlabels.go) hashes, so limit_ratio() picks the same series. A label with an empty value does
 * not exist. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"

struct gv_label {
    struct gv_slice name, value;
};

struct gv_labels {
    uint64_t hash;
    uint32_t size;  /* bytes of blob */
    uint32_t count; /* labels */
    char blob[];
};

extern const struct gv_labels gv_labels_empty;

/* Of one name or value, as the blob can hold. What lets longer ones in must refuse them: a set cuts them off. */
enum { GV_LABEL_MAX_BYTES = (1 << 24) - 1 };

/* From labels already sorted by name, without duplicates; empty values are left out. */
const struct gv_labels *gv_labels_make(struct gv_arena *a, const struct gv_label *sorted, size_t n);
const struct gv_labels *gv_labels_dup(struct gv_arena *a, const struct gv_labels *l);

/* The value, or {NULL, 0} where the label is absent. */
struct gv_slice gv_labels_get(const struct gv_labels *l, struct gv_slice name);

struct gv_labels_iter {
    const char *at, *end;
};
static inline struct gv_labels_iter gv_labels_iter(const struct gv_labels *l)
{
    return (struct gv_labels_iter){l->blob, l->blob + l->size};
}
bool gv_labels_next(struct gv_labels_iter *it, struct gv_label *label); /* slices point into the blob */

static inline struct gv_slice gv_labels_bytes(const struct gv_labels *l)
{
    return (struct gv_slice){l->blob, l->size};
}
static inline bool gv_labels_eq(const struct gv_labels *a, const struct gv_labels *b)
{
    return a == b || (a->hash == b->hash && gv_slice_eq(gv_labels_bytes(a), gv_labels_bytes(b)));
}
/* Prometheus's order (labels.Compare): label by label, name then value, the shorter set first. */
int gv_labels_cmp(const struct gv_labels *a, const struct gv_labels *b);

/* Appends the blob of a subset of l to out, for use as a grouping or matching key.
 * names must be sorted. keep: only those named (`by`, `on`); else all but those named and __name__ (`without`,
 * `ignoring`; `without` drops __type__ and __unit__ too: name them). */
void gv_labels_project(struct gv_buf *out, const struct gv_labels *l, const struct gv_slice *names, size_t n,
                       bool keep);
const struct gv_labels *gv_labels_of_bytes(struct gv_arena *a, struct gv_slice blob); /* counts and hashes */

/* {__name__="x", a="b"} is printed as x{a="b"}; {} when empty. Values Go-quoted; names quoted where they must be. */
void gv_labels_print(struct gv_buf *out, const struct gv_labels *l);
/* With __name__ among the others, {__name__="x", a="b"}, as Prometheus's own messages show label sets. */
void gv_labels_print_set(struct gv_buf *out, const struct gv_labels *l);
/* As a JSON object. */
void gv_labels_print_json(struct gv_buf *out, const struct gv_labels *l);
void gv_label_name_print(struct gv_buf *out, struct gv_slice name); /* quoted where it is no legacy name */

/* Builder: labels by name, later calls win. Names and values are borrowed until gv_labels_build copies them. */
struct gv_labels_builder {
    struct gv_arena *arena; /* for the working array */
    struct gv_label *labels;
    size_t n, cap;
};
void gv_labels_builder_init(struct gv_labels_builder *b, struct gv_arena *a, const struct gv_labels *base);
void gv_labels_builder_reset(struct gv_labels_builder *b, const struct gv_labels *base);      /* base may be NULL */
void gv_labels_set(struct gv_labels_builder *b, struct gv_slice name, struct gv_slice value); /* empty value: delete */
void gv_labels_del(struct gv_labels_builder *b, struct gv_slice name);
struct gv_slice gv_labels_builder_get(const struct gv_labels_builder *b, struct gv_slice name);
const struct gv_labels *gv_labels_build(struct gv_labels_builder *b, struct gv_arena *a);

/* Names that Prometheus treats apart. */
#define GV_LABEL_NAME GV_S("__name__")
#define GV_LABEL_TYPE GV_S("__type__")
#define GV_LABEL_UNIT GV_S("__unit__")
bool gv_label_name_is_legacy(struct gv_slice name);  /* [a-zA-Z_][a-zA-Z0-9_]* */
bool gv_metric_name_is_legacy(struct gv_slice name); /* [a-zA-Z_:][a-zA-Z0-9_:]* */

/* As names stand in URLs: a legacy name as it is, any other as U__ and its letters, `_` and _hex_ for all else
 * (Prometheus UTF-8 guide). Unescaping is false for what is no escaped name. */
void gv_label_name_escape(struct gv_buf *out, struct gv_slice name);
bool gv_label_name_unescape(struct gv_arena *a, struct gv_slice text, struct gv_slice *name);
