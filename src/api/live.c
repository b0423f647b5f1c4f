/* What a supervisor asks: alive, ready, reload, quit; and our own metrics. */
#include "api/handlers.h"

void serve_healthy(struct request *r)
{
    reply_text(r, 200, type_text, GV_S("globalview is Healthy.\n"));
}

void serve_ready(struct request *r)
{
    const char *why_not = NULL;
    if (r->l->api->ops.ready(r->l->api->ops.ctx, &why_not)) {
        reply_text(r, 200, type_text, GV_S("globalview is Ready.\n"));
        return;
    }
    gv_buf_printf(&r->body, "globalview is not ready: %s\n", why_not);
    reply_text(r, 503, type_text, gv_buf_slice(&r->body));
}

static void reloaded(void *arg, bool ok, const char *message)
{
    struct request *r = arg;
    r->busy = false;
    if (r->canceled) {
        gv_http_abandon(r->x);
        return;
    }
    if (!ok)
        gv_buf_printf(&r->body, "failed to reload config: %s\n", message);
    reply_text(r, ok ? 200 : 500, type_text, gv_buf_slice(&r->body));
}

void serve_reload(struct request *r)
{
    r->busy = true;
    r->l->api->ops.reload(r->l->api->ops.ctx, r->l->env.loop, reloaded, r);
}

void serve_quit(struct request *r)
{
    reply_text(r, 200, type_text, GV_S("Requesting termination... Goodbye!\n"));
    r->l->api->ops.quit(r->l->api->ops.ctx);
}

void serve_metrics(struct request *r)
{
    r->l->api->ops.metrics(r->l->api->ops.ctx, &r->body);
    reply_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", gv_buf_slice(&r->body));
}
