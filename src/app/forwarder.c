#include "app/forwarder.h"
#include "base/log.h"
#include <stdlib.h>

struct forwarder {
    struct gv_forward *forward;
    struct gv_settings *settings; /* whose configuration has the endpoints */
};

static const struct gv_config *config_of(const struct forwarder *f)
{
    return gv_snapshot_of(f->settings)->config;
}

bool forwarder_new(struct gv_snapshot *s, struct gv_ingest_sink next, struct forwarder **out, struct gv_err *err)
{
    const struct gv_config *c = s->config;
    struct gv_forward_options o = {.endpoints = c->forward,
                                   .n = c->remote_write.n,
                                   .next = next,
                                   .sync = c->storage && c->storage->wal_sync ? GV_LOG_ALWAYS : GV_LOG_INTERVAL};
    *out = NULL;
    if (!o.n)
        return true;
    struct gv_forward *forward = gv_forward_open(&o, err);
    if (!forward)
        return false;
    if (!(*out = calloc(1, sizeof **out)))
        gv_die("out of memory");
    **out = (struct forwarder){forward, gv_settings_get(&s->settings)};
    for (size_t i = 0; i < o.n; i++) {
        struct gv_forward_status status;
        gv_forward_status(forward, i, &status);
        gv_log(GV_LOG_INFO, "forwarding", GV_CTX("endpoint", status.name), GV_F("queue", c->forward[i].queue_path),
               GV_F("pending_samples", status.pending_samples));
    }
    return true;
}

struct gv_ingest_sink forwarder_sink(struct forwarder *f)
{
    return gv_forward_sink(f->forward);
}

bool forwarder_start(struct forwarder *f, struct gv_workers *w, unsigned loop_index, struct gv_err *err)
{
    return gv_forward_start(f->forward, w, loop_index, err);
}

/* remote_write as it would be shown: secrets are left out, but their files are read again anyway. */
static void print_endpoints(struct gv_buf *out, const struct gv_config *c)
{
    const struct gv_option *list = gv_options_find(&gv_config_table, GV_S("remote_write"));
    const struct gv_remote_write_entry *entries = c->remote_write.items;
    for (size_t i = 0; i < c->remote_write.n; i++)
        gv_options_print(out, list->table, &entries[i]);
}

void forwarder_apply(const struct forwarder *f, const struct gv_config *c)
{
    struct gv_buf before = GV_BUF_INIT, after = GV_BUF_INIT;
    if (f)
        print_endpoints(&before, config_of(f));
    print_endpoints(&after, c);
    if (!gv_slice_eq(gv_buf_slice(&before), gv_buf_slice(&after)))
        gv_log(GV_LOG_WARN, "remote_write changes at the next start only");
    gv_buf_fini(&before);
    gv_buf_fini(&after);
}

void forwarder_stop(struct forwarder *f)
{
    if (f)
        gv_forward_stop(f->forward);
}

void forwarder_free(struct forwarder *f)
{
    struct gv_err err = {.code = GV_OK};
    if (!f)
        return;
    if (!gv_forward_close(f->forward, &err))
        gv_log(GV_LOG_ERROR, "the last samples of a queue may not be on disk", GV_F("error", (const char *)err.msg));
    gv_settings_put(f->settings);
    free(f);
}
