/* Several readers' series side by side, in label order: what each has of a series comes together. One owner. */
#pragma once
#include "model/raw.h"
#include "store/reader.h"

struct walk_input { /* one reader's series, from `at` to `end` */
    struct store_reader *reader;
    const uint64_t *at, *end;
    const struct gv_labels *labels; /* of *at, in arena; only where there are several inputs */
    struct gv_arena arena;
    struct gv_arena_mark empty;
};
struct walk {
    int64_t min_time, max_time; /* ms, inclusive: of the chunks that are wanted */
    size_t n;
    struct walk_input *inputs;
};

/* Room for n inputs, in a; then walk_add for each, and walk_begin once. */
void walk_init(struct walk *w, struct gv_arena *a, size_t n, int64_t min_time, int64_t max_time);
/* The series are borrowed. */
void walk_add(struct walk *w, struct gv_arena *a, struct store_reader *reader, const uint64_t *series, size_t n);
GV_MUST_CHECK bool walk_begin(struct walk *w, struct gv_err *err);
/* What the readers have of the next series, in scratch: 1..w->n of them, in the order of the inputs. 1; 0 at the end;
 * -1 failed. pieces has room for w->n. */
int walk_next(struct walk *w, struct gv_arena *scratch, struct store_series *pieces, size_t *n, struct gv_err *err);
void walk_fini(struct walk *w);

/* Adds those of the samples that the series' tombstones leave. */
void walk_keep_samples(struct gv_raw_builder *b, const struct store_series *s, const struct gv_raw_column *raw);
