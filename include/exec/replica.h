/* Replicas of one Prometheus, each with holes of its own, made into one: for `replicas: merge`. Synchronous; any thread
 * that owns the arena.
 *
 * Per series the replica with most samples is the base; of several with nearly as many the first, so that the next
 * query takes the same one. Where the base has none for longer than 1.5 of its typical interval (the median; 1 min
 * where it cannot be told), samples of the others fill the hole, the one with more samples first; so they do before its
 * first and after its last, where another's samples reach an interval further. Replicas scrape at different times, so a
 * filled sample keeps half an interval from the base's own, which keeps their number right. Values stay as they are.
 * Where one would look as if a counter had been reset between two replicas though neither saw that, it is left out; a
 * histogram's reset hint is unknown where the sample before it is another's. A stale marker stays where the series is
 * really gone from all. */
#pragma once
#include "model/column.h"

/* replicas: n columns of one series, each by time. *out is one of them, or lives in a with its histograms borrowed.
 * Start timestamps are not kept where samples are mixed. Errors: the budget's. */
GV_MUST_CHECK bool gv_replica_merge(struct gv_arena *a, const struct gv_raw_column *replicas, size_t n,
                                    struct gv_raw_column *out, struct gv_err *err);
