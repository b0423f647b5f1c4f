#include "app/command.h"

static int serve(const struct gv_flags *f)
{
    struct gv_err err = {0};
    struct gv_config_env env = {.overrides = f->overrides, .n_overrides = f->n_overrides};
    struct gv_config *c = gv_config_load(f->config_file, &env, &err);
    if (!c || !gv_config_check_built(c, &err))
        gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    else
        gv_complain(GV_EXIT_FAILED, "serve: not built yet");
    gv_config_free(c);
    return GV_EXIT_FAILED;
}

int gv_serve_main(int argc, char **argv)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_flags f;
    struct gv_err err = {0};
    const char **args = gv_arena_array(&a, const char *, argc + 1);
    size_t n;
    struct gv_buf out = GV_BUF_INIT;
    int status = GV_EXIT_OK;
    if (!gv_flags_parse(&f, &a, argc, argv, args, &n, &err))
        status = gv_complain(GV_EXIT_USAGE, "%s", err.msg);
    else if (f.help)
        gv_print_help(&out);
    else if (f.version)
        gv_print_version(&out);
    else
        status = serve(&f);
    gv_arena_fini(&a);
    return status ? status : gv_print_out(&out);
}
