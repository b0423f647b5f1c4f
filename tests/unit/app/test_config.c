/* The configuration: what is taken over, what is refused and how it says so, and what is printed. */
#include "app/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *fake_env(const char *name)
{
    return strcmp(name, "HOST") == 0 ? "h1" : strcmp(name, "PORT") == 0 ? "9091" : NULL;
}

static const struct gv_config_env env = {.getenv = fake_env, .sealed = true};

static struct gv_config *parse(const char *text)
{
    struct gv_err err = {0};
    struct gv_config *c = gv_config_parse("dir/g.yml", gv_slice_of(text), &env, &err);
    if (!c)
        fail_msg("%s", err.msg);
    return c;
}

static void check_refused(const char *text, const char *message)
{
    struct gv_err err = {0};
    struct gv_config *c = gv_config_parse("g.yml", gv_slice_of(text), &env, &err);
    if (c)
        fail_msg("taken: %s", text);
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, GV_BAD_DATA);
}

#define CLUSTER "clusters:\n  - name: c1\n    endpoints: [http://h1:9091]\n"

static void defaults_are_filled_in(void **state)
{
    (void)state;
    struct gv_config *c = parse(CLUSTER);
    assert_string_equal(c->global->cluster_label.p, "cluster");
    assert_int_equal(c->global->query_timeout, 120000);
    assert_int_equal(c->global->lookback, 300000);
    assert_int_equal(c->global->evaluation_interval, 60000);
    assert_true(c->global->partial_response);
    assert_int_equal(c->global->max_samples, 50000000);
    assert_int_equal(c->global->max_query_memory, 512 << 20);
    assert_int_equal(c->global->max_concurrent_queries, 64);
    assert_null(c->storage);
    assert_int_equal(c->n_clusters, 1);
    const struct gv_cluster_config *k = c->clusters, *d = &gv_cluster_config_default;
    assert_int_equal(k->timeout_ms, d->timeout_ms);
    assert_int_equal(k->hedge_after_ms, d->hedge_after_ms);
    assert_int_equal(k->max_response_size, d->max_response_size);
    assert_int_equal(k->label_from, d->label_from);
    assert_int_equal(k->replicas, d->replicas);
    assert_int_equal(k->pushdown, d->pushdown);
    assert_int_equal(k->required, d->required);
    assert_int_equal(k->compression, d->compression);
    assert_int_equal(k->http.follow_redirects, d->http.follow_redirects);
    assert_int_equal(k->http.enable_http2, d->http.enable_http2);
    assert_null(k->http.basic_username);
    gv_config_free(c);
}

static void every_key_of_a_cluster_arrives(void **state)
{
    (void)state;
    struct gv_config *c =
        parse("clusters:\n"
              "  - name: c1\n"
              "    endpoints: [http://h1:9091/p, https://h2]\n"
              "    labels: {region: eu, zone: a}\n"
              "    replicas: merge\n"
              "    pushdown: never\n"
              "    required: true\n"
              "    timeout: 1m30s\n"
              "    hedge_after: 'off'\n"
              "    max_response_size: 2MiB\n"
              "    compression: true\n"
              "    params: {dedup: 'true'}\n"
              "    basic_auth: {username: u, password_file: pw}\n"
              "    tls_config: {ca_file: /ca.pem, cert_file: c.pem, key_file: k.pem, server_name: n,\n"
              "                 insecure_skip_verify: true, min_version: TLS12, max_version: TLS13}\n"
              "    proxy_url: http://u:p@proxy:3128\n"
              "    http_headers: {X-A: {values: [1, 2], secrets: [s]}, X-B: {values: [b]}}\n"
              "    follow_redirects: false\n"
              "    enable_http2: false\n"
              "  - name: c2\n"
              "    endpoints: [http://h3]\n"
              "    cluster_label_from: backend\n"
              "    hedge_after: 250ms\n"
              "    authorization: {credentials: t}\n");
    const struct gv_cluster_config *k = &c->clusters[0];
    assert_string_equal(k->name, "c1");
    assert_int_equal(k->n_endpoints, 2);
    assert_string_equal(k->endpoints[1], "https://h2");
    assert_int_equal(k->n_labels, 2);
    assert_true(gv_slice_is(k->labels[1].name, "zone") && gv_slice_is(k->labels[1].value, "a"));
    assert_int_equal(k->replicas, GV_REPLICAS_MERGE);
    assert_int_equal(k->pushdown, GV_PUSHDOWN_NEVER);
    assert_true(k->required && k->compression);
    assert_int_equal(k->timeout_ms, 90000);
    assert_int_equal(k->hedge_after_ms, GV_HEDGE_OFF);
    assert_int_equal(k->max_response_size, 2 << 20);
    assert_string_equal(k->params[0].name, "dedup");
    assert_string_equal(k->params[0].value, "true");
    const struct gv_http_settings *h = &k->http;
    assert_string_equal(h->basic_username, "u");
    assert_string_equal(h->basic_password_file, "dir/pw"); /* relative to the file's folder */
    assert_string_equal(h->tls.ca_file, "/ca.pem");
    assert_string_equal(h->tls.key_file, "dir/k.pem");
    assert_string_equal(h->tls.max_version, "TLS13");
    assert_true(h->tls.insecure_skip_verify);
    assert_string_equal(h->proxy_url, "http://u:p@proxy:3128");
    assert_false(h->follow_redirects || h->enable_http2);
    assert_int_equal(h->n_headers, 4);
    assert_string_equal(h->headers[2].name, "X-A");
    assert_string_equal(h->headers[2].value, "s");
    assert_string_equal(h->headers[3].name, "X-B");
    k = &c->clusters[1];
    assert_int_equal(k->label_from, GV_CLUSTER_LABEL_BACKEND);
    assert_int_equal(k->hedge_after_ms, 250);
    assert_string_equal(k->http.authorization_type, "Bearer");
    assert_string_equal(k->http.authorization_credentials, "t");
    gv_config_free(c);
}

static void environment_is_expanded_in_values(void **state)
{
    (void)state;
    struct gv_config *c = parse("clusters:\n"
                                "  - name: a$$b\n"
                                "    endpoints: ['http://${HOST}:${PORT}']\n"
                                "    params: {price: '5$', regex: '$1', '${HOST}': x, group: '${1}:${PORT}', "
                                "named: '$${x}'}\n");
    assert_string_equal(c->clusters[0].name, "a$b");
    assert_string_equal(c->clusters[0].endpoints[0], "http://h1:9091");
    assert_string_equal(c->clusters[0].params[0].value, "5$");
    assert_string_equal(c->clusters[0].params[1].value, "$1");
    assert_string_equal(c->clusters[0].params[2].name, "${HOST}"); /* keys are not values */
    assert_string_equal(c->clusters[0].params[3].value, "${1}:9091");
    assert_string_equal(c->clusters[0].params[4].value, "${x}");
    gv_config_free(c);
    check_refused("clusters:\n  - name: ${NOBODY}\n",
                  "g.yml:2:11: clusters[0].name: environment variable NOBODY is not set");
    check_refused("clusters:\n  - name: ${HOST\n",
                  "g.yml:2:11: clusters[0].name: ${ without } (write $$ for a dollar sign)");
    check_refused("global: {query_timeout: '${PORT}'}\n",
                  "g.yml:1:25: global.query_timeout: not a valid duration string: \"9091\"");
}

static void overrides_beat_the_file(void **state)
{
    (void)state;
    const struct gv_config_override override = {gv_options_find(&gv_config_global_table, GV_S("query_timeout")),
                                                GV_S("7s")};
    const struct gv_config_env with = {.overrides = &override, .n_overrides = 1};
    struct gv_err err = {0};
    struct gv_config *c =
        gv_config_parse("g", GV_S("global: {query_timeout: 1m, lookback_delta: 3m}\n" CLUSTER), &with, &err);
    assert_non_null(c);
    assert_int_equal(c->global->query_timeout, 7000);
    assert_int_equal(c->global->lookback, 180000);
    gv_config_free(c);
}

static void unknown_keys_are_refused_with_a_guess(void **state)
{
    (void)state;
    check_refused(CLUSTER "    timout: 3s\n", "g.yml:4:5: clusters[0].timout: unknown key (did you mean timeout?)");
    check_refused(CLUSTER "    tls_config: {cafile: x}\n",
                  "g.yml:4:18: clusters[0].tls_config.cafile: unknown key (did you mean ca_file?)");
    check_refused("globals: {}\n" CLUSTER, "g.yml:1:1: globals: unknown key (did you mean global?)");
    check_refused(CLUSTER "    colour: red\n", "g.yml:4:5: clusters[0].colour: unknown key");
    check_refused(CLUSTER "    oauth2: {}\n", "g.yml:4:5: clusters[0].oauth2: is not supported");
    check_refused(CLUSTER "    \"a\\nb\": 1\n", "g.yml:4:5: clusters[0].\"a\\nb\": unknown key");
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    check_refused("clusters: c1\n", "g.yml:1:11: clusters: must be a list, is a text");
    check_refused("clusters: [c1]\n", "g.yml:1:12: clusters[0]: must be a map, is a text");
    check_refused("[]\n", "g.yml:1:1: must be a map, is a list");
    check_refused(CLUSTER "    timeout:\n", "g.yml:4:13: clusters[0].timeout: must be a duration, is nothing");
    check_refused(CLUSTER "    timeout: [3s]\n", "g.yml:4:14: clusters[0].timeout: must be a duration, is a list");
    check_refused(CLUSTER "    required: maybe\n",
                  "g.yml:4:15: clusters[0].required: \"maybe\" is neither true nor false");
    check_refused(CLUSTER "    labels: [a]\n", "g.yml:4:13: clusters[0].labels: must be a map, is a list");
    check_refused(CLUSTER "    labels: {a: {}}\n", "g.yml:4:17: clusters[0].labels.a: must be a text, is a map");
    check_refused(CLUSTER "    params: {a: \"\\0\"}\n", "g.yml:4:17: clusters[0].params.a: must not hold a NUL byte");
}

static void bounds_and_words_hold(void **state)
{
    (void)state;
    check_refused("global: {max_samples: 0}\n", "g.yml:1:23: global.max_samples: 0 is below the least allowed, 1");
    check_refused(CLUSTER "    timeout: 25h\n", "g.yml:4:14: clusters[0].timeout: 1d1h is above the most allowed, 1d");
    check_refused(CLUSTER "    replicas: failver\n",
                  "g.yml:4:15: clusters[0].replicas: \"failver\" is none of failover, merge; did you mean "
                  "\"failover\"?");
    check_refused(CLUSTER "    tls_config: {min_version: TLS9}\n",
                  "g.yml:4:31: clusters[0].tls_config.min_version: \"TLS9\" is none of TLS10, TLS11, TLS12, TLS13");
}

static void endpoints_are_urls(void **state)
{
    (void)state;
#define WITH(url) "clusters:\n- name: c\n  endpoints: [\"" url "\"]\n"
#define AT        "g.yml:3:15: clusters[0].endpoints[0]: "
    check_refused(WITH("127.0.0.1:9091"), AT "\"127.0.0.1:9091\" has no scheme (did you mean http://127.0.0.1:9091?)");
    check_refused(WITH("ftp://h"), AT "\"ftp://h\" has a scheme other than http and https");
    check_refused(WITH("http://h?a=b"), AT "\"http://h?a=b\" is no URL to ask: parameters go into `params`");
    check_refused(WITH("http://h/#a"), AT "\"http://h/#a\" is no URL to ask: a fragment (#...) has no meaning here");
    check_refused(WITH("http://u:pw@h"), AT "\"http://u:<secret>@h\" holds a user name: use basic_auth instead");
    check_refused(WITH(""), AT "a URL is missing");
    check_refused("clusters:\n- name: c\n  endpoints: [http://h, http://h]\n",
                  "g.yml:3:14: clusters[0].endpoints: endpoints 0 and 1 are the same");
    check_refused(
        "clusters:\n- name: c\n",
        "g.yml:2:3: clusters[0]: cluster \"c\" has no endpoints: name its Prometheus in `endpoints` (a cluster "
        "without endpoints pushes its series, which needs `ingest`)");
#undef WITH
#undef AT
}

static void names_are_unique_and_there(void **state)
{
    (void)state;
    check_refused("clusters:\n- {name: a, endpoints: [http://h]}\n- {name: a, endpoints: [http://i]}\n",
                  "g.yml:3:10: clusters[1].name: cluster \"a\" is there twice (first at g.yml:2:10)");
    check_refused("clusters:\n- {endpoints: [http://h]}\n", "g.yml:2:3: clusters[0]: name is missing");
    check_refused("clusters:\n- {name: '', endpoints: [http://h]}\n",
                  "g.yml:2:10: clusters[0].name: a cluster needs a name");
    check_refused("global: {}\n",
                  "g.yml:1:1: no clusters: name at least one under `clusters` (or switch `storage` on)");
    check_refused("", "g.yml:1:1: no clusters: name at least one under `clusters` (or switch `storage` on)");
}

static void injected_labels_do_not_collide(void **state)
{
    (void)state;
#define AT "g.yml:4:13: clusters[0].labels: "
    check_refused(CLUSTER "    labels: {cluster: x}\n",
                  AT "label cluster is injected already: it is the cluster label");
    check_refused(CLUSTER "    labels: {exported_cluster: x}\n",
                  AT "labels cluster and exported_cluster collide: a backend's own cluster is renamed to "
                     "exported_cluster");
    check_refused(CLUSTER "    labels: {exported_exported_a: x, a: x}\n",
                  AT "labels a and exported_exported_a collide: a backend's own a is renamed to exported_exported_a");
    check_refused(CLUSTER "    labels: {a: ''}\n", AT "label a is empty: a label without a value does not exist");
    check_refused(CLUSTER "    labels: {a: x}\n    cluster_label_from: backend\n",
                  AT "nothing is injected with cluster_label_from: backend: remove one of the two");
#undef AT
    check_refused(CLUSTER "    labels: {1a: x}\n",
                  "g.yml:4:14: clusters[0].labels.1a: \"1a\" is no label name: letters, digits and _, no digit first");
    check_refused(CLUSTER "    labels: {__name__: x}\n",
                  "g.yml:4:14: clusters[0].labels.__name__: \"__name__\" is a reserved label");
    check_refused("global: {cluster_label: le}\n" CLUSTER,
                  "g.yml:1:25: global.cluster_label: \"le\" is a reserved label");
}

static void exclusive_keys_are_refused(void **state)
{
    (void)state;
#define C "g.yml:4:"
    check_refused(CLUSTER "    basic_auth: {username: u, password: p, password_file: f}\n",
                  C "17: clusters[0].basic_auth: at most one of password and password_file");
    check_refused(CLUSTER "    basic_auth: {password: p}\n", C "17: clusters[0].basic_auth: username is missing");
    check_refused(CLUSTER "    authorization: {credentials: p, credentials_file: f}\n",
                  C "20: clusters[0].authorization: at most one of credentials and credentials_file");
    check_refused(CLUSTER "    authorization: {type: basic, credentials: p}\n",
                  C "27: clusters[0].authorization.type: for basic authentication use basic_auth");
    check_refused(CLUSTER "    authorization: {credentials: p}\n    basic_auth: {username: u}\n",
                  C "20: clusters[0].authorization: at most one of basic_auth and authorization");
    check_refused(CLUSTER "    tls_config: {cert_file: c}\n",
                  C "17: clusters[0].tls_config: cert_file and key_file go together: key_file is missing");
    check_refused(CLUSTER "    tls_config: {min_version: TLS13, max_version: TLS12}\n",
                  C "31: clusters[0].tls_config.min_version: TLS13 is newer than max_version TLS12");
    check_refused(CLUSTER "    proxy_url: socks5://u:pw@h\n",
                  C "16: clusters[0].proxy_url: \"socks5://u:<secret>@h\" has a scheme other than http and https");
    check_refused(CLUSTER "    http_headers: {Host: {values: [a]}}\n",
                  C "20: clusters[0].http_headers.Host: \"Host\" is a header that may not be set here");
    check_refused(CLUSTER "    http_headers: {A: {values: [\"a\\r\\nb\"]}}\n",
                  C "33: clusters[0].http_headers.A.values[0]: a header's value holds a line break or another control "
                    "character");
    check_refused(CLUSTER "ingest: {}\n",
                  C "9: ingest: needs `storage` or `remote_write`: what comes in must go somewhere");
#undef C
}

static void what_is_ingested_is_configured(void **state)
{
    (void)state;
    struct gv_config *c = parse("storage:\ningest:\n  default_cluster: here\n  write_relabel_configs:\n"
                                "  - {source_labels: [__name__], regex: 'noise.*', action: drop}\n");
    assert_string_equal(c->ingest->default_cluster.p, "here");
    assert_int_equal(c->ingest->max_body_size, 32 << 20);
    assert_int_equal(c->ingest->max_labels, 256);
    assert_int_equal(c->ingest->relabel.n, 1);
    assert_int_equal(((struct gv_relabel_rule *)c->ingest->relabel.items)->action, GV_RELABEL_DROP);
    gv_config_free(c);
    check_refused("storage:\ningest:\n  write_relabel_configs:\n  - {action: hashmod, target_label: a}\n",
                  "g.yml:4:5: ingest.write_relabel_configs[0]: relabel configuration for hashmod requires non-zero "
                  "modulus");
    check_refused("storage:\ningest: {max_labels: 0}\n",
                  "g.yml:2:22: ingest.max_labels: 0 is below the least allowed, 1");
}

static void flags_of_the_store_beat_the_file(void **state)
{
    (void)state;
    const struct gv_option *path = gv_options_find(&gv_config_storage_table, GV_S("path"));
    struct gv_config_override given = {path, GV_S("/elsewhere")};
    struct gv_config_env with = {.overrides = &given, .n_overrides = 1};
    struct gv_err err = {0};
    struct gv_config *c = gv_config_parse("g.yml", GV_S("storage: {path: data}\n"), &with, &err);
    assert_non_null(c);
    assert_string_equal(c->storage->path.p, "/elsewhere");
    gv_config_free(c);
    assert_null(gv_config_parse("g.yml", gv_slice_of(CLUSTER), &with, &err));
    assert_string_equal(err.msg, "--storage.path: the store is off: switch it on by `storage:` in g.yml");
}

#define FORWARD CLUSTER "ingest:\nremote_write:\n"

static void forwarding_has_prometheus_defaults(void **state)
{
    (void)state;
    struct gv_config *c = parse(FORWARD "  - {url: http://h/w, queue_path: q, name: a, headers: {X-Scope: t}, "
                                        "http_headers: {X-Other: {values: [o]}}}\n"
                                        "  - url: http://h/w\n    queue_path: p\n    protobuf_message: "
                                        "io.prometheus.write.v2.Request\n    queue_config: {max_shards: 7}\n"
                                        "    write_relabel_configs: [{action: labeldrop, regex: x}]\n");
    const struct gv_forward_endpoint *e = c->forward;
    assert_string_equal(e->name, "a");
    assert_string_equal(e->url, "http://h/w");
    assert_string_equal(e->queue_path, "dir/q");
    assert_int_equal(e->timeout_ms, 30000);
    assert_int_equal(e->version, GV_WRITE_1);
    assert_int_equal(e->max_queue_bytes, INT64_C(2) << 30);
    assert_int_equal(e->min_shards, 1);
    assert_int_equal(e->max_shards, 50);
    assert_int_equal(e->max_samples_per_send, 2000);
    assert_int_equal(e->capacity, 10000);
    assert_int_equal(e->min_backoff_ms, 30);
    assert_int_equal(e->max_backoff_ms, 5000);
    assert_false(e->retry_on_429);
    assert_true(e->send_metadata);
    assert_int_equal(e->metadata_interval_ms, 60000);
    assert_int_equal(e->http.n_headers, 2);
    assert_string_equal(e->http.headers[0].name, "X-Other");
    assert_string_equal(e->http.headers[1].value, "t");
    e++;
    assert_int_equal(strlen(e->name), 6);
    assert_int_equal(e->version, GV_WRITE_2);
    assert_int_equal(e->max_shards, 7);
    assert_int_equal(e->capacity, 10000);
    assert_int_equal(e->n_rules, 1);
    gv_config_free(c);

    c = parse(FORWARD "  - {url: http://h, name: a}\nstorage: {path: /d}\n");
    assert_string_equal(c->forward->queue_path, "/d/forward/a");
    gv_config_free(c);
}

static void what_cannot_be_forwarded_is_refused(void **state)
{
    (void)state;
    check_refused(CLUSTER "remote_write: [{url: http://h, queue_config: {capcity: 5}}]\n",
                  "g.yml:4:47: remote_write[0].queue_config.capcity: unknown key (did you mean capacity?)");
    check_refused(CLUSTER "remote_write: [{url: http://h, queue_config: {capacity: 2000000000}}]\n",
                  "g.yml:4:57: remote_write[0].queue_config.capacity: 2000000000 is above the most allowed, "
                  "1000000000");
    check_refused(CLUSTER "remote_write: [{url: http://h, queue_path: q}]\n",
                  "g.yml:4:15: remote_write: needs `ingest`: what is pushed here is what is forwarded");
    check_refused(FORWARD "  - url: http://h\n", "g.yml:6:5: remote_write[0]: needs `queue_path`, a folder for its "
                                                 "queue (with `storage` it would be there)");
    check_refused(FORWARD "  - {url: http://h, name: a/b, queue_path: q}\n",
                  "g.yml:6:27: remote_write[0].name: \"a/b\" names a folder, too: letters, digits, `_`, `-` and `.` "
                  "only");
    check_refused(FORWARD "  - {url: http://h, name: a, queue_path: q}\n  - {url: http://i, name: a, queue_path: p}\n",
                  "g.yml:7:27: remote_write[1].name: remote_write[0] has the same name: give each a `name` of its own");
    check_refused(FORWARD "  - {url: http://h, queue_path: q}\n  - {url: http://h, queue_path: p}\n",
                  "g.yml:7:11: remote_write[1].url: remote_write[0] has the same URL: give each a `name` of its own");
    check_refused(FORWARD "  - {url: http://h, queue_path: q}\n  - {url: http://i, queue_path: q}\n",
                  "g.yml:7:33: remote_write[1].queue_path: is that of remote_write[0], too: each needs its own");
    check_refused(FORWARD "  - {url: http://h, queue_path: q, queue_config: {min_shards: 9, max_shards: 3}}\n",
                  "g.yml:6:63: remote_write[0].queue_config.min_shards: 9 is more than max_shards, which is 3");
    check_refused(
        FORWARD "  - {url: http://h, queue_path: q, headers: {content-type: x}}\n",
        "g.yml:6:46: remote_write[0].headers.content-type: Content-Type is set by remote write itself, or has "
        "a key of its own");
    check_refused(FORWARD "  - {url: http://h, queue_path: q, basic_auth: {password: x}}\n",
                  "g.yml:6:48: remote_write[0].basic_auth: username is missing");
    check_refused(FORWARD "  - {url: http://h, queue_path: q, write_relabel_configs: [{action: keep, regex: '('}]}\n",
                  "g.yml:6:60: remote_write[0].write_relabel_configs[0]: error parsing regexp: missing ): (");
}

static void printing_hides_secrets_and_reads_back(void **state)
{
    (void)state;
    struct gv_config *c = parse(CLUSTER "    labels: {region: 'yes'}\n"
                                        "    basic_auth: {username: u, password: sEcReT}\n"
                                        "    proxy_url: http://u:sEcReT@proxy\n"
                                        "    http_headers: {X-A: {secrets: [sEcReT], values: [v]}}\n");
    struct gv_buf once = GV_BUF_INIT, twice = GV_BUF_INIT;
    gv_config_print(c, &once);
    gv_config_free(c);
    const char *text = gv_buf_cstr(&once);
    assert_null(strstr(text, "sEcReT"));
    assert_non_null(strstr(text, "  query_timeout: 2m\n"));
    assert_non_null(strstr(text, "password: <secret>"));
    assert_non_null(strstr(text, "http://u:<secret>@proxy"));
    assert_non_null(strstr(text, "region: \"yes\""));
    assert_non_null(strstr(text, "      X-A:\n        values: [v]\n        secrets: [\"<secret>\"]\n"));
    c = parse(text);
    gv_config_print(c, &twice);
    assert_string_equal(gv_buf_cstr(&twice), text);
    gv_config_free(c);
    gv_buf_fini(&once);
    gv_buf_fini(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(every_key_of_a_cluster_arrives),
        cmocka_unit_test(environment_is_expanded_in_values),
        cmocka_unit_test(overrides_beat_the_file),
        cmocka_unit_test(unknown_keys_are_refused_with_a_guess),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(bounds_and_words_hold),
        cmocka_unit_test(endpoints_are_urls),
        cmocka_unit_test(names_are_unique_and_there),
        cmocka_unit_test(injected_labels_do_not_collide),
        cmocka_unit_test(exclusive_keys_are_refused),
        cmocka_unit_test(what_is_ingested_is_configured),
        cmocka_unit_test(flags_of_the_store_beat_the_file),
        cmocka_unit_test(forwarding_has_prometheus_defaults),
        cmocka_unit_test(what_cannot_be_forwarded_is_refused),
        cmocka_unit_test(printing_hides_secrets_and_reads_back),
    };
    return cmocka_run_group_tests_name("app.config", tests, NULL, NULL);
}
