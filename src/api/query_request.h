/* What the routes that take a query share: reading its parameters, and telling how clusters took part (query.c). */
#pragma once
#include "api/handlers.h"

bool query_request_instant(struct request *r, struct gv_query_request *q, struct gv_err *err);
bool query_request_range(struct request *r, struct gv_query_request *q, struct gv_err *err);
/* Appends `,"clusters":[...]`. */
void stats_add_clusters(struct gv_buf *b, const struct gv_query_outcome *o);
