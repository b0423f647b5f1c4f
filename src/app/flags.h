/* The command line of `globalview serve` (and of check-config and explain, which take the same): one table,
 * Prometheus's spelling. Main thread, at start. */
#pragma once
#include "app/config.h"

struct gv_flags {
    const char *config_file;
    const char *const *listen; /* --web.listen-address, repeatable */
    size_t n_listen;
    const char *external_url, *route_prefix, *cors_origin;
    int64_t max_connections;
    bool enable_lifecycle, enable_admin_api;
    int64_t log_slower_than_ms;
    int64_t loops, workers; /* 0: as many as cores */
    int log_level, log_format;
    const char *enable_feature; /* comma-separated, joined over repetitions */
    bool help, version;
    struct gv_config_override *overrides; /* flags given that beat the file */
    size_t n_overrides;
    const char **values; /* per flag of the table: as given, or the default; NULL: neither */
};

struct gv_flag {
    const char *name; /* without the dashes */
    enum gv_option_type type;
    size_t offset;
    const char *def;
    int64_t min, max;
    const char *const *choices;
    const char *section, *key; /* the key of the file that it beats; type, default and bounds are that key's */
    const char *missing;       /* what is not built yet: giving the flag refuses to start */
    const char *help;
};
extern const struct gv_flag gv_flags_table[];
extern const size_t gv_flags_n;
const struct gv_option *gv_flag_config_row(const struct gv_flag *f); /* of one with a key */
const char *gv_flag_default(const struct gv_flag *f);                /* as text; NULL: none */

/* Reads argv[0..argc-1] (without the program's and the subcommand's names). What is no flag goes to args (room for
 * argc). All memory is in a. Errors: GV_BAD_DATA "--log.levle: unknown flag (did you mean --log.level?)". */
GV_MUST_CHECK bool gv_flags_parse(struct gv_flags *f, struct gv_arena *a, int argc, char *const *argv,
                                  const char **args, size_t *n_args, struct gv_err *err);
void gv_flags_print_help(struct gv_buf *out); /* the flags, one paragraph each */
