#include "net/http_page.h"

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)arg, (void)status, (void)content_type, (void)err;
    return true;
}

static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    (void)err;
    gv_buf_add(&((struct gv_http_page *)arg)->body, data, n);
    return true;
}

static void on_end(void *arg, const struct gv_http_outcome *outcome)
{
    struct gv_http_page *p = arg;
    p->call = NULL;
    p->outcome = *outcome;
    p->done(p);
}

void gv_http_page_start(struct gv_http_page *p, struct gv_http_client *c, const struct gv_http_call_spec *spec)
{
    static const struct gv_http_call_ops ops = {on_header, on_data, on_end};
    gv_http_page_clear(p);
    p->call = gv_http_call_start(c, spec, &ops, p);
}

void gv_http_page_clear(struct gv_http_page *p)
{
    gv_buf_fini(&p->body);
    p->outcome = (struct gv_http_outcome){0};
}
