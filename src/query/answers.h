/* The answers of one query: what the asks of its plan are sent as, how their bodies are read, and where the results are
 * found again, also by a second plan of the same query. Loop thread; looking up is for whoever owns the query. */
#pragma once
#include "plan/plan.h"
#include "exec/plan_run.h"
#include "query/round.h"

struct answers {
    struct gv_arena *arena;
    struct gv_map by_key; /* struct answer; a key names its source too */
    bool *failed;         /* per source: it is left out of everything */
    int64_t max_samples, lookback_ms;
    bool raw, floats_only; /* of a query for raw series; of one whose reply has no histograms */
    bool met_histograms;   /* a column could not be read: JSON leaves out what native histograms need */
};
struct answer;

void answers_init(struct answers *as, struct gv_arena *a, size_t n_sources, int64_t max_samples);

/* Gives each entry of the round the parts that the plan asks of it and nobody has asked before; entry i is source i.
 * Sources that failed are asked nothing. True where anything is to be sent. */
bool answers_ask(struct answers *as, const struct gv_plan *p, struct round *r, int64_t lookback_ms, int64_t left_ms);
/* After the round: keeps the results, and marks the sources that failed. */
void answers_take(struct answers *as, const struct round *r);
/* One per ask of the plan, for gv_plan_run. */
const struct gv_plan_answer *answers_of(const struct answers *as, const struct gv_plan *p);
/* What a part of an entry asks. */
const struct gv_plan_ask *answers_asked(const struct gv_ask_part *part);
/* What one ask of an entry brought. */
int64_t answers_samples(const struct round_entry *e, const struct round_ask *k, int64_t *series);
