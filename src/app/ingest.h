/* The receiver of writes of the running program, over its store. */
#pragma once
#include "app/config.h"

struct gv_ingest_sink ingest_sink_of(struct gv_store *store);
/* Limits that no reload changes are those of c, or the defaults where it has no `ingest`. */
struct gv_receiver *ingest_receiver_new(const struct gv_config *c, struct gv_ingest_sink sink);
void ingest_receiver_free(struct gv_receiver *r); /* NULL is nothing */
/* What a reload may change. Says what it may not. */
void ingest_apply(struct gv_receiver *r, const struct gv_config *c);
