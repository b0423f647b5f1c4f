/* Injected labels and the renaming that goes with them, in both directions: for every injected name n and k >= 0,
 * backend label (exported_)^k n <-> global label (exported_)^(k+1) n, conflict or not. Pure. */
#pragma once
#include "model/labels.h"

struct gv_mapping {
    const struct gv_label *inject; /* sorted by name; none for a source that carries the cluster label itself */
    size_t n;
};

/* backend -> global. The result borrows name, or lives in a. */
struct gv_slice gv_mapping_to_global(const struct gv_mapping *m, struct gv_arena *a, struct gv_slice name);
/* global -> backend; {NULL, 0} where the name is an injected one itself (the backend has no such label). */
struct gv_slice gv_mapping_to_backend(const struct gv_mapping *m, struct gv_slice name);
/* Injected labels that a backend's operation took away, as bits: bit i set, inject[i] is not added to the result. */
static inline bool gv_mapping_hides(uint64_t hidden, size_t i)
{
    return i < 64 && hidden >> i & 1;
}
/* A backend's label set renamed and with `inject` added. */
const struct gv_labels *gv_mapping_apply(const struct gv_mapping *m, struct gv_labels_builder *b, struct gv_arena *a,
                                         const struct gv_labels *backend);
const struct gv_labels *gv_mapping_apply_some(const struct gv_mapping *m, uint64_t hidden, struct gv_labels_builder *b,
                                              struct gv_arena *a, const struct gv_labels *backend);
