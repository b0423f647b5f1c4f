/* One ask of a plan on its way: how it is sent, and the sink that its body goes into. Private to answers.c and the two
 * ways of asking. */
#pragma once
#include "query/answers.h"

struct answer {
    struct answers *all;
    const struct gv_plan_ask *ask;
    const struct gv_plan *plan; /* that it is of */
    const struct gv_plan_source *source;
    const struct gv_cluster *cluster;
    /* What the attempts that won gave: one, or of replicas that are merged up to one each. */
    const struct gv_result **results;
    size_t n_results;
};

struct answer_sink { /* what every sink begins with */
    struct answer *answer;
    struct gv_result result;
    int64_t samples;
};

/* answer_json.c */
struct gv_ask_part answer_json_part(struct answer *an, int64_t lookback_ms, int64_t left_ms);
/* answer_read.c: samples by remote read; of a replica whose external labels are known (answer_can_read) */
struct gv_ask_part answer_read_part(struct answer *an);
bool answer_can_read(const struct gv_cluster *c, unsigned replica, struct gv_arena *scratch);
/* answer_local.c: a round_answer_here_fn */
struct local_view;
bool answer_here(const struct gv_ask_part *part, const struct local_view *v, void **sink, struct gv_err *err);
