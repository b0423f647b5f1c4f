/* Trust anchors: a PEM bundle becomes one X509_STORE that all loops share (loading the system's takes 17 ms; a
 * handshake then costs nothing for it).
 *
 *   path -> found in the cache with the same file version? -> reference
 *        -> read, parse                                    -> cache, reference
 *
 * curl does not see the store when it looks for a connection to reuse, so each store has a mark: a PEM text that
 * differs wherever the anchors differ, handed to curl as its own CA bundle, which it does compare. */
#include "net/http_profile.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct bundle {
    struct bundle *next;
    char *path;
    struct gv_http_stamp stamp;
    X509_STORE *store;
    struct gv_buf mark;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bundle *bundles; /* one per path, replaced when the file changes; few, and never dropped */

static const char *const system_bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                             "/etc/ssl/cert.pem"};

static const char *system_bundle(void)
{
    const char *named = getenv("SSL_CERT_FILE");
    if (named && gv_http_stamp(named).inode)
        return named;
    for (size_t i = 0; i < GV_COUNT(system_bundles); i++) {
        struct gv_http_stamp s = gv_http_stamp(system_bundles[i]);
        if (s.inode)
            return system_bundles[i];
    }
    return NULL;
}

/* The first certificate again, behind a line that PEM readers skip. */
static bool write_mark(struct gv_buf *mark, const char *path, uint64_t hash, X509 *first)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    bool ok = bio && PEM_write_bio_X509(bio, first) == 1;
    if (ok) {
        long n = BIO_get_mem_data(bio, &text);
        gv_buf_printf(mark, "anchors %016llx of %s\n", (unsigned long long)hash, path);
        gv_buf_add(mark, text, (size_t)n);
    }
    BIO_free(bio);
    return ok;
}

static bool parse(struct bundle *b, struct gv_slice pem, struct gv_err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *certificate;
    size_t n = 0;
    while (bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (n++ == 0)
            write_mark(&b->mark, b->path, gv_hash(pem.p, pem.n), certificate);
        X509_STORE_add_cert(b->store, certificate); /* one that is there twice is no harm */
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
    return n || gv_fail(err, GV_BAD_DATA, "tls_config.ca_file: %s holds no certificate in PEM form", b->path);
}

static void free_bundle(struct bundle *b)
{
    X509_STORE_free(b->store);
    gv_buf_fini(&b->mark);
    free(b->path);
    free(b);
}

static struct bundle *load(const char *path, struct gv_err *err)
{
    struct bundle *b = calloc(1, sizeof *b);
    if (!b || !(b->path = strdup(path)) || !(b->store = X509_STORE_new()))
        gv_die("out of memory");
    struct gv_buf pem = GV_BUF_INIT;
    b->stamp = gv_http_stamp(path);
    bool ok = gv_http_read_file("tls_config.ca_file", path, &pem, err) && parse(b, gv_buf_slice(&pem), err);
    gv_buf_fini(&pem);
    if (ok)
        return b;
    free_bundle(b);
    return NULL;
}

static bool same_version(struct gv_http_stamp a, struct gv_http_stamp b)
{
    return a.size == b.size && a.mtime_ns == b.mtime_ns && a.inode == b.inode;
}

/* The cached bundle, loaded where it is missing or old. */
static struct bundle *find(const char *path, struct gv_err *err)
{
    struct bundle **at = &bundles;
    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    if (*at && same_version((*at)->stamp, gv_http_stamp(path)))
        return *at;
    struct bundle *fresh = load(path, err);
    if (!fresh)
        return NULL;
    if (*at) {
        struct bundle *old = *at;
        fresh->next = old->next;
        free_bundle(old);
    }
    return *at = fresh;
}

struct x509_store_st *gv_http_roots(const char *path, struct gv_buf *mark, struct gv_err *err)
{
    if (!path && !(path = system_bundle()))
        return X509_STORE_new(); /* trusts nobody: a handshake then says so */
    pthread_mutex_lock(&lock);
    struct bundle *b = find(path, err);
    X509_STORE *store = NULL;
    if (b) {
        store = b->store;
        X509_STORE_up_ref(store);
        gv_buf_add_slice(mark, gv_buf_slice(&b->mark));
    }
    pthread_mutex_unlock(&lock);
    return store;
}
