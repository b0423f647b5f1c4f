/* Warnings and infos of a query: a set of texts, in the order in which they first came. One owner. */
#pragma once
#include "base/map.h"

struct gv_annotations {
    struct gv_arena *arena;
    struct gv_slice *warnings, *infos; /* whole texts, as they go into the envelope */
    size_t n_warnings, n_infos;
    size_t cap_warnings, cap_infos;
    struct gv_map seen_warnings, seen_infos; /* the same texts without positions ──► their place in the list, plus 1 */
};

void gv_annotations_init(struct gv_annotations *a, struct gv_arena *arena);
/* A text already there is not added; of two that differ in their position " (line:col)" alone the earlier position
 * stays. One of more than 2 KiB ends in "...". */
void gv_warn(struct gv_annotations *a, const char *fmt, ...) GV_PRINTF(2, 3);
void gv_info(struct gv_annotations *a, const char *fmt, ...) GV_PRINTF(2, 3);
/* By text: then the order does not tell which of several threads was first. Nothing may be added afterwards. */
void gv_annotations_sort(struct gv_annotations *a);
void gv_annotations_merge(struct gv_annotations *into, const struct gv_annotations *from); /* copies texts */
