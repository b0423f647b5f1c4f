/* A profile: settings, checked and copied, and the credentials read from their files. Whoever refreshes it swaps the
 * credentials; calls under way go on with those that they began with.
 *
 *   settings -> check -> profile -> read files -> credentials 1
 *   refresh: a file's stamp differs ------------> credentials 2 (1 goes when its last call ends) */
#include "net/http_profile.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_FILE = 16 << 20 };

/* --- files --- */

struct gv_http_stamp gv_http_stamp(const char *path)
{
    struct stat s;
    if (!path || stat(path, &s) != 0)
        return (struct gv_http_stamp){0};
    return (struct gv_http_stamp){s.st_size, (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec, s.st_ino};
}

static bool read_all(int fd, struct gv_buf *out)
{
    ssize_t n;
    do {
        n = read(fd, gv_buf_reserve(out, 16384), 16384);
        if (n > 0)
            out->n += (size_t)n;
    } while ((n > 0 && out->n <= LARGEST_FILE) || (n < 0 && errno == EINTR));
    if (n > 0)
        errno = EFBIG;
    return n == 0;
}

bool gv_http_read_file(const char *key, const char *path, struct gv_buf *out, struct gv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, out);
    int cause = errno;
    if (fd >= 0)
        close(fd);
    return ok || gv_fail(err, GV_BAD_DATA, "%s: cannot read %s: %s", key, path, strerror(cause));
}

/* A secret of a file, without the white space around it, as Prometheus takes it. */
static bool read_secret(const char *key, const char *path, struct gv_buf *out, struct gv_err *err)
{
    struct gv_buf text = GV_BUF_INIT;
    bool ok = gv_http_read_file(key, path, &text, err);
    const char *space = " \t\r\n\v\f";
    size_t from = 0, to = text.n;
    while (from < to && memchr(space, text.p[from], 6))
        from++;
    while (to > from && memchr(space, text.p[to - 1], 6))
        to--;
    if (ok && to > from)
        gv_buf_add(out, text.p + from, to - from);
    gv_buf_fini(&text);
    return ok;
}

/* --- credentials --- */

struct gv_http_credentials *gv_http_profile_credentials(struct gv_http_profile *p)
{
    pthread_mutex_lock(&p->lock);
    struct gv_http_credentials *c = p->credentials;
    atomic_fetch_add(&c->refs, 1);
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void wipe(struct gv_buf *b)
{
    if (b->n)
        explicit_bzero(b->p, b->n);
    gv_buf_fini(b);
}

void gv_http_credentials_put(struct gv_http_credentials *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    curl_slist_free_all(c->headers);
    X509_STORE_free(c->roots);
    gv_buf_fini(&c->roots_mark);
    wipe(&c->certificate);
    wipe(&c->key);
    free(c);
}

static bool add_header(struct gv_http_credentials *c, struct gv_buf *line, const char *key, struct gv_err *err)
{
    if (memchr(line->p, '\r', line->n) || memchr(line->p, '\n', line->n) || memchr(line->p, '\0', line->n))
        return gv_fail(err, GV_BAD_DATA, "%s: a header value may not hold line breaks or NUL", key);
    struct curl_slist *list = curl_slist_append(c->headers, gv_buf_cstr(line));
    if (!list)
        gv_die("out of memory");
    c->headers = list;
    return true;
}

static void add_base64(struct gv_buf *out, struct gv_slice s)
{
    size_t room = (s.n + 2) / 3 * 4 + 1;
    char *at = gv_buf_reserve(out, room);
    out->n += (size_t)EVP_EncodeBlock((unsigned char *)at, (const unsigned char *)s.p, (int)s.n);
}

static bool add_basic(struct gv_http_credentials *c, const struct gv_http_settings *s, struct gv_err *err)
{
    struct gv_buf pair = GV_BUF_INIT, line = GV_BUF_INIT;
    gv_buf_printf(&pair, "%s:%s", s->basic_username ? s->basic_username : "",
                  s->basic_password ? s->basic_password : "");
    bool ok = !s->basic_password_file || read_secret("basic_auth.password_file", s->basic_password_file, &pair, err);
    gv_buf_adds(&line, "Authorization: Basic ");
    add_base64(&line, gv_buf_slice(&pair));
    ok = ok && add_header(c, &line, "basic_auth", err);
    wipe(&pair);
    wipe(&line);
    return ok;
}

static bool add_authorization(struct gv_http_credentials *c, const struct gv_http_settings *s, struct gv_err *err)
{
    struct gv_buf line = GV_BUF_INIT;
    gv_buf_printf(&line, "Authorization: %s ", s->authorization_type ? s->authorization_type : "Bearer");
    bool ok = true;
    if (s->authorization_credentials_file)
        ok = read_secret("authorization.credentials_file", s->authorization_credentials_file, &line, err);
    else
        gv_buf_adds(&line, s->authorization_credentials);
    ok = ok && add_header(c, &line, "authorization", err);
    wipe(&line);
    return ok;
}

static bool add_headers(struct gv_http_credentials *c, const struct gv_http_settings *s, struct gv_err *err)
{
    bool ok = true;
    if (s->basic_username || s->basic_password || s->basic_password_file)
        ok = add_basic(c, s, err);
    else if (s->authorization_credentials || s->authorization_credentials_file)
        ok = add_authorization(c, s, err);
    for (size_t i = 0; ok && i < s->n_headers; i++) {
        struct gv_buf line = GV_BUF_INIT;
        gv_buf_printf(&line, "%s: %s", s->headers[i].name, s->headers[i].value);
        ok = add_header(c, &line, "http_headers", err);
        wipe(&line);
    }
    return ok;
}

static bool read_tls(struct gv_http_credentials *c, const struct gv_http_settings *s, struct gv_err *err)
{
    if (!s->tls.insecure_skip_verify && !(c->roots = gv_http_roots(s->tls.ca_file, &c->roots_mark, err)))
        return false;
    return (!s->tls.cert_file || gv_http_read_file("tls_config.cert_file", s->tls.cert_file, &c->certificate, err)) &&
           (!s->tls.key_file || gv_http_read_file("tls_config.key_file", s->tls.key_file, &c->key, err));
}

static struct gv_http_credentials *read_credentials(const struct gv_http_settings *s, struct gv_err *err)
{
    struct gv_http_credentials *c = calloc(1, sizeof *c);
    if (!c)
        gv_die("out of memory");
    c->refs = 1;
    if (add_headers(c, s, err) && read_tls(c, s, err))
        return c;
    gv_http_credentials_put(c);
    return NULL;
}

/* --- settings --- */

static const struct {
    const char *name;
    long min, max;
} tls_versions[] = {
    {"TLS10", CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0},
    {"TLS11", CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1},
    {"TLS12", CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2},
    {"TLS13", CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3},
};

static bool find_version(const char *key, const char *name, bool max, long *bits, struct gv_err *err)
{
    if (!name || !*name)
        return true;
    for (size_t i = 0; i < GV_COUNT(tls_versions); i++) {
        if (strcmp(tls_versions[i].name, name) == 0) {
            *bits |= max ? tls_versions[i].max : tls_versions[i].min;
            return true;
        }
    }
    return gv_fail(err, GV_BAD_DATA, "tls_config.%s: unknown version \"%s\", use TLS10, TLS11, TLS12 or TLS13", key,
                   name);
}

static const char *const own_headers[] = {
    "Host",       "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Accept-Encoding",
    "Connection", "Expect",         "Authorization"};

static bool check_header(const char *name, struct gv_err *err)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!*name || name[strspn(name, token)])
        return gv_fail(err, GV_BAD_DATA, "http_headers: this is no header name: \"%s\"", name);
    for (size_t i = 0; i < GV_COUNT(own_headers); i++) {
        if (strcasecmp(name, own_headers[i]) == 0)
            return gv_fail(err, GV_BAD_DATA, "http_headers: setting header \"%s\" is not allowed", name);
    }
    return true;
}

static bool check(const struct gv_http_settings *s, struct gv_err *err)
{
    bool basic = s->basic_username || s->basic_password || s->basic_password_file;
    bool other = s->authorization_type || s->authorization_credentials || s->authorization_credentials_file;
    if (basic && other)
        return gv_fail(err, GV_BAD_DATA, "at most one of basic_auth and authorization may be configured");
    if (s->basic_password && s->basic_password_file)
        return gv_fail(err, GV_BAD_DATA, "at most one of basic_auth.password and password_file may be configured");
    if (s->authorization_credentials && s->authorization_credentials_file)
        return gv_fail(err, GV_BAD_DATA,
                       "at most one of authorization.credentials and credentials_file may be configured");
    if (s->authorization_type && strcasecmp(s->authorization_type, "basic") == 0)
        return gv_fail(err, GV_BAD_DATA, "authorization.type may not be \"basic\", use basic_auth instead");
    if (!s->tls.cert_file != !s->tls.key_file)
        return gv_fail(err, GV_BAD_DATA, "tls_config.cert_file and tls_config.key_file must be configured together");
    for (size_t i = 0; i < s->n_headers; i++) {
        if (!check_header(s->headers[i].name, err))
            return false;
    }
    return true;
}

static const char *copy(struct gv_arena *a, const char *s)
{
    return s && *s ? gv_arena_dup(a, gv_slice_of(s)).p : NULL;
}

static struct gv_http_settings copy_settings(struct gv_arena *a, const struct gv_http_settings *from)
{
    struct gv_http_settings s = *from;
    const char **const texts[] = {
        &s.basic_username,
        &s.basic_password,
        &s.basic_password_file,
        &s.authorization_type,
        &s.authorization_credentials,
        &s.authorization_credentials_file,
        &s.proxy_url,
        &s.tls.ca_file,
        &s.tls.cert_file,
        &s.tls.key_file,
        &s.tls.server_name,
        &s.tls.min_version,
        &s.tls.max_version,
    };
    for (size_t i = 0; i < GV_COUNT(texts); i++)
        *texts[i] = copy(a, *texts[i]);
    struct gv_http_header *headers = gv_arena_array(a, struct gv_http_header, s.n_headers);
    for (size_t i = 0; i < s.n_headers; i++) {
        headers[i].name = gv_arena_dup(a, gv_slice_of(from->headers[i].name)).p;
        headers[i].value = gv_arena_dup(a, gv_slice_of(from->headers[i].value)).p;
    }
    s.headers = headers;
    return s;
}

/* --- the profile --- */

static void stamp_files(const struct gv_http_settings *s, struct gv_http_stamp stamps[5])
{
    const char *const files[5] = {s->basic_password_file, s->authorization_credentials_file, s->tls.ca_file,
                                  s->tls.cert_file, s->tls.key_file};
    for (size_t i = 0; i < 5; i++)
        stamps[i] = gv_http_stamp(files[i]);
}

struct gv_http_profile *gv_http_profile_new(const struct gv_http_settings *s, struct gv_err *err)
{
    struct gv_http_profile *p = calloc(1, sizeof *p);
    if (!p)
        gv_die("out of memory");
    p->refs = 1;
    gv_arena_init(&p->arena, NULL);
    pthread_mutex_init(&p->lock, NULL);
    p->settings = copy_settings(&p->arena, s);
    stamp_files(&p->settings, p->stamps);
    if (check(&p->settings, err) &&
        find_version("min_version", p->settings.tls.min_version, false, &p->tls_versions, err) &&
        find_version("max_version", p->settings.tls.max_version, true, &p->tls_versions, err) &&
        (p->credentials = read_credentials(&p->settings, err)))
        return p;
    gv_http_profile_put(p);
    return NULL;
}

struct gv_http_profile *gv_http_profile_get(struct gv_http_profile *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void gv_http_profile_put(struct gv_http_profile *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    gv_http_credentials_put(p->credentials);
    pthread_mutex_destroy(&p->lock);
    gv_arena_fini(&p->arena);
    free(p);
}

bool gv_http_profile_reads_files(const struct gv_http_profile *p)
{
    const struct gv_http_settings *s = &p->settings;
    return s->basic_password_file || s->authorization_credentials_file || s->tls.ca_file || s->tls.cert_file;
}

bool gv_http_profile_refresh(struct gv_http_profile *p, struct gv_err *err)
{
    struct gv_http_stamp now[5];
    stamp_files(&p->settings, now);
    pthread_mutex_lock(&p->lock);
    bool changed = memcmp(now, p->stamps, sizeof now) != 0;
    pthread_mutex_unlock(&p->lock);
    if (!changed)
        return true;
    struct gv_http_credentials *fresh = read_credentials(&p->settings, err);
    if (!fresh)
        return false;
    pthread_mutex_lock(&p->lock);
    struct gv_http_credentials *old = p->credentials;
    p->credentials = fresh;
    memcpy(p->stamps, now, sizeof now);
    pthread_mutex_unlock(&p->lock);
    gv_http_credentials_put(old);
    return true;
}
