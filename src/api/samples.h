/* What the routes that hand on samples share: a query for raw series whose reply can carry no warnings. */
#pragma once
#include "api/request.h"

/* Starts it: a cluster that failed makes the reply 503, unless the request says partial_response=true. */
void samples_start(struct request *r, const struct gv_query_raw *raw, gv_query_done_fn *done);
/* First thing of `done`: true where there is nothing to send, and all is said. */
bool samples_failed(struct request *r, const struct gv_query *q);
