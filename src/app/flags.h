/* The command line of `globalview serve`, in Prometheus's spelling: rows of its own, and the rows of the configuration
 * that have a flag (those beat the file). Main thread, at start. */
#pragma once
#include "app/config.h"

struct gv_flags {
    bool help, version;
    struct gv_slice config_file;
    struct gv_option_list listen; /* --web.listen-address */
    struct gv_slice web_config_file, external_url, route_prefix, cors_origin;
    int64_t max_connections;
    bool enable_lifecycle, enable_admin_api;
    int64_t log_slower_than; /* ms */
    int64_t read_sample_limit, read_concurrent_limit, read_request_limit;
    int64_t loops, workers; /* 0: as many as cores */
    int log_level, log_format;
    struct gv_option_list features;
    struct gv_config_override *overrides; /* flags given that beat the file */
    size_t n_overrides, overrides_cap;
};
extern const struct gv_option_table gv_flags_table;

/* Every flag in the order of the help: own ones, then those of the configuration. NULL behind the last. */
const struct gv_option *gv_flags_at(size_t i);

/* Reads argv[0..argc-1] (without the program's and the subcommand's names). What is no flag goes to args (room for
 * argc). All memory is in a. Errors: GV_BAD_DATA "--log.levle: unknown flag (did you mean --log.level?)". */
GV_MUST_CHECK bool gv_flags_parse(struct gv_flags *f, struct gv_arena *a, int argc, char *const *argv,
                                  const char **args, size_t *n_args, struct gv_err *err);
/* --enable-feature as enum gv_promql_feature; an unknown name is GV_BAD_DATA. */
GV_MUST_CHECK bool gv_flags_features(const struct gv_flags *f, unsigned *features, struct gv_err *err);
void gv_flags_print_help(struct gv_buf *out); /* the flags, one paragraph each */
