/* The embedded store of the running program: opened at start, kept in order by a thread of its own, closed last. */
#pragma once
#include "app/config.h"
#include "query/local.h"

struct keeper;
/* Opens the store; blocks for as long as its log takes to replay. */
GV_MUST_CHECK struct keeper *keeper_new(const struct gv_config *c, struct gv_err *err);
const struct gv_local *keeper_local(const struct keeper *k);
/* What a reload may change: retention and the out-of-order window. Says what it may not. */
void keeper_apply(struct keeper *k, const struct gv_config *c);
/* Blocks under way are given up, and with them the requests of administrators that wait for them. NULL is nothing. */
void keeper_stop(struct keeper *k);
void keeper_free(struct keeper *k); /* when nothing reads or appends any more; NULL is nothing */
