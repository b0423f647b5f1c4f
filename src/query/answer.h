/* One ask of a plan on its way: how it is sent, and the sink that its body goes into. Private to answers.c and the two
 * ways of asking. */
#pragma once
#include "query/answers.h"

struct answer {
    struct answers *all;
    const struct gv_plan_ask *ask;
    const struct gv_plan_source *source;
    const struct gv_cluster *cluster;
    const struct gv_result *result; /* of the attempt that won; NULL before */
};

struct answer_sink { /* what every sink begins with */
    struct answer *answer;
    struct gv_result result;
    int64_t samples;
};

/* answer_json.c */
struct gv_ask_part answer_json_part(struct answer *an, int64_t lookback_ms, int64_t left_ms);
/* answer_read.c: samples by remote read */
struct gv_ask_part answer_read_part(struct answer *an);
