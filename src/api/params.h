/* Request parameters: the query string and, for a POST form, its body; read and refused as Prometheus does
 * (web/api/v1/api.go). Values live in the exchange's arena. */
#pragma once
#include "net/http_server.h"
#include "net/url.h"

/* Form first, then query string, as Go's FormValue prefers them. */
bool params_read(struct gv_url_params *p, struct gv_http_exchange *x, struct gv_err *err);
bool params_has(const struct gv_url_params *p, const char *name); /* with a value that is not empty */
/* All values of a repeated parameter, in the order given. */
struct gv_slice *params_all(const struct gv_url_params *p, const char *name, struct gv_arena *a, size_t *n);

/* Each fails with GV_BAD_DATA and `invalid parameter "name": ...`; an absent parameter gives the default. */
bool params_time(const struct gv_url_params *p, const char *name, int64_t otherwise_ms, int64_t *ms,
                 struct gv_err *err);
bool params_duration(const struct gv_url_params *p, const char *name, int64_t otherwise_ms, int64_t *ms,
                     struct gv_err *err);
bool params_limit(const struct gv_url_params *p, const char *name, uint64_t *limit, struct gv_err *err); /* 0: none */

/* Float seconds or a duration: 5m. */
bool parse_duration(struct gv_slice text, int64_t *ms, struct gv_err *err);
