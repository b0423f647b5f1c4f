/* argv in, struct gv_flags out: --name=value, --name value, --switch, --no-switch. */
#include "app/flags.h"
#include "app/suggest.h"
#include "base/log.h"
#include <stdio.h>

#define AT(member)                    .offset = offsetof(struct gv_flags, member)
#define BEATS(section_name, key_name) .section = (section_name), .key = (key_name)
#define NO_STORE                      "the embedded store"

static const char *const wal_syncs[] = {"interval", "always", NULL};

const struct gv_flag gv_flags_table[] = {
    {"help", GV_OPT_BOOL, AT(help), .def = "false", .help = "Print this help and exit."},
    {"version", GV_OPT_BOOL, AT(version), .def = "false", .help = "Print the version and exit."},
    {"config.file", GV_OPT_TEXT, AT(config_file), .def = "globalview.yml", .help = "Configuration file."},
    {"web.listen-address", GV_OPT_TEXTS, AT(listen), .def = "0.0.0.0:9490",
     .help = "Address to listen on: host:port, [::1]:port or :port. Repeatable."},
    {"web.config.file", GV_OPT_TEXT, .missing = "TLS and authentication of the server",
     .help = "File that switches on TLS and authentication."},
    {"web.external-url", GV_OPT_TEXT, AT(external_url),
     .help = "URL under which users reach the program, for links and redirects."},
    {"web.route-prefix", GV_OPT_TEXT, AT(route_prefix),
     .help = "Prefix of all routes. Default: the path of --web.external-url."},
    {"web.cors.origin", GV_OPT_TEXT, AT(cors_origin), .def = ".*",
     .help = "Origins that browsers may ask from: a regular expression, matched as a whole."},
    {"web.max-connections", GV_OPT_COUNT, AT(max_connections), .def = "10000", .min = 1, .max = 10000000,
     .help = "Connections at a time; more are answered 503."},
    {"web.enable-lifecycle", GV_OPT_BOOL, AT(enable_lifecycle), .def = "false", .help = "Allow POST /-/reload."},
    {"web.enable-admin-api", GV_OPT_BOOL, AT(enable_admin_api), .def = "false",
     .help = "Allow the admin API (deleting series, snapshots)."},
    {"storage.path", GV_OPT_PATH, BEATS("storage", "path"), .missing = NO_STORE,
     .help = "Folder of the embedded store."},
    {"storage.retention.time", GV_OPT_DURATION, BEATS("storage", "retention_time"), .missing = NO_STORE,
     .help = "How long samples are kept."},
    {"storage.retention.size", GV_OPT_BYTES, BEATS("storage", "retention_size"), .missing = NO_STORE,
     .help = "Bytes that the store may take; 0: no limit."},
    {"storage.wal-sync", GV_OPT_WORD, BEATS("storage", "wal_sync"), .choices = wal_syncs, .missing = NO_STORE,
     .help = "When writes are answered: interval (before the sync to disk) or always (after)."},
    {"query.timeout", GV_OPT_DURATION, BEATS("global", "query_timeout"),
     .help = "The longest a query may run, waiting included."},
    {"query.max-samples", GV_OPT_COUNT, BEATS("global", "max_samples"),
     .help = "Samples that one query may hold at a time."},
    {"query.max-memory", GV_OPT_BYTES, BEATS("global", "max_query_memory"), .help = "Memory of one query."},
    {"query.max-total-memory", GV_OPT_BYTES, BEATS("global", "max_total_query_memory"),
     .help = "Memory of all queries together; 0: 60 % of what the process may use."},
    {"query.max-concurrency", GV_OPT_COUNT, BEATS("global", "max_concurrent_queries"),
     .help = "Queries that run at a time."},
    {"query.lookback-delta", GV_OPT_DURATION, BEATS("global", "lookback_delta"),
     .help = "How far back an instant selector looks for a sample."},
    {"query.log-slower-than", GV_OPT_DURATION, AT(log_slower_than_ms), .def = "10s",
     .help = "Log queries that take longer; 0: none."},
    {"loops", GV_OPT_COUNT, AT(loops), .def = "0", .max = 1024, .help = "Event loop threads; 0: as many as cores."},
    {"workers", GV_OPT_COUNT, AT(workers), .def = "0", .max = 1024,
     .help = "Worker threads for evaluation; 0: as many as cores."},
    {"log.level", GV_OPT_CHOICE, AT(log_level), .def = "info", .choices = gv_log_level_names,
     .help = "Least level to log: debug, info, warn or error."},
    {"log.format", GV_OPT_CHOICE, AT(log_format), .def = "logfmt", .choices = gv_log_format_names,
     .help = "Format of log lines: logfmt or json."},
    {"enable-feature", GV_OPT_TEXT, AT(enable_feature), .def = "",
     .help = "Comma-separated features, by Prometheus's names, such as promql-experimental-functions. Repeatable."},
};
const size_t gv_flags_n = GV_COUNT(gv_flags_table);

const struct gv_option *gv_flag_config_row(const struct gv_flag *f)
{
    const struct gv_option *s = gv_rows_find(gv_config_rows, gv_config_n_rows, gv_slice_of(f->section), NULL);
    return gv_rows_find(s->rows, s->n_rows, gv_slice_of(f->key), NULL);
}

const char *gv_flag_default(const struct gv_flag *f)
{
    return f->key ? gv_flag_config_row(f)->def : f->def;
}

struct parser {
    struct gv_flags *flags;
    struct gv_arena *arena;
    struct gv_err *err;
    size_t n_overrides_cap, listen_cap;
    const char **listen;
};

static const struct gv_flag *find(struct gv_slice name)
{
    for (const struct gv_flag *f = gv_flags_table; f < gv_flags_table + gv_flags_n; f++)
        if (gv_slice_is(name, f->name))
            return f;
    return NULL;
}

static bool fail_unknown(struct parser *p, struct gv_slice name)
{
    const char *names[GV_COUNT(gv_flags_table)];
    for (size_t i = 0; i < gv_flags_n; i++)
        names[i] = gv_flags_table[i].name;
    struct gv_buf shown = GV_BUF_INIT;
    gv_buf_add_quoted(&shown, name.n > 80 ? (struct gv_slice){name.p, 80} : name);
    struct gv_slice inner = {shown.p + 1, shown.n - 2}; /* escaped, but without the quotes */
    const char *near = gv_nearest(name, names, gv_flags_n);
    gv_fail(p->err, GV_BAD_DATA, "--%.*s: unknown flag%s%s%s", GV_ARG(inner), near ? " (did you mean --" : "",
            near ? near : "", near ? "?)" : "");
    gv_buf_fini(&shown);
    return false;
}

/* The flag's own value, through the same setters as the file's. */
static bool set_own(struct parser *p, const struct gv_flag *f, const char *text, struct gv_err *err)
{
    const struct gv_option row = {f->name,       f->type,       .offset = f->offset,
                                  .min = f->min, .max = f->max, .choices = f->choices};
    return gv_config_row_set(&row, p->flags, p->arena, gv_slice_of(text), err);
}

static bool give(struct parser *p, const struct gv_flag *f, const char *text)
{
    struct gv_flags *flags = p->flags;
    struct gv_err err = {0};
    const char **value = &flags->values[f - gv_flags_table];
    if (f->missing)
        return gv_fail(p->err, GV_BAD_DATA, "--%s: this build has not got %s yet", f->name, f->missing);
    if (f->type == GV_OPT_TEXTS) {
        gv_push(p->arena, p->listen, flags->n_listen, p->listen_cap) = text;
        *value = *value ? gv_arena_printf(p->arena, "%s,%s", *value, text) : text;
        return true;
    }
    if (*value && strcmp(f->name, "enable-feature") == 0)
        text = gv_arena_printf(p->arena, "%s,%s", *value, text);
    *value = text;
    if (f->key) {
        gv_push(p->arena, flags->overrides, flags->n_overrides, p->n_overrides_cap) =
            (struct gv_config_override){gv_arena_printf(p->arena, "--%s", f->name), f->section, f->key, text};
        return true;
    }
    return set_own(p, f, text, &err) || gv_fail(p->err, err.code, "--%s: %s", f->name, err.msg);
}

/* A text after "--": name, name=value, or no-name. Sets *used where the value was the next argument. */
static bool read_flag(struct parser *p, const char *text, const char *following, bool *used)
{
    const char *equals = strchr(text, '=');
    struct gv_slice name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct gv_flag *f = find(name);
    if (!f && !equals && gv_slice_has_prefix(name, GV_S("no-"))) {
        f = find((struct gv_slice){name.p + 3, name.n - 3});
        if (f && f->type == GV_OPT_BOOL)
            return give(p, f, "false");
        f = NULL;
    }
    if (!f)
        return fail_unknown(p, name);
    if (equals)
        return give(p, f, equals + 1);
    if (f->type == GV_OPT_BOOL)
        return give(p, f, "true");
    if (!following)
        return gv_fail(p->err, GV_BAD_DATA, "--%s: needs a value", f->name);
    *used = true;
    return give(p, f, following);
}

static bool fill_defaults(struct parser *p)
{
    struct gv_flags *flags = p->flags;
    for (size_t i = 0; i < gv_flags_n; i++) {
        const struct gv_flag *f = &gv_flags_table[i];
        if (flags->values[i] || f->missing)
            continue;
        flags->values[i] = gv_flag_default(f);
        if (f->type == GV_OPT_TEXTS)
            gv_push(p->arena, p->listen, flags->n_listen, p->listen_cap) = f->def;
        else if (f->def && !f->key && !set_own(p, f, f->def, p->err))
            return false;
    }
    flags->listen = p->listen;
    return true;
}

bool gv_flags_parse(struct gv_flags *f, struct gv_arena *a, int argc, char *const *argv, const char **args,
                    size_t *n_args, struct gv_err *err)
{
    struct parser p = {.flags = f, .arena = a, .err = err};
    *f = (struct gv_flags){.values = gv_arena_array(a, const char *, gv_flags_n)};
    *n_args = 0;
    for (int i = 0; i < argc; i++) {
        bool used = false;
        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < argc; i++)
                args[(*n_args)++] = argv[i];
            break;
        }
        const char *flag = strcmp(argv[i], "-h") == 0 ? "--help" : argv[i];
        if (strncmp(flag, "--", 2) == 0) {
            if (!read_flag(&p, flag + 2, i + 1 < argc ? argv[i + 1] : NULL, &used))
                return false;
        } else if (argv[i][0] == '-' && argv[i][1])
            return gv_fail(err, GV_BAD_DATA, "%s: flags begin with two dashes (did you mean -%s?)", argv[i], argv[i]);
        else
            args[(*n_args)++] = argv[i];
        i += used;
    }
    return fill_defaults(&p);
}

static void print_usage(struct gv_buf *out, const struct gv_flag *f)
{
    const char *def = gv_flag_default(f);
    if (f->type == GV_OPT_BOOL)
        gv_buf_printf(out, strchr(f->name, '.') ? "  --[no-]%s\n" : "  --%s\n", f->name);
    else if (def && *def && !f->missing)
        gv_buf_printf(out, "  --%s=%s\n", f->name, def);
    else
        gv_buf_printf(out, "  --%s=<%s>\n", f->name, gv_config_row_type_text(f->type));
    gv_buf_printf(out, "        %s%s\n", f->help, f->missing ? " (not built yet: refused)" : "");
}

void gv_flags_print_help(struct gv_buf *out)
{
    for (size_t i = 0; i < gv_flags_n; i++)
        print_usage(out, &gv_flags_table[i]);
}
