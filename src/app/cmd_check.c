/* check-config: file -> the same loading as serve -> what is in it, or the first fault with its place. */
#include "app/check_online.h"
#include "app/command.h"
#include "app/snapshot.h"
#include <curl/curl.h>
#include <stdio.h>

struct check {
    struct gv_arena arena;
    struct gv_flags flags;
    const char *file;
    bool online;
};

/* FILE may stand as an argument or as --config.file; --online is this subcommand's alone. */
static bool parse(struct check *c, int argc, char **argv, struct gv_err *err)
{
    char **rest = gv_arena_array(&c->arena, char *, argc + 1);
    const char **args = gv_arena_array(&c->arena, const char *, argc + 1);
    size_t n_args;
    int n = 0;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--online") == 0)
            c->online = true;
        else if (gv_slice_has_prefix(GV_S("--online"), gv_slice_of(argv[i])) && strlen(argv[i]) > 4)
            return gv_fail(err, GV_BAD_DATA, "%s: unknown flag (did you mean --online?)", argv[i]);
        else
            rest[n++] = argv[i];
    if (!gv_flags_parse(&c->flags, &c->arena, n, rest, args, &n_args, err))
        return false;
    c->file = n_args ? args[0] : c->flags.config_file.p;
    return n_args <= 1 || gv_fail(err, GV_BAD_DATA, "check-config takes one file");
}

/* An endpoint of remote_write shows what it takes only when it is written to. */
static void say_what_was_not_asked(const struct gv_option_groups *remote_write)
{
    if (remote_write->n)
        fprintf(stderr,
                "remote_write: %zu endpoint%s not asked: only writing would show whether samples are taken; see "
                "globalview_forward_failing once it runs\n",
                remote_write->n, remote_write->n == 1 ? " was" : "s were");
}

static int report(const struct check *c, const struct gv_clusters *cs)
{
    struct gv_buf out = GV_BUF_INIT;
    gv_buf_printf(&out, "%s: ok, %zu cluster%s\n", c->file, cs->n, cs->n == 1 ? "" : "s");
    return gv_print_out(&out);
}

/* The same loading as the server's: certificate and password files are read too. */
static int check(struct check *c)
{
    struct gv_err err = {0};
    c->flags.config_file = gv_slice_of(c->file);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct gv_cluster_registry *registry = gv_cluster_registry_new();
    struct gv_snapshot *s = gv_snapshot_load(&c->flags, 0, registry, &err);
    int status = s ? report(c, s->clusters) : gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    if (s && status == GV_EXIT_OK && c->online) {
        status = gv_check_online(s->clusters);
        say_what_was_not_asked(&s->config->remote_write);
    }
    if (s)
        gv_settings_put(&s->settings);
    gv_cluster_registry_free(registry);
    curl_global_cleanup();
    return status;
}

int gv_check_config_main(int argc, char **argv)
{
    struct check c = {0};
    struct gv_err err = {0};
    gv_arena_init(&c.arena, NULL);
    int status = parse(&c, argc, argv, &err) ? check(&c) : gv_complain(GV_EXIT_USAGE, "%s", err.msg);
    gv_arena_fini(&c.arena);
    return status;
}
