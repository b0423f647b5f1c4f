/* The same query in two ways: over one source that holds all series with their cluster's labels, and planned over N
 * clusters that each answer for their own series. Both must agree. */
#pragma once
#include "promql/eval.h"
#include "storage.h"

struct form_of_query {
    struct gv_slice text;
    int64_t start, end, step; /* ms; step 0: instant at start */
    bool ordered;             /* the order of series counts */
};

/* False with why. Runs with and without delayed name removal. */
bool clusters_agree(struct storage *s, unsigned n, struct gv_executor *x, const struct form_of_query *f,
                    struct gv_buf *why);
