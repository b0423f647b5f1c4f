/* Profiles: what settings are refused, what is sent of them, and TLS against a real server: whom a call trusts, what it
 * shows of itself, and that the pool never lends a connection made with other trust. */
#include "net/http_page.h"
#include "base/buf.h"
#include "../fake_backend.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

/* --- certificates --- */

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static char folder[] = "/tmp/gv_profile_XXXXXX";
static struct identity ca, other_ca, named, numbered, person;

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static struct identity make(const char *name, const struct identity *issuer, const char *alternative)
{
    static long serial = 1;
    struct identity i = {X509_new(), EVP_EC_gen("P-256")};
    X509_set_version(i.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(i.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(i.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(i.certificate), 86400);
    X509_set_pubkey(i.certificate, i.key);
    X509_NAME *subject = X509_get_subject_name(i.certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    if (!issuer)
        issuer = &i;
    X509_set_issuer_name(i.certificate, X509_get_subject_name(issuer->certificate));
    add_extension(i.certificate, issuer->certificate, NID_basic_constraints,
                  issuer == &i ? "critical,CA:TRUE" : "CA:FALSE");
    if (alternative)
        add_extension(i.certificate, issuer->certificate, NID_subject_alt_name, alternative);
    assert_true(X509_sign(i.certificate, issuer->key, EVP_sha256()) > 0);
    return i;
}

static const char *path_of(const char *name)
{
    static char paths[16][128];
    static unsigned at;
    char *path = paths[at++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static const char *write_certificate(const char *name, const struct identity *i)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    PEM_write_X509(f, i->certificate);
    fclose(f);
    return path;
}

static const char *write_key(const char *name, const struct identity *i)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, i->key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    return path;
}

static int make_identities(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    ca = make("test authority", NULL, NULL);
    other_ca = make("another authority", NULL, NULL);
    named = make("backend", &ca, "DNS:backend.test");
    numbered = make("backend", &ca, "IP:127.0.0.1");
    person = make("globalview", &ca, NULL);
    write_certificate("ca.pem", &ca);
    write_certificate("other.pem", &other_ca);
    write_certificate("person.pem", &person);
    write_key("person.key", &person);
    return 0;
}

static int drop_identities(void **state)
{
    (void)state;
    struct identity *all[] = {&ca, &other_ca, &named, &numbered, &person};
    for (size_t i = 0; i < GV_COUNT(all); i++) {
        X509_free(all[i]->certificate);
        EVP_PKEY_free(all[i]->key);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static SSL_CTX *server_context(const struct identity *i, bool wants_a_certificate)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(ctx, i->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, i->key), 1);
    if (wants_a_certificate) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca.certificate);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
    }
    return ctx;
}

/* --- calls --- */

static struct gv_loop *loop;
static struct gv_http_client *client;

static void on_page(struct gv_http_page *p)
{
    (void)p;
    gv_loop_stop(loop);
}

static int setup(void **state)
{
    (void)state;
    struct gv_err err = {0};
    assert_non_null(loop = gv_loop_new(0, &err));
    assert_non_null(client = gv_http_client_new(loop, 100, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gv_http_client_free(client);
    gv_loop_free(loop);
    return 0;
}

static struct gv_http_page fetch_with(struct gv_http_profile *p, const struct fake *f)
{
    char url[64];
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", f->tls ? "https" : "http", f->port);
    const struct gv_http_call_spec spec = {.url = url, .method = "GET", .timeout_ms = 20000, .profile = p};
    struct gv_http_page c = {.done = on_page};
    gv_http_page_start(&c, client, &spec);
    gv_loop_run(loop);
    return c;
}

static struct gv_http_page fetch(const struct gv_http_settings *s, const struct fake *f)
{
    struct gv_err err = {0};
    struct gv_http_profile *p = gv_http_profile_new(s, &err);
    if (!p)
        fail_msg("%s", err.msg);
    struct gv_http_page c = fetch_with(p, f);
    gv_http_profile_put(p);
    return c;
}

static void expect_success(const struct gv_http_settings *s, const struct fake *f, const char *text)
{
    struct gv_http_page c = fetch(s, f);
    if (c.outcome.failure)
        fail_msg("%s", c.outcome.err.msg);
    if (!strstr(gv_buf_cstr(&c.body), text))
        fail_msg("no \"%s\" in %s", text, gv_buf_cstr(&c.body));
    gv_buf_fini(&c.body);
}

static void expect_tls_failure(const struct gv_http_settings *s, const struct fake *f)
{
    struct gv_http_page c = fetch(s, f);
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%d: ", f->port);
    if (c.outcome.failure != GV_HTTP_TLS && c.outcome.failure != GV_HTTP_BROKEN)
        fail_msg("%s: %s", gv_http_failure_text(c.outcome.failure), c.outcome.err.msg);
    assert_non_null(strstr(c.outcome.err.msg, expected));
    gv_buf_fini(&c.body);
}

static bool reply_echo(struct fake_connection *c, const char *request)
{
    return fake_body(c, 200, "", request);
}

/* --- whom a call trusts --- */

static void only_the_configured_authority_is_trusted(void **state)
{
    (void)state;
    struct fake f;
    SSL_CTX *ctx = server_context(&numbered, false);
    fake_start_tls(&f, reply_echo, NULL, ctx);
    const struct gv_http_settings nothing = {0}, right = {.tls.ca_file = path_of("ca.pem")},
                                  wrong = {.tls.ca_file = path_of("other.pem")},
                                  blind = {.tls.insecure_skip_verify = true};
    expect_tls_failure(&nothing, &f);
    expect_tls_failure(&wrong, &f);
    expect_success(&right, &f, "GET / HTTP/1.1");
    int accepted = f.accepted;
    expect_success(&right, &f, "GET / HTTP/1.1"); /* the same file, read once: the same trust */
    assert_int_equal(f.accepted, accepted);
    expect_tls_failure(&wrong, &f); /* a pooled connection of the one before is none for this */
    expect_success(&blind, &f, "GET / HTTP/1.1");
    expect_tls_failure(&wrong, &f);
    expect_tls_failure(&nothing, &f);
    fake_stop(&f);
    SSL_CTX_free(ctx);
}

static void the_name_of_the_server_is_verified(void **state)
{
    (void)state;
    struct fake f;
    SSL_CTX *ctx = server_context(&named, false);
    fake_start_tls(&f, reply_echo, NULL, ctx);
    const struct gv_http_settings by_address = {.tls.ca_file = path_of("ca.pem")},
                                  by_name = {.tls.ca_file = path_of("ca.pem"), .tls.server_name = "backend.test"},
                                  wrong = {.tls.ca_file = path_of("ca.pem"), .tls.server_name = "other.test"};
    char host[64];
    snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%d\r\n", f.port);
    expect_tls_failure(&by_address, &f);
    expect_success(&by_name, &f, host);
    expect_tls_failure(&wrong, &f);
    fake_stop(&f);
    SSL_CTX_free(ctx);
}

static void versions_are_bounded(void **state)
{
    (void)state;
    struct fake f;
    SSL_CTX *ctx = server_context(&numbered, false);
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    fake_start_tls(&f, reply_echo, NULL, ctx);
    const struct gv_http_settings new = {.tls.ca_file = path_of("ca.pem"), .tls.min_version = "TLS13"},
                                  old = {.tls.ca_file = path_of("ca.pem"),
                                         .tls.min_version = "TLS12",
                                         .tls.max_version = "TLS12"};
    expect_tls_failure(&new, &f);
    expect_success(&old, &f, "GET / ");
    fake_stop(&f);
    SSL_CTX_free(ctx);
}

/* --- what a call shows of itself --- */

static void a_client_certificate_is_shown_by_its_profile_only(void **state)
{
    (void)state;
    struct fake f;
    SSL_CTX *ctx = server_context(&numbered, true);
    fake_start_tls(&f, reply_echo, NULL, ctx);
    const struct gv_http_settings without = {.tls.ca_file = path_of("ca.pem")},
                                  with = {.tls.ca_file = path_of("ca.pem"),
                                          .tls.cert_file = path_of("person.pem"),
                                          .tls.key_file = path_of("person.key")};
    expect_tls_failure(&without, &f);
    expect_success(&with, &f, "GET / ");
    expect_tls_failure(&without, &f); /* though a connection that was let in is idle in the pool */
    fake_stop(&f);
    SSL_CTX_free(ctx);
}

static void credentials_are_sent(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    const struct gv_http_header headers[] = {{"X-Scope-OrgID", "tenant"}, {"X-Empty-Not", "v"}};
    const struct gv_http_settings basic = {.basic_username = "user", .basic_password = "pass"},
                                  bearer = {.authorization_credentials = "token"},
                                  typed = {.authorization_type = "Custom", .authorization_credentials = "x"},
                                  lines = {.headers = headers, .n_headers = 2};
    expect_success(&basic, &f, "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n");
    expect_success(&bearer, &f, "\r\nAuthorization: Bearer token\r\n");
    expect_success(&typed, &f, "\r\nAuthorization: Custom x\r\n");
    expect_success(&lines, &f, "\r\nX-Scope-OrgID: tenant\r\n");
    struct gv_http_page c = fetch(&lines, &f);
    assert_null(strstr(gv_buf_cstr(&c.body), "Authorization")); /* nothing of the profile before */
    gv_buf_fini(&c.body);
    fake_stop(&f);
}

static void token_files_are_read_again(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    struct gv_err err = {0};
    const struct gv_http_settings s = {.authorization_credentials_file = write_text("token", "  one\n")};
    struct gv_http_profile *p = gv_http_profile_new(&s, &err);
    assert_non_null(p);
    assert_true(gv_http_profile_reads_files(p));
    struct gv_http_page c = fetch_with(p, &f);
    assert_non_null(strstr(gv_buf_cstr(&c.body), "Authorization: Bearer one\r\n"));
    gv_buf_fini(&c.body);
    write_text("token", "another\n");
    assert_true(gv_http_profile_refresh(p, &err));
    c = fetch_with(p, &f);
    assert_non_null(strstr(gv_buf_cstr(&c.body), "Authorization: Bearer another\r\n"));
    gv_buf_fini(&c.body);
    assert_int_equal(remove(path_of("token")), 0); /* gone for a moment: the old one stays */
    assert_false(gv_http_profile_refresh(p, &err));
    assert_non_null(strstr(err.msg, "authorization.credentials_file: cannot read "));
    c = fetch_with(p, &f);
    assert_non_null(strstr(gv_buf_cstr(&c.body), "Authorization: Bearer another\r\n"));
    gv_buf_fini(&c.body);
    gv_http_profile_put(p);
    fake_stop(&f);
}

static void configured_headers_win_over_forwarded_ones(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    struct gv_err err = {0};
    const struct gv_http_settings s = {.authorization_credentials = "ours"};
    const struct gv_slice forwarded[] = {GV_S("authorization: theirs"), GV_S("X-Other: theirs")};
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", f.port);
    const struct gv_http_call_spec spec = {.url = url,
                                           .method = "GET",
                                           .timeout_ms = 20000,
                                           .profile = gv_http_profile_new(&s, &err),
                                           .headers = forwarded,
                                           .n_headers = 2};
    struct gv_http_page c = {.done = on_page};
    gv_http_page_start(&c, client, &spec);
    gv_loop_run(loop);
    assert_non_null(strstr(gv_buf_cstr(&c.body), "\r\nAuthorization: Bearer ours\r\n"));
    assert_non_null(strstr(gv_buf_cstr(&c.body), "\r\nX-Other: theirs\r\n"));
    assert_null(strstr(gv_buf_cstr(&c.body), "authorization: theirs"));
    gv_buf_fini(&c.body);
    gv_http_profile_put(spec.profile);
    fake_stop(&f);
}

static void a_proxy_is_used_and_named(void **state)
{
    (void)state;
    struct fake f;
    char proxy[64], expected[128];
    fake_start(&f, reply_echo, NULL);
    snprintf(proxy, sizeof proxy, "http://u:secret@127.0.0.1:%d", f.port);
    const struct gv_http_settings s = {.proxy_url = proxy};
    expect_success(&s, &(struct fake){.port = 1}, "GET http://127.0.0.1:1/ HTTP/1.1\r\n");
    fake_stop(&f);
    struct gv_http_page c = fetch(&s, &(struct fake){.port = 1});
    snprintf(expected, sizeof expected, "connect to 127.0.0.1:1 by proxy 127.0.0.1:%d: connection refused", f.port);
    assert_string_equal(c.outcome.err.msg, expected);
}

/* --- what is refused --- */

static void bad_settings_are_refused_with_a_reason(void **state)
{
    (void)state;
    const struct gv_http_header host = {"Host", "x"}, odd = {"a b", "x"}, split = {"X-A", "x\r\nX-B: y"};
    const struct {
        struct gv_http_settings s;
        const char *text;
    } cases[] = {
        {{.basic_username = "u", .authorization_credentials = "t"}, "at most one of basic_auth and authorization"},
        {{.basic_password = "p", .basic_password_file = "f"}, "at most one of basic_auth.password"},
        {{.authorization_type = "Basic", .authorization_credentials = "t"}, "use basic_auth instead"},
        {{.basic_username = "u", .basic_password_file = "/nonexistent"}, "basic_auth.password_file: cannot read"},
        {{.tls.ca_file = "/nonexistent"}, "tls_config.ca_file: cannot read /nonexistent: No such file"},
        {{.tls.ca_file = "/dev/null"}, "holds no certificate"},
        {{.tls.cert_file = "x"}, "must be configured together"},
        {{.tls.min_version = "SSL3"}, "unknown version \"SSL3\""},
        {{.headers = &host, .n_headers = 1}, "setting header \"Host\" is not allowed"},
        {{.headers = &odd, .n_headers = 1}, "no header name"},
        {{.headers = &split, .n_headers = 1}, "line breaks"},
        {{.authorization_credentials = "a\nb"}, "line breaks"},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct gv_err err = {0};
        struct gv_http_profile *p = gv_http_profile_new(&cases[i].s, &err);
        if (p || !strstr(err.msg, cases[i].text))
            fail_msg("case %zu: \"%s\", expected \"%s\"", i, p ? "no error" : err.msg, cases[i].text);
        assert_int_equal(err.code, GV_BAD_DATA);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_the_configured_authority_is_trusted),
        TEST(the_name_of_the_server_is_verified),
        TEST(versions_are_bounded),
        TEST(a_client_certificate_is_shown_by_its_profile_only),
        TEST(credentials_are_sent),
        TEST(token_files_are_read_again),
        TEST(configured_headers_win_over_forwarded_ones),
        TEST(a_proxy_is_used_and_named),
        TEST(bad_settings_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("net.http_profile", tests, make_identities, drop_identities);
}
