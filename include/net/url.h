/* Percent-encoding, query strings and forms, as Go's net/url reads and writes them. Any thread.
 * Source: RFC 3986 section 2.1; WHATWG URL, application/x-www-form-urlencoded; Go net/url ParseQuery. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

struct gv_url_param {
    struct gv_slice key, value; /* decoded; .p is never NULL */
};
struct gv_url_params { /* in the order they came; keys may repeat */
    struct gv_url_param *items;
    size_t n, cap;
};
enum { GV_URL_MAX_PARAMS = 10000 };

/* Appends the parameters of a query string or form body: `a=b&c`, `+` is a space. Several texts may be read into one
 * list (Prometheus reads the form first, then the URL). What needs no decoding borrows from raw, the rest lives in a.
 * GV_BAD_DATA: invalid URL escape "%zz"; a `;`; more than GV_URL_MAX_PARAMS. */
GV_MUST_CHECK bool gv_url_parse_query(struct gv_arena *a, struct gv_slice raw, struct gv_url_params *params,
                                      struct gv_err *err);
/* The first value of key; {NULL, 0} where the key is absent, so that an empty value can be told from none. */
struct gv_slice gv_url_params_get(const struct gv_url_params *params, const char *key);

/* One segment of a path: `+` stays, `%2F` becomes a slash of the segment. */
GV_MUST_CHECK bool gv_url_decode_segment(struct gv_arena *a, struct gv_slice raw, struct gv_slice *out,
                                         struct gv_err *err);

void gv_url_add_query_escaped(struct gv_buf *b, struct gv_slice s);   /* for keys and values; a space becomes `+` */
void gv_url_add_segment_escaped(struct gv_buf *b, struct gv_slice s); /* for one segment of a path */
/* `key=value`, escaped, after a `&` where b already ends in a parameter (b holds nothing but parameters). */
void gv_url_add_param(struct gv_buf *b, const char *key, struct gv_slice value);
