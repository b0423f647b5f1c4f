/* Forwarding of the running program: the endpoints that its first configuration names, until it ends. Main thread. */
#pragma once
#include "app/snapshot.h"

struct forwarder;
/* next: the store's sink, or an empty one. *out is NULL where nothing is to be forwarded. Blocks: reads the queues. */
GV_MUST_CHECK bool forwarder_new(struct gv_snapshot *s, struct gv_ingest_sink next, struct forwarder **out,
                                 struct gv_err *err);
struct gv_ingest_sink forwarder_sink(struct forwarder *f);
GV_MUST_CHECK bool forwarder_start(struct forwarder *f, struct gv_workers *w, unsigned loop_index, struct gv_err *err);
void forwarder_apply(const struct forwarder *f, const struct gv_config *c); /* says what a reload does not change */
/* NULL is nothing to these two. When nothing is appended any more, and before the workers end; */
void forwarder_stop(struct forwarder *f);
void forwarder_free(struct forwarder *f); /* after it, before the store is closed */
