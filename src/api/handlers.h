/* The handlers that routes.c names; each in the file of its subject. */
#pragma once
#include "api/document.h"

/* query.c */
void serve_query(struct request *r);
void serve_query_range(struct request *r);
void serve_format_query(struct request *r);
void serve_parse_query(struct request *r);
/* explain.c */
void serve_explain(struct request *r);
/* federate.c */
void serve_federate(struct request *r);
/* read.c */
void serve_read(struct request *r);
/* status.c */
void serve_clusters(struct request *r);
int64_t last_write(const struct request *r, struct gv_slice cluster); /* that was pushed of it, ms; 0: none yet */
void serve_buildinfo(struct request *r);
void serve_flags(struct request *r);
void serve_walreplay(struct request *r);
void serve_features(struct request *r);
void serve_notifications(struct request *r);
/* live.c */
void serve_healthy(struct request *r);
void serve_ready(struct request *r);
void serve_reload(struct request *r);
void serve_quit(struct request *r);
void serve_metrics(struct request *r);
/* write.c */
size_t write_accept(struct request *r); /* at the header: the largest body, or a reply at once */
void serve_write(struct request *r);
/* admin.c */
void serve_delete_series(struct request *r);
void serve_clean_tombstones(struct request *r);
void serve_snapshot(struct request *r);
/* page.c */
void serve_page(struct request *r);
