/* A plan for people: what is sent to whom, what is done here with the answers, and why not more is sent. Pure. */
#pragma once
#include "plan/plan.h"

/* Readable text, several lines. Feeds are called $1, $2, ... */
void gv_plan_explain_text(struct gv_buf *out, const struct gv_plan *p);

/* The same as a JSON object:
 *   {"mode": "union" | "combine" | "local",       local: nobody is asked
 *    "expression": "$1 / $2",                     evaluated here
 *    "feeds": [{"name": "$1", "combine": "sum", "for": "sum by (job) (x)", "samples": false,
 *               "parts": [{"cluster": "c1", "labels": {"cluster": "c1"}, "asks": [{"kind": "instant" | "range" |
 *                          "samples", "query": "...", "start": s, "end": s, "step": s}]}
 *                         or {"cluster": "c2", "expression": ..., "feeds": ...}],
 *               "not_asked": ["c3"]}],             nothing there can match
 *    "reasons": [{"node": "...", "start": 0, "end": 5, "why": "..."}]}   byte offsets in the query
 * labels: the injected ones that are added to what comes back. replicas: beside asks, where each of so many is asked
 * and what they answer is merged. */
void gv_plan_explain_json(struct gv_buf *out, const struct gv_plan *p);
