/* argv in, struct gv_flags out: --name=value, --name value, --switch, --no-switch. */
#include "app/flags.h"
#include "base/log.h"
#include "net/http_server.h"
#include "promql/parse.h"
#include <math.h>

#define AT(member) .offset = offsetof(struct gv_flags, member)

static bool refuse_web_config(struct gv_slice text, struct gv_err *err)
{
    (void)text;
    return gv_fail(err, GV_BAD_DATA, "this build has no TLS and no authentication of its own server yet");
}

static bool check_address(struct gv_slice text, struct gv_err *err)
{
    struct gv_buf address = GV_BUF_INIT;
    gv_buf_add_slice(&address, text);
    bool ok = gv_http_address_check(gv_buf_cstr(&address), err);
    gv_buf_fini(&address);
    return ok;
}

static bool check_feature(struct gv_slice text, struct gv_err *err)
{
    if (gv_promql_feature_named(text))
        return true;
    struct gv_buf names = GV_BUF_INIT;
    const char *name;
    for (size_t i = 0; (name = gv_promql_feature_at(i)); i++)
        gv_buf_printf(&names, "%s%s", i ? ", " : "", name);
    gv_fail(err, GV_BAD_DATA, "unknown feature %.*s; there are %s", GV_ARG(text), gv_buf_cstr(&names));
    gv_buf_fini(&names);
    return false;
}

static const struct gv_option rows[] = {
    {.flag = "help", .type = GV_OPTION_BOOL, AT(help), .help = "Print this help and exit."},
    {.flag = "version", .type = GV_OPTION_BOOL, AT(version), .help = "Print the version and exit."},
    {.flag = "config.file",
     .type = GV_OPTION_STRING,
     AT(config_file),
     .fallback = "globalview.yml",
     .help = "Configuration file."},
    {.flag = "web.listen-address",
     .type = GV_OPTION_LIST,
     AT(listen),
     .check = check_address,
     .fallback = "0.0.0.0:9490",
     .help = "Address to listen on: host:port, [::1]:port or :port. Repeatable."},
    {.flag = "web.config.file",
     .type = GV_OPTION_STRING,
     AT(web_config_file),
     .check = refuse_web_config,
     .help = "File that switches on TLS and authentication. Not built yet: refused."},
    {.flag = "web.external-url",
     .type = GV_OPTION_STRING,
     AT(external_url),
     .help = "URL under which users reach the program; its path becomes the prefix of all routes."},
    {.flag = "web.route-prefix",
     .type = GV_OPTION_STRING,
     AT(route_prefix),
     .help = "Prefix of all routes, where it is not the path of --web.external-url (a proxy may cut that off)."},
    {.flag = "web.cors.origin",
     .type = GV_OPTION_STRING,
     AT(cors_origin),
     .fallback = ".*",
     .help = "Origins that browsers may ask from: a regular expression, matched as a whole."},
    {.flag = "web.max-connections",
     .type = GV_OPTION_INT,
     AT(max_connections),
     .fallback = "10000",
     .min = 1,
     .max = 10000000,
     .help = "Connections at a time; more are answered 503."},
    {.flag = "web.enable-lifecycle",
     .type = GV_OPTION_BOOL,
     AT(enable_lifecycle),
     .fallback = "false",
     .help = "Allow POST /-/reload and /-/quit."},
    {.flag = "web.enable-admin-api",
     .type = GV_OPTION_BOOL,
     AT(enable_admin_api),
     .fallback = "false",
     .help = "Allow the admin API: deletions, clean-up and snapshots of the embedded store."},
    {.flag = "query.log-slower-than",
     .type = GV_OPTION_DURATION,
     AT(log_slower_than),
     .fallback = "10s",
     .help = "Log queries that take longer; 0: none."},
    {.flag = "storage.remote.read-sample-limit",
     .type = GV_OPTION_INT,
     AT(read_sample_limit),
     .fallback = "50000000",
     .max = INFINITY,
     .help =
         "Samples in the answer to one remote read; more are an error, 0: any number. Streamed answers have no limit "
         "but memory."},
    {.flag = "storage.remote.read-concurrent-limit",
     .type = GV_OPTION_INT,
     AT(read_concurrent_limit),
     .fallback = "10",
     .min = 1,
     .max = 100000,
     .help = "Remote reads served at a time; more wait, each also for a place among max_concurrent_queries."},
    {.flag = "storage.remote.read-request-limit",
     .type = GV_OPTION_BYTES,
     AT(read_request_limit),
     .fallback = "512KiB",
     .min = 1,
     .max = 1 << 30,
     .help = "Size of a remote read request, decompressed; larger ones are refused."},
    {.flag = "enable-feature",
     .type = GV_OPTION_LIST,
     AT(features),
     .check = check_feature,
     .help = "Features by Prometheus's names, comma-separated, such as promql-experimental-functions. Repeatable."},
    {.flag = "loops",
     .type = GV_OPTION_INT,
     AT(loops),
     .fallback = "0",
     .max = 1024,
     .help = "Event loop threads; 0: as many as cores."},
    {.flag = "workers",
     .type = GV_OPTION_INT,
     AT(workers),
     .fallback = "0",
     .max = 1024,
     .help = "Worker threads for evaluation; 0: as many as cores."},
    {.flag = "log.level",
     .type = GV_OPTION_ENUM,
     AT(log_level),
     .fallback = "info",
     .words = gv_log_level_names,
     .help = "Least level to log."},
    {.flag = "log.format",
     .type = GV_OPTION_ENUM,
     AT(log_format),
     .fallback = "logfmt",
     .words = gv_log_format_names,
     .help = "Format of log lines."},
};
const struct gv_option_table gv_flags_table = GV_OPTION_TABLE(rows, struct gv_flags);

static const struct gv_option_table *const tables[] = {&gv_flags_table, &gv_config_global_table,
                                                       &gv_config_storage_table};

const struct gv_option *gv_flags_at(size_t i)
{
    for (size_t t = 0; t < GV_COUNT(tables); t++)
        for (size_t k = 0; k < tables[t]->n; k++)
            if (tables[t]->rows[k].flag && i-- == 0)
                return &tables[t]->rows[k];
    return NULL;
}

/* The flag's row and the table that it stands in. */
static const struct gv_option *find(struct gv_slice name, const struct gv_option_table **table)
{
    for (size_t t = 0; t < GV_COUNT(tables); t++) {
        const struct gv_option *row = gv_options_find_flag(*table = tables[t], name);
        if (row)
            return row;
    }
    return NULL;
}

enum { MAX_FLAGS = 64 };

static const char *suggest(struct gv_slice name)
{
    const char *names[MAX_FLAGS + 1] = {NULL};
    const struct gv_option *row;
    for (size_t i = 0; i < MAX_FLAGS && (row = gv_flags_at(i)); i++)
        names[i] = row->flag;
    return gv_suggest(name, names);
}

static bool fail_unknown(struct gv_slice name, struct gv_err *err)
{
    struct gv_buf shown = GV_BUF_INIT;
    gv_buf_add_quoted(&shown, name.n > 80 ? (struct gv_slice){name.p, 80} : name);
    struct gv_slice inner = {shown.p + 1, shown.n - 2}; /* escaped, but without the quotes */
    const char *near = suggest(name);
    gv_fail(err, GV_BAD_DATA, "--%.*s: unknown flag%s%s%s", GV_ARG(inner), near ? " (did you mean --" : "",
            near ? near : "", near ? "?)" : "");
    gv_buf_fini(&shown);
    return false;
}

/* -name: the flag of that name; -n: one that begins so. */
static bool fail_one_dash(const char *arg, struct gv_err *err)
{
    const struct gv_option_table *table;
    struct gv_slice name = {arg + 1, strcspn(arg + 1, "=")};
    const char *near = find(name, &table) ? arg + 1 : suggest(name);
    return gv_fail(err, GV_BAD_DATA, "%s: flags begin with two dashes%s%s%s", arg, near ? " (did you mean --" : "",
                   near ? near : "", near ? "?)" : "");
}

struct parser {
    struct gv_flags *flags;
    struct gv_arena *arena;
    uint64_t given; /* lists whose default is gone, by index in rows */
    struct gv_err *err;
};

static bool set(struct parser *p, const struct gv_option *row, struct gv_slice text)
{
    struct gv_err err = {0};
    return gv_option_set(row, p->arena, p->flags, text, &err) ||
           gv_fail(p->err, err.code, "--%s: %s", row->flag, err.msg);
}

/* The first time a list is given, it takes the place of the default. Items of one value are separated by commas. */
static bool give_list(struct parser *p, const struct gv_option *row, struct gv_slice text)
{
    uint64_t bit = 1ULL << (row - rows);
    if (!(p->given & bit))
        gv_option_clear(row, p->flags);
    p->given |= bit;
    while (text.n) {
        const char *comma = memchr(text.p, ',', text.n);
        size_t n = comma ? (size_t)(comma - text.p) : text.n;
        if (n && !set(p, row, (struct gv_slice){text.p, n}))
            return false;
        n += comma != NULL;
        text = (struct gv_slice){text.p + n, text.n - n};
    }
    return true;
}

static bool give(struct parser *p, const struct gv_option *row, const struct gv_option_table *table, const char *value)
{
    struct gv_flags *f = p->flags;
    struct gv_slice text = gv_arena_dup(p->arena, gv_slice_of(value));
    if (table == &gv_config_global_table || table == &gv_config_storage_table) {
        gv_push(p->arena, f->overrides, f->n_overrides, f->overrides_cap) = (struct gv_config_override){row, text};
        return true;
    }
    return row->type == GV_OPTION_LIST ? give_list(p, row, text) : set(p, row, text);
}

/* A text after "--": name, name=value, or no-name. Sets *used where the value was the next argument. */
static bool read_flag(struct parser *p, const char *text, const char *following, bool *used)
{
    const char *equals = strchr(text, '=');
    struct gv_slice name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct gv_option_table *table;
    const struct gv_option *row = find(name, &table);
    if (!row && !equals && gv_slice_has_prefix(name, GV_S("no-"))) {
        row = find((struct gv_slice){name.p + 3, name.n - 3}, &table);
        if (row && row->type == GV_OPTION_BOOL)
            return give(p, row, table, "false");
        row = NULL;
    }
    if (!row)
        return fail_unknown(name, p->err);
    if (equals)
        return give(p, row, table, equals + 1);
    if (row->type == GV_OPTION_BOOL)
        return give(p, row, table, "true");
    if (!following)
        return gv_fail(p->err, GV_BAD_DATA, "--%s: needs a value", row->flag);
    *used = true;
    return give(p, row, table, following);
}

bool gv_flags_parse(struct gv_flags *f, struct gv_arena *a, int argc, char *const *argv, const char **args,
                    size_t *n_args, struct gv_err *err)
{
    struct parser p = {.flags = f, .arena = a, .err = err};
    gv_options_init(&gv_flags_table, a, f);
    *n_args = 0;
    for (int i = 0; i < argc; i++) {
        const char *arg = strcmp(argv[i], "-h") == 0 ? "--help" : argv[i];
        bool used = false;
        if (strcmp(arg, "--") == 0) {
            while (++i < argc)
                args[(*n_args)++] = argv[i];
            break;
        }
        if (arg[0] != '-' || !arg[1])
            args[(*n_args)++] = arg;
        else if (arg[1] != '-')
            return fail_one_dash(arg, err);
        else if (!read_flag(&p, arg + 2, i + 1 < argc ? argv[i + 1] : NULL, &used))
            return false;
        i += used;
    }
    return true;
}

static void print_usage(struct gv_buf *out, const struct gv_option *row)
{
    if (row->type == GV_OPTION_BOOL)
        gv_buf_printf(out, row->fallback ? "  --[no-]%s\n" : "  --%s\n", row->flag);
    else if (row->fallback && *row->fallback)
        gv_buf_printf(out, "  --%s=%s\n", row->flag, row->fallback);
    else
        gv_buf_printf(out, "  --%s=<%s>\n", row->flag, gv_option_type_text(row->type));
    gv_buf_printf(out, "        %s", row->help);
    if (row->type == GV_OPTION_ENUM) {
        gv_buf_adds(out, " One of:");
        for (const char *const *word = row->words; *word; word++)
            gv_buf_printf(out, "%s %s", word == row->words ? "" : ",", *word);
        gv_buf_addc(out, '.');
    }
    gv_buf_addc(out, '\n');
}

void gv_flags_print_help(struct gv_buf *out)
{
    const struct gv_option *row;
    for (size_t i = 0; (row = gv_flags_at(i)); i++)
        print_usage(out, row);
}

bool gv_flags_features(const struct gv_flags *f, unsigned *features, struct gv_err *err)
{
    *features = 0;
    for (size_t i = 0; i < f->features.n; i++) {
        unsigned feature = gv_promql_feature_named(f->features.items[i]);
        if (!feature)
            return gv_fail(err, GV_BAD_DATA, "--enable-feature: unknown feature %.*s", GV_ARG(f->features.items[i]));
        *features |= feature;
    }
    return true;
}
