#include "api/samples.h"

void samples_start(struct request *r, const struct gv_query_raw *raw, gv_query_done_fn *done)
{
    if (r->scope.partial == GV_PARTIAL_DEFAULT)
        r->scope.partial = GV_PARTIAL_NO;
    struct gv_query_request request = {.scope = r->scope, .raw = raw};
    r->query = gv_query_start(&r->l->env, request_take_settings(r), &request, done, r);
}

bool samples_failed(struct request *r, const struct gv_query *q)
{
    const struct gv_err *err = &gv_query_outcome(q)->err;
    if (r->canceled)
        gv_http_abandon(r->x);
    else if (err->code != GV_OK)
        reply_error_text(r, err);
    return r->canceled || err->code != GV_OK;
}
