/* prepare -> ask every cluster (gv_fanout) -> merge -> envelope. */
#include "api/document.h"
#include "plan/selector.h"
#include "promql/parse.h"

static const struct document *document_of(const struct request *r)
{
    return r->route->document;
}

void form_pass(struct gv_buf *form, const struct gv_url_params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (gv_slice_is(p->items[i].key, name))
            gv_url_add_param(form, name, p->items[i].value);
}

static bool shape(void *arg, const struct gv_cluster *c, struct gv_arena *a, const char **path, struct gv_slice *form)
{
    struct request *r = arg;
    return document_of(r)->shape(r, c, a, path, form);
}

/* The reply is about as large as the bodies that it is made of: it is charged when it is whole. */
static bool digest(void *arg, struct gv_fanout *f, struct gv_err *err)
{
    struct request *r = arg;
    return document_of(r)->merge(r, f, &r->body, err) && gv_fanout_charge(f, r->body.cap, err);
}

static void done(void *arg, struct gv_fanout *f)
{
    struct request *r = arg;
    const struct gv_err *err = gv_fanout_err(f);
    if (r->canceled)
        gv_http_abandon(r->x);
    else if (err->code != GV_OK)
        reply_error(r, err);
    else
        reply_data(r, gv_fanout_notes(f));
}

void document_serve(struct request *r)
{
    const struct document *d = document_of(r);
    struct gv_err err = {0};
    struct gv_buf form = GV_BUF_INIT;
    if (!request_scope(r, &err) || (d->prepare && !d->prepare(r, &form, &err))) {
        gv_buf_fini(&form);
        reply_error(r, &err);
        return;
    }
    struct gv_fanout_request request = {
        .scope = r->scope,
        .path = d->path,
        .form = gv_arena_dup(r->x->arena, gv_buf_slice(&form)),
        .post = d->post,
        .each_replica = d->each_replica,
        .data = d->data,
        .shape = d->shape ? shape : NULL,
        .digest = digest,
        .arg = r,
    };
    gv_buf_fini(&form);
    r->fanout = gv_fanout_start(&r->l->env, request_take_settings(r), &request, done, r);
}

/* --- match[] --- */

bool selectors_read(struct selectors *s, struct request *r, const char *name, struct gv_err *err)
{
    return selectors_read_by(gv_promql_parse_selector, s, r, name, err);
}

bool selectors_read_by(parse_selector_fn *parse, struct selectors *s, struct request *r, const char *name,
                       struct gv_err *err)
{
    size_t n;
    struct gv_slice *texts = params_all(&r->params, name, r->x->arena, &n);
    *s = (struct selectors){gv_arena_array(r->x->arena, struct gv_selector *, n), n};
    for (size_t i = 0; i < n; i++) {
        s->at[i] = parse(r->x->arena, texts[i], err);
        if (!s->at[i])
            return false;
    }
    return true;
}

static bool selectors_add(const struct selectors *s, const char *name, const struct gv_cluster *c, struct gv_arena *a,
                          struct gv_buf *form)
{
    struct gv_buf text = GV_BUF_INIT;
    size_t added = 0;
    for (size_t i = 0; i < s->n; i++) {
        gv_buf_clear(&text);
        if (!gv_selector_print_for_source(&c->mapping, a, s->at[i], &text))
            continue;
        gv_url_add_param(form, name, gv_buf_slice(&text));
        added++;
    }
    gv_buf_fini(&text);
    return added || !s->n;
}

bool selectors_shape(const struct selectors *s, const char *name, struct gv_slice passed, const struct gv_cluster *c,
                     struct gv_arena *a, struct gv_slice *form)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add_slice(&text, passed);
    bool any = selectors_add(s, name, c, a, &text);
    *form = gv_arena_dup(a, gv_buf_slice(&text));
    gv_buf_fini(&text);
    return any;
}
