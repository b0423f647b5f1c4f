/* Annotations of backends: their positions are those of the sent text. */
#pragma once
#include "plan/plan.h"

/* All that was said, repetitions too: of those that differ in position alone the first in the query stays, whoever
 * answered first. */
struct gv_note {
    struct gv_slice text; /* with the position in the query */
    unsigned line, col;   /* 0: none */
    bool is_info;
};
struct gv_notes {
    struct gv_arena *arena;
    struct gv_note *at;
    size_t n, cap;
};

/* What a backend said, with positions in the query instead. True where an aggregation met both floats and
 * histograms. */
bool gv_notes_take(struct gv_notes *notes, const struct gv_annotations *said, const struct gv_plan_ask *ask,
                   struct gv_slice query);
/* What was said here. */
bool gv_notes_take_own(struct gv_notes *notes, const struct gv_annotations *said);
void gv_notes_give(struct gv_notes *notes, struct gv_annotations *out);
