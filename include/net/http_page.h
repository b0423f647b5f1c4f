/* One call whose body is kept whole: for small replies, such as a backend's status pages. Loop thread only. */
#pragma once
#include "base/buf.h"
#include "net/http_client.h"

struct gv_http_page { /* embed it; zeroed but for done */
    void (*done)(struct gv_http_page *p);
    struct gv_http_call *call; /* while it runs, to cancel it */
    struct gv_http_outcome outcome;
    struct gv_buf body; /* at most spec.max_body bytes */
};

/* p must live until done, which comes on a later turn. What it held before is cleared. */
void gv_http_page_start(struct gv_http_page *p, struct gv_http_client *c, const struct gv_http_call_spec *spec);
void gv_http_page_clear(struct gv_http_page *p); /* body and outcome, when it does not run */
