/* What the API asks of the program. */
#include "app/program.h"
#include <signal.h>
#include <unistd.h>
#include "store/metrics.h"

static struct gv_settings *settings(void *ctx, struct gv_loop *l)
{
    struct program *p = ctx;
    return gv_settings_get(p->slots[gv_loop_index(l)].settings);
}

static bool ready(void *ctx, const char **why_not)
{
    struct program *p = ctx;
    pthread_mutex_lock(&p->lock);
    bool is = p->ready;
    pthread_mutex_unlock(&p->lock);
    if (!is)
        *why_not = "it is starting or shutting down";
    return is;
}

static struct gv_settings *current(struct program *p)
{
    pthread_mutex_lock(&p->lock);
    struct gv_settings *s = gv_settings_get(p->current);
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void config_yaml(void *ctx, struct gv_buf *out)
{
    struct program *p = ctx;
    struct gv_settings *s = current(p);
    gv_config_print(gv_snapshot_of(s)->config, out);
    gv_settings_put(s);
}

static void each_flag(const struct gv_option_table *t, const void *base, gv_api_flag_fn *each, void *arg)
{
    struct gv_buf value = GV_BUF_INIT;
    for (size_t i = 0; i < t->n; i++) {
        bool prints = t->rows[i].type == GV_OPTION_BOOL && !t->rows[i].fallback; /* --help, --version */
        if (!t->rows[i].flag || prints)
            continue;
        gv_buf_clear(&value);
        gv_option_print(&value, &t->rows[i], base);
        each(arg, t->rows[i].flag, gv_buf_cstr(&value));
    }
    gv_buf_fini(&value);
}

/* What is in force: the file's values, or those of the command line that beat them. */
static void flags(void *ctx, gv_api_flag_fn *each, void *arg)
{
    struct program *p = ctx;
    struct gv_settings *s = current(p);
    const struct gv_config *c = gv_snapshot_of(s)->config;
    each_flag(&gv_flags_table, p->flags, each, arg);
    each_flag(&gv_config_global_table, c->global, each, arg);
    if (c->storage)
        each_flag(&gv_config_storage_table, c->storage, each, arg);
    gv_settings_put(s);
}

static void runtime(void *ctx, struct gv_runtime_info *out)
{
    struct program *p = ctx;
    *out = (struct gv_runtime_info){.start_time_ms = p->start_time_ms, .threads = 1 + p->n_slots + p->n_workers};
    pthread_mutex_lock(&p->lock);
    out->reload_successful = p->reload_successful;
    out->last_config_time_ms = p->last_config_time_ms;
    pthread_mutex_unlock(&p->lock);
}

static void metrics(void *ctx, struct gv_buf *out)
{
    const struct program *p = ctx;
    gv_store_metrics_refresh();
    gv_registry_render(p->metrics, out);
}

/* The control loop waits for that signal. */
static void quit(void *ctx)
{
    (void)ctx;
    kill(getpid(), SIGTERM);
}

struct gv_api_ops program_ops(struct program *p)
{
    return (struct gv_api_ops){p, settings, ready, program_reload_asked, quit, config_yaml, flags, runtime, metrics};
}
