/* Option rows: reading each type, its errors, defaults, groups, printing with secrets redacted, suggestions. */
#include "base/option.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct auth {
    struct gv_slice user, password;
};

struct item {
    struct gv_slice name;
    int64_t timeout;
    struct gv_option_map labels, headers;
    struct auth *auth;
};

struct config {
    struct gv_slice path, token;
    bool enabled;
    int64_t samples, timeout, hedge, memory;
    double ratio;
    int level;
    struct gv_option_list hosts;
    struct gv_option_groups items;
    struct auth *auth;
};

static bool is_lower(struct gv_slice text, struct gv_err *err)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] >= 'A' && text.p[i] <= 'Z')
            return gv_fail(err, GV_BAD_DATA, "capitals are not allowed");
    return true;
}

static const char *const levels[] = {"debug", "info", "warn", NULL};
static const char *const auto_off[] = {"auto", "off", NULL};

#define AT(type, member) .offset = offsetof(struct type, member)
static const struct gv_option auth_rows[] = {
    {.key = "username", .type = GV_OPTION_STRING, AT(auth, user), .help = "Name."},
    {.key = "password", .type = GV_OPTION_SECRET, AT(auth, password), .help = "Password."},
};
static const struct gv_option_table auth_table = GV_OPTION_TABLE(auth_rows, struct auth);
static const struct gv_option item_rows[] = {
    {.key = "name", .type = GV_OPTION_STRING, AT(item, name), .help = "Unique.", .required = true, .check = is_lower},
    {.key = "timeout", .type = GV_OPTION_DURATION, AT(item, timeout), .fallback = "30s", .help = "Of one request."},
    {.key = "labels", .type = GV_OPTION_MAP, AT(item, labels), .help = "More labels."},
    {.key = "http_headers", .type = GV_OPTION_MAP, AT(item, headers), .help = "Headers.", .secret = true},
    {.key = "basic_auth", .type = GV_OPTION_GROUP, AT(item, auth), .help = "Credentials.", .table = &auth_table},
};
static const struct gv_option_table item_table = GV_OPTION_TABLE(item_rows, struct item);
static const struct gv_option rows[] = {
    {.key = "path",
     .flag = "storage.path",
     .type = GV_OPTION_STRING,
     AT(config, path),
     .fallback = "data",
     .help = "Folder."},
    {.key = "token", .type = GV_OPTION_SECRET, AT(config, token), .help = "Token."},
    {.key = "enabled",
     .type = GV_OPTION_BOOL,
     AT(config, enabled),
     .fallback = "true",
     .help = "On or off.",
     .reloadable = true},
    {.key = "max_samples",
     .flag = "query.max-samples",
     .type = GV_OPTION_INT,
     AT(config, samples),
     .fallback = "50000000",
     .min = 1,
     .max = 1e12,
     .unit = "samples",
     .help = "Per query."},
    {.key = "timeout",
     .type = GV_OPTION_DURATION,
     AT(config, timeout),
     .fallback = "2m",
     .min = 1000,
     .max = 3600000,
     .help = "Of a query."},
    {.key = "hedge_after",
     .type = GV_OPTION_DURATION,
     AT(config, hedge),
     .fallback = "auto",
     .words = auto_off,
     .help = "When."},
    {.key = "memory",
     .type = GV_OPTION_BYTES,
     AT(config, memory),
     .fallback = "512MiB",
     .min = 1024,
     .max = INFINITY,
     .help = "Per query."},
    {.key = "ratio", .type = GV_OPTION_DOUBLE, AT(config, ratio), .fallback = "0.6", .max = 1, .help = "Share."},
    {.key = "level",
     .flag = "log.level",
     .type = GV_OPTION_ENUM,
     AT(config, level),
     .fallback = "info",
     .words = levels,
     .help = "Least severe level."},
    {.key = "hosts", .type = GV_OPTION_LIST, AT(config, hosts), .fallback = "a,b", .help = "Hosts.", .check = is_lower},
    {.key = "items", .type = GV_OPTION_GROUPS, AT(config, items), .help = "Things.", .table = &item_table},
    {.key = "auth", .type = GV_OPTION_GROUP, AT(config, auth), .help = "Own credentials.", .table = &auth_table},
};
static const struct gv_option_table table = GV_OPTION_TABLE(rows, struct config);

static struct gv_arena arena;
static struct config config;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    gv_options_init(&table, &arena, &config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static void set(const char *key, const char *text)
{
    struct gv_err err = {0};
    if (!gv_option_set(gv_options_find(&table, gv_slice_of(key)), &arena, &config, gv_slice_of(text), &err))
        fail_msg("%s: %s: %s", key, text, err.msg);
}

static void check_refused(const char *key, const char *text, const char *why)
{
    struct gv_err err = {0};
    struct config before = config;
    assert_false(gv_option_set(gv_options_find(&table, gv_slice_of(key)), &arena, &config, gv_slice_of(text), &err));
    assert_string_equal(err.msg, why);
    assert_int_equal(err.code, GV_BAD_DATA);
    assert_memory_equal(&before, &config, sizeof config);
}

static void defaults_are_set(void **state)
{
    (void)state;
    assert_true(gv_slice_is(config.path, "data"));
    assert_true(config.enabled);
    assert_int_equal(config.samples, 50000000);
    assert_int_equal(config.timeout, 120000);
    assert_int_equal(config.hedge, -1);
    assert_int_equal(config.memory, 512 << 20);
    assert_true(config.ratio == 0.6);
    assert_int_equal(config.level, 1);
    assert_int_equal(config.hosts.n, 2);
    assert_true(gv_slice_is(config.hosts.items[1], "b"));
    assert_null(config.auth);
    assert_int_equal(config.items.n, 0);
}

static void texts_become_values(void **state)
{
    (void)state;
    set("path", "");
    assert_int_equal(config.path.n, 0);
    set("path", "/var/lib");
    assert_string_equal(config.path.p, "/var/lib");
    set("enabled", "false");
    assert_false(config.enabled);
    set("max_samples", "1");
    assert_int_equal(config.samples, 1);
    set("timeout", "1h");
    assert_int_equal(config.timeout, 3600000);
    set("hedge_after", "off");
    assert_int_equal(config.hedge, -2);
    set("hedge_after", "50ms");
    assert_int_equal(config.hedge, 50);
    set("memory", "1GiB");
    assert_int_equal(config.memory, 1 << 30);
    set("ratio", "0");
    assert_true(config.ratio == 0);
    set("level", "warn");
    assert_int_equal(config.level, 2);
    set("hosts", "c");
    assert_int_equal(config.hosts.n, 3);
    gv_option_clear(gv_options_find(&table, GV_S("hosts")), &config);
    set("hosts", "d");
    assert_int_equal(config.hosts.n, 1);
}

static void errors_say_what_would_be_right(void **state)
{
    (void)state;
    check_refused("enabled", "yes", "\"yes\" is neither true nor false");
    check_refused("max_samples", "1.5", "\"1.5\" is no whole number");
    check_refused("max_samples", "0", "0 is below the least allowed, 1");
    check_refused("timeout", "5", "not a valid duration string: \"5\"");
    check_refused("timeout", "100ms", "100ms is below the least allowed, 1s");
    check_refused("timeout", "2h", "2h is above the most allowed, 1h");
    check_refused("hedge_after", "never", "not a valid duration string: \"never\"");
    check_refused("memory", "1", "1B is below the least allowed, 1KiB");
    check_refused("memory", "lots", "not a valid size (a number with B, KiB, MiB, GiB, TiB, PiB or EiB): \"lots\"");
    check_refused("ratio", "1.5", "1.5 is above the most allowed, 1");
    check_refused("ratio", "NaN", "\"NaN\" is no number");
    check_refused("level", "wran", "\"wran\" is none of debug, info, warn; did you mean \"warn\"?");
    check_refused("level", "", "\"\" is none of debug, info, warn");
    check_refused("level", "x\n", "\"x\\n\" is none of debug, info, warn");
    check_refused("hosts", "A", "capitals are not allowed");
    check_refused("auth", "x", "\"x\" stands where a group of keys is wanted");
}

static void groups_are_made_with_their_defaults(void **state)
{
    (void)state;
    const struct gv_option *items = gv_options_find(&table, GV_S("items"));
    for (int i = 0; i < 20; i++) {
        struct item *item = gv_option_add_group(items, &arena, &config);
        item->name = gv_slice_of(gv_arena_printf(&arena, "item%d", i));
    }
    assert_int_equal(config.items.n, 20);
    struct item *all = config.items.items;
    assert_true(gv_slice_is(all[0].name, "item0"));
    assert_true(gv_slice_is(all[19].name, "item19"));
    assert_int_equal(all[19].timeout, 30000);
    const struct gv_option *auth = gv_options_find(&table, GV_S("auth"));
    assert_ptr_equal(gv_option_group(auth, &arena, &config), gv_option_group(auth, &arena, &config));
    assert_non_null(config.auth);
}

static void maps_replace_by_key(void **state)
{
    (void)state;
    struct item *item = gv_option_add_group(gv_options_find(&table, GV_S("items")), &arena, &config);
    const struct gv_option *labels = gv_options_find(&item_table, GV_S("labels"));
    struct gv_err err = {0};
    assert_true(gv_option_set(labels, &arena, item, GV_S("a=1=2"), &err));
    assert_true(gv_option_set_pair(labels, &arena, item, GV_S("b"), GV_S(""), &err));
    assert_true(gv_option_set_pair(labels, &arena, item, GV_S("a"), GV_S("3"), &err));
    assert_int_equal(item->labels.n, 2);
    assert_true(gv_slice_is(item->labels.items[0].value, "3"));
    assert_false(gv_option_set(labels, &arena, item, GV_S("novalue"), &err));
    assert_string_equal(err.msg, "\"novalue\" is no key=value");
}

static void fill(void)
{
    struct gv_err err = {0};
    set("token", "t0p");
    struct item *item = gv_option_add_group(gv_options_find(&table, GV_S("items")), &arena, &config);
    assert_true(gv_option_set(&item_rows[0], &arena, item, GV_S("c1"), &err));
    assert_true(gv_option_set(&item_rows[2], &arena, item, GV_S("region=yes"), &err));
    assert_true(gv_option_set(&item_rows[3], &arena, item, GV_S("X-Key=t0p"), &err));
    struct auth *auth = gv_option_group(&item_rows[4], &arena, item);
    auth->user = GV_S("x: y");
    auth->password = GV_S("t0p");
}

static void running_configuration_hides_secrets(void **state)
{
    (void)state;
    fill();
    struct gv_buf b = GV_BUF_INIT;
    gv_options_print(&b, &table, &config);
    assert_string_equal(gv_buf_cstr(&b), "path: data\n"
                                         "token: <secret>\n"
                                         "enabled: true\n"
                                         "max_samples: 50000000\n"
                                         "timeout: 2m\n"
                                         "hedge_after: auto\n"
                                         "memory: 512MiB\n"
                                         "ratio: 0.6\n"
                                         "level: info\n"
                                         "hosts: [a, b]\n"
                                         "items:\n"
                                         "  - name: c1\n"
                                         "    timeout: 30s\n"
                                         "    labels: {region: \"yes\"}\n"
                                         "    http_headers: {X-Key: \"<secret>\"}\n"
                                         "    basic_auth:\n"
                                         "      username: \"x: y\"\n"
                                         "      password: <secret>\n");
    gv_buf_fini(&b);
}

static void values_print_as_they_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        if (rows[i].type == GV_OPTION_LIST || !rows[i].fallback)
            continue;
        struct gv_buf b = GV_BUF_INIT;
        gv_option_print(&b, &rows[i], &config);
        assert_string_equal(gv_buf_cstr(&b), rows[i].fallback);
        gv_buf_fini(&b);
    }
}

static void sample_and_docs_name_every_key(void **state)
{
    (void)state;
    struct gv_buf sample = GV_BUF_INIT, docs = GV_BUF_INIT;
    gv_options_print_sample(&sample, &table);
    gv_options_print_docs(&docs, &table);
    assert_non_null(strstr(gv_buf_cstr(&sample), "## Folder. (string)\n#path: data\n"));
    assert_non_null(strstr(gv_buf_cstr(&sample), "## Of a query. (duration; 1s to 1h)\n#timeout: 2m\n"));
    assert_non_null(
        strstr(gv_buf_cstr(&sample), "#items:\n#    # Unique. (string; required)\n#  - name:\n#    # Of one"));
    assert_non_null(strstr(gv_buf_cstr(&sample), "#    basic_auth:\n#      # Name. (string)\n#      username:\n"));
    assert_non_null(
        strstr(gv_buf_cstr(&docs), "| `max_samples` | samples; 1 to 1000000000000 | `50000000` | no | Per query. |\n"));
    assert_non_null(strstr(gv_buf_cstr(&docs), "| `hedge_after` | duration, or auto, off | `auto` | no | When. |\n"));
    assert_non_null(strstr(gv_buf_cstr(&docs), "| `items[].basic_auth.password` | secret | | no | Password. |\n"));
    assert_non_null(strstr(gv_buf_cstr(&docs), "| `memory` | size; 1KiB or more | `512MiB` |"));
    gv_buf_fini(&sample);
    gv_buf_fini(&docs);
}

static void rows_are_found_and_suggested(void **state)
{
    (void)state;
    assert_ptr_equal(gv_options_find_flag(&table, GV_S("log.level")), gv_options_find(&table, GV_S("level")));
    assert_null(gv_options_find(&table, GV_S("log.level")));
    assert_null(gv_options_find_flag(&table, GV_S("")));
    assert_string_equal(gv_options_suggest(&table, GV_S("time_out")), "timeout");
    assert_string_equal(gv_options_suggest(&table, GV_S("max_smaples")), "max_samples");
    assert_null(gv_options_suggest(&table, GV_S("completely_else")));
    assert_string_equal(gv_options_suggest_flag(&table, GV_S("log.levle")), "log.level");
    assert_null(gv_options_suggest_flag(&table, GV_S("x")));
}

static void suggestions_are_near(void **state)
{
    (void)state;
    static const char *const words[] = {"logfmt", "json", "on", NULL};
    assert_string_equal(gv_suggest(GV_S("jsno"), words), "json");
    assert_string_equal(gv_suggest(GV_S("j"), words), "json"); /* what it begins with */
    assert_string_equal(gv_suggest(GV_S("jason"), words), "json");
    assert_string_equal(gv_suggest(GV_S("logfm"), words), "logfmt");
    assert_null(gv_suggest(GV_S("xml"), words));
    assert_null(gv_suggest(GV_S(""), words));
    char longer[200];
    memset(longer, 'j', sizeof longer);
    assert_null(gv_suggest((struct gv_slice){longer, sizeof longer}, words));
}

struct header {
    struct gv_slice name;
    struct gv_option_list values, secrets;
};
struct client {
    struct gv_slice proxy;
    struct gv_option_groups headers;
};
static const struct gv_option header_rows[] = {
    {.key = "values", .type = GV_OPTION_LIST, AT(header, values), .help = "Shown."},
    {.key = "secrets", .type = GV_OPTION_LIST, AT(header, secrets), .secret = true, .help = "Hidden."},
};
static const struct gv_option_table header_table = GV_OPTION_TABLE(header_rows, struct header);
static const struct gv_option client_rows[] = {
    {.key = "proxy", .type = GV_OPTION_STRING, AT(client, proxy), .url = true, .help = "Proxy."},
    {.key = "headers",
     .type = GV_OPTION_NAMED,
     AT(client, headers),
     .table = &header_table,
     .check = is_lower,
     .help = "Headers."},
};
static const struct gv_option_table client_table = GV_OPTION_TABLE(client_rows, struct client);

static void groups_by_name_print_as_a_map(void **state)
{
    (void)state;
    struct client c;
    struct gv_err err = {0};
    gv_options_init(&client_table, &arena, &c);
    struct header *h = gv_option_add_named(&client_rows[1], &arena, &c, GV_S("x-a"), &err);
    assert_non_null(h);
    assert_true(gv_option_set(&header_rows[0], &arena, h, GV_S("v"), &err));
    assert_true(gv_option_set(&header_rows[1], &arena, h, GV_S("hush"), &err));
    assert_null(gv_option_add_named(&client_rows[1], &arena, &c, GV_S("X-A"), &err));
    assert_string_equal(err.msg, "capitals are not allowed");
    struct gv_buf b = GV_BUF_INIT;
    gv_options_print(&b, &client_table, &c);
    assert_string_equal(gv_buf_cstr(&b), "headers:\n  x-a:\n    values: [v]\n    secrets: [\"<secret>\"]\n");
    gv_buf_clear(&b);
    gv_options_print_docs(&b, &client_table);
    assert_non_null(strstr(gv_buf_cstr(&b), "`headers.NAME.secrets`"));
    gv_buf_fini(&b);
}

static void check_url(const char *url, const char *shown)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_option_print_url(&b, gv_slice_of(url));
    assert_string_equal(gv_buf_cstr(&b), shown);
    gv_buf_fini(&b);
}

static void urls_lose_their_password(void **state)
{
    (void)state;
    check_url("http://u:p@h:1/a?b=c:d@e", "http://u:<secret>@h:1/a?b=c:d@e");
    check_url("http://u:p:q@r@h", "http://u:<secret>@h"); /* the last @ before the path ends it */
    check_url("u:p@h", "u:<secret>@h");
    check_url("http://u@h:80/x:y@z", "http://u@h:80/x:y@z");
    check_url("http://h/u:p@x", "http://h/u:p@x");
    check_url("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_become_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_would_be_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_are_made_with_their_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(maps_replace_by_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(running_configuration_hides_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_print_as_they_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sample_and_docs_name_every_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_found_and_suggested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(suggestions_are_near, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_by_name_print_as_a_map, set_up, tear_down),
        cmocka_unit_test(urls_lose_their_password),
    };
    return cmocka_run_group_tests_name("base.option", tests, NULL, NULL);
}
