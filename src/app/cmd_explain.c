/* explain: the plan of a query over a configuration, asking nobody; what backends can do is not known then. */
#include "app/command.h"
#include "app/snapshot.h"
#include "base/clock.h"
#include "plan/explain.h"
#include "query/explain.h"
#include <curl/curl.h>
#include <stdio.h>

static bool print_plan(const struct gv_snapshot *s, const char *text, struct gv_arena *a, struct gv_buf *out,
                       struct gv_err *err)
{
    int64_t now = gv_clock_wall(&gv_clock_real);
    struct gv_query_request request = {.text = gv_slice_of(text), .start = now, .end = now};
    const struct gv_plan *plan = gv_query_explain(a, &s->settings, &request, err);
    if (plan)
        gv_plan_explain_text(out, plan);
    return plan != NULL;
}

static int explain(const struct gv_flags *flags, const char *text, struct gv_arena *a)
{
    struct gv_err err = {0};
    struct gv_buf out = GV_BUF_INIT;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct gv_cluster_registry *registry = gv_cluster_registry_new();
    unsigned features = 0;
    struct gv_snapshot *s =
        gv_flags_features(flags, &features, &err) ? gv_snapshot_load(flags, features, registry, &err) : NULL;
    bool ok = s && print_plan(s, text, a, &out, &err);
    if (ok && s->config->storage)
        fputs("globalview: note: the embedded store takes part as well; "
              "/api/v1/query_explain of the running server shows its part\n",
              stderr);
    if (s)
        gv_settings_put(&s->settings);
    gv_cluster_registry_free(registry);
    curl_global_cleanup();
    int status = ok ? gv_print_out(&out) : gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    if (!ok)
        gv_buf_fini(&out);
    return status;
}

int gv_explain_main(int argc, char **argv)
{
    struct gv_arena a;
    struct gv_flags flags;
    struct gv_err err = {0};
    size_t n_args = 0;
    gv_arena_init(&a, NULL);
    const char **args = gv_arena_array(&a, const char *, argc + 1);
    int status;
    if (!gv_flags_parse(&flags, &a, argc, argv, args, &n_args, &err))
        status = gv_complain(GV_EXIT_USAGE, "%s", err.msg);
    else if (n_args != 1)
        status = gv_complain(GV_EXIT_USAGE, "usage: globalview explain --config.file=FILE 'QUERY'");
    else
        status = explain(&flags, args[0], &a);
    gv_arena_fini(&a);
    return status;
}
