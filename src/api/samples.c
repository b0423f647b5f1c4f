#include "api/samples.h"

enum { ENOUGH_TEXT = 4 << 10 };

/* For the log. */
static struct gv_slice text_of(const struct gv_query_raw *raw, struct gv_arena *a)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_adds(&text, "samples of");
    for (size_t i = 0; i < raw->n && text.n < ENOUGH_TEXT; i++) {
        const struct gv_select *s = &raw->selections[i];
        gv_buf_adds(&text, i ? ", {" : " {");
        for (size_t k = 0; k < s->n_matchers && text.n < ENOUGH_TEXT; k++) {
            gv_buf_adds(&text, k ? "," : "");
            gv_matcher_print(&text, &s->matchers[k]);
        }
        gv_buf_addc(&text, '}');
    }
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&text));
    gv_buf_fini(&text);
    return kept;
}

void samples_start(struct request *r, const struct gv_query_raw *raw, gv_query_done_fn *done)
{
    if (r->scope.partial == GV_PARTIAL_DEFAULT)
        r->scope.partial = GV_PARTIAL_NO;
    struct gv_query_request request = {.scope = r->scope, .text = text_of(raw, r->x->arena), .raw = raw};
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
