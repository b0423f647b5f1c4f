/* One call: what curl is told, what it tells back.
 *
 *   spec, profile -> options of the easy handle      (once: what never changes; per profile; per call)
 *   body bytes    -> status known? on_header -> counted -> on_data
 *   done          -> outcome, or another round for a redirect to the same host */
#include "net/http_call.h"
#include <openssl/ssl.h>
#include <stdlib.h>
#include <strings.h>

enum { MOST_REDIRECTS = 5, BUFFER_BYTES = 128 << 10 };

/* --- curl's callbacks --- */

static bool refuse(struct gv_http_call *call)
{
    gv_fail(&call->outcome.err, GV_INTERNAL, "the response was refused");
    call->outcome.failure = GV_HTTP_REFUSED;
    return false;
}

static bool is_redirect(const struct gv_http_call *call, long status)
{
    return call->profile && call->profile->settings.follow_redirects &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

/* Tells status and content type before the first byte goes on. */
static bool announce(struct gv_http_call *call)
{
    long status = 0;
    const char *content_type = NULL;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
    call->outcome.status = (int)status;
    if (is_redirect(call, status)) {
        call->redirecting = true;
        return true;
    }
    call->header_seen = true;
    return call->ops->on_header(call->arg, (int)status, gv_slice_of(content_type), &call->outcome.err) || refuse(call);
}

struct gv_slice gv_http_call_field(const struct gv_http_call *call, const char *name)
{
    struct curl_header *h = NULL;
    if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return (struct gv_slice){NULL, 0};
    struct gv_slice value = gv_slice_of(h->value); /* of an empty one curl keeps the end of the line */
    while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
        value.n--;
    return value;
}

static bool take(struct gv_http_call *call, const char *data, size_t n)
{
    call->outcome.body_bytes += (int64_t)n;
    if (call->spec.max_body > 0 && call->outcome.body_bytes > call->spec.max_body) {
        call->outcome.failure = GV_HTTP_OVERSIZE;
        return gv_fail(&call->outcome.err, GV_UNAVAILABLE, "the response is larger than %lld bytes",
                       (long long)call->spec.max_body);
    }
    return call->ops->on_data(call->arg, data, n, &call->outcome.err) || refuse(call);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct gv_http_call *call = arg;
    n *= size;
    if (call->canceled)
        return CURL_WRITEFUNC_ERROR;
    if (!call->header_seen && !call->redirecting && !announce(call))
        return CURL_WRITEFUNC_ERROR;
    if (call->redirecting || n == 0)
        return n;
    return take(call, data, n) ? n : CURL_WRITEFUNC_ERROR;
}

/* curl takes a connection that closes inside the header for an empty response: only the empty line makes it whole. A
 * status line begins a header, also behind a 103; other lines may be trailers, which come without an empty line. */
static size_t on_header_line(char *line, size_t size, size_t n, void *arg)
{
    struct gv_http_call *call = arg;
    n *= size;
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
        call->header_whole = false;
    else if (n == 2 && line[0] == '\r' && line[1] == '\n')
        call->header_whole = true;
    return n;
}

/* A request is about to be sent: again, where a pooled connection turned out to be closed. */
static int on_request(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct gv_http_call *call = arg;
    (void)to, (void)from, (void)to_port, (void)from_port;
    call->outcome.sent++;
    return CURL_PREREQFUNC_OK;
}

static void settle_sockets(struct gv_http_call *call, bool over)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < call->n_opened; i++)
        if (gv_http_sockets_settle(call->sockets, call->opened[i], over))
            call->opened[kept++] = call->opened[i];
    call->n_opened = kept;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)purpose;
    struct gv_http_call *call = arg;
    size_t n = to->addrlen < sizeof call->tried ? to->addrlen : sizeof call->tried;
    memcpy(&call->tried, &to->addr, n);
    struct gv_http_socket opened = gv_http_sockets_open(call->sockets, to, call->spec.connections);
    if (call->n_opened == GV_COUNT(call->opened))
        settle_sockets(call, false); /* curl tries two addresses at a time, and gave the others up */
    if (opened.fd != CURL_SOCKET_BAD && call->n_opened < GV_COUNT(call->opened))
        call->opened[call->n_opened++] = opened;
    return opened.fd;
}

/* curl keeps arg with the connection, which outlives the call that opened it. */
static int on_close(void *arg, curl_socket_t fd)
{
    return gv_http_sockets_close(arg, fd);
}

static CURLcode on_tls(CURL *easy, void *context, void *arg)
{
    (void)easy;
    struct gv_http_credentials *c = arg;
    if (c->roots)
        SSL_CTX_set1_cert_store(context, c->roots);
    return CURLE_OK;
}

/* --- options --- */

/* What is the same for every call. */
static void set_constants(struct gv_http_call *call)
{
    CURL *e = call->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, call);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "globalview/" GV_VERSION);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->curl_text);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header_line);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, call->sockets);
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* never from the environment */
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static void set_blob(CURL *easy, CURLoption option, const struct gv_buf *b)
{
    struct curl_blob blob = {.data = b->p, .len = b->n, .flags = CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, b->n ? &blob : NULL);
}

static void set_tls(struct gv_http_call *call)
{
    const struct gv_http_settings *s = &call->profile->settings;
    struct gv_http_credentials *c = call->credentials;
    CURL *e = call->easy;
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, s->tls.insecure_skip_verify ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, s->tls.insecure_skip_verify ? 0L : 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, call->profile->tls_versions);
    curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    set_blob(e, CURLOPT_CAINFO_BLOB, &c->roots_mark);
    set_blob(e, CURLOPT_SSLCERT_BLOB, &c->certificate);
    set_blob(e, CURLOPT_SSLKEY_BLOB, &c->key);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, c);
}

/* Dresses the handle for a profile; most calls find it dressed already. */
static void set_profile(struct gv_http_call *call)
{
    struct gv_http_profile *p = call->spec.profile;
    struct gv_http_credentials *c = p ? gv_http_profile_credentials(p) : NULL;
    if (p == call->profile && c == call->credentials) {
        gv_http_credentials_put(c);
        return;
    }
    gv_http_profile_put(call->profile);
    gv_http_credentials_put(call->credentials);
    call->profile = p ? gv_http_profile_get(p) : NULL;
    call->credentials = c;
    curl_easy_reset(call->easy);
    set_constants(call);
    if (!p)
        return;
    set_tls(call);
    if (p->settings.proxy_url)
        curl_easy_setopt(call->easy, CURLOPT_PROXY, p->settings.proxy_url);
    if (p->settings.enable_http2)
        curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

/* A line in front of the list; the credentials' own list is the tail and stays theirs. */
static void add_line(struct gv_http_call *call, const char *name, struct gv_slice value)
{
    size_t n = strlen(name);
    struct curl_slist *node = malloc(sizeof *node + n + value.n + 1);
    if (!node)
        gv_die("out of memory");
    node->data = (char *)(node + 1);
    memcpy(node->data, name, n);
    if (value.n)
        memcpy(node->data + n, value.p, value.n);
    node->data[n + value.n] = '\0';
    node->next = call->headers;
    call->headers = node;
}

static void drop_lines(struct gv_http_call *call)
{
    struct curl_slist *tail = call->credentials ? call->credentials->headers : NULL;
    while (call->headers && call->headers != tail) {
        struct curl_slist *next = call->headers->next;
        free(call->headers);
        call->headers = next;
    }
    call->headers = NULL;
}

/* What is configured for the backend wins over what a request brings along. */
static bool is_configured(const struct curl_slist *list, struct gv_slice line)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    size_t n = colon ? (size_t)(colon - line.p) + 1 : line.n;
    for (; list; list = list->next)
        if (strncasecmp(list->data, line.p, n) == 0)
            return true;
    return false;
}

static void set_headers(struct gv_http_call *call)
{
    const struct curl_slist *configured = call->credentials ? call->credentials->headers : NULL;
    call->headers = call->credentials ? call->credentials->headers : NULL;
    for (size_t i = 0; i < call->spec.n_headers; i++)
        if (!is_configured(configured, call->spec.headers[i]))
            add_line(call, "", call->spec.headers[i]);
    if (call->spec.content_type)
        add_line(call, "Content-Type: ", gv_slice_of(call->spec.content_type));
    if (call->host_line.n)
        add_line(call, "Host: ", gv_buf_slice(&call->host_line));
    if (call->spec.body.n > 1000000)
        add_line(call, "Expect:", (struct gv_slice){0}); /* backends answer errors to the body as well */
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_method(struct gv_http_call *call)
{
    CURL *e = call->easy;
    bool post = strcmp(call->spec.method, "POST") == 0;
    if (post) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->spec.body.n ? call->spec.body.p : "");
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->spec.body.n);
    } else {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST,
                     post || strcmp(call->spec.method, "GET") == 0 ? NULL : call->spec.method);
}

/* tls_config.server_name: the URL gets that name, so that it is both asked for and verified, while the connection goes
 * to the configured host and the Host header stays. */
static bool rename_host(struct gv_http_call *call, CURLU *u)
{
    char *host = NULL, *port = NULL, *url = NULL;
    const char *name = call->profile->settings.tls.server_name;
    bool ok = !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
              !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
              !curl_url_set(u, CURLUPART_HOST, name, 0) && !curl_url_get(u, CURLUPART_URL, &url, 0);
    if (ok) {
        gv_buf_clear(&call->peer);
        gv_buf_printf(&call->peer, "%s:%s:%s:%s", name, port, host, port);
        gv_buf_clear(&call->host_line);
        gv_buf_printf(&call->host_line, "%s:%s", host, port);
        gv_buf_clear(&call->url);
        gv_buf_adds(&call->url, url);
    }
    curl_free(host);
    curl_free(port);
    curl_free(url);
    return ok;
}

static bool set_server_name(struct gv_http_call *call)
{
    CURLU *u = curl_url();
    const char *url = call->url.n ? gv_buf_cstr(&call->url) : call->spec.url;
    bool ok = u && !curl_url_set(u, CURLUPART_URL, url, 0) && rename_host(call, u);
    curl_url_cleanup(u);
    return ok;
}

static bool set_target(struct gv_http_call *call)
{
    const struct gv_http_settings *s = call->profile ? &call->profile->settings : NULL;
    if (s && s->tls.server_name && strncasecmp(call->spec.url, "https:", 6) == 0 && !set_server_name(call))
        return gv_fail(&call->outcome.err, GV_INTERNAL, "tls_config.server_name does not fit the URL");
    curl_easy_setopt(call->easy, CURLOPT_URL, call->url.n ? gv_buf_cstr(&call->url) : call->spec.url);
    call->connect_to.data = call->peer.n ? (char *)(uintptr_t)gv_buf_cstr(&call->peer) : NULL;
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->peer.n ? &call->connect_to : NULL);
    call->resolved.data = (char *)(uintptr_t)call->spec.resolved;
    curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->spec.resolved ? &call->resolved : NULL);
    return true;
}

static bool set_times(struct gv_http_call *call)
{
    int64_t left_ms = (call->deadline_ns - gv_loop_now_ns(call->loop) + 999999) / 1000000;
    int64_t connect_ms = call->spec.connect_timeout_ms;
    if (left_ms <= 0) {
        gv_http_fault(call, CURLE_OPERATION_TIMEDOUT);
        return false;
    }
    curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_ms < left_ms ? connect_ms : left_ms));
    return true;
}

bool gv_http_call_dress(struct gv_http_call *call)
{
    if (!call->easy && !(call->easy = curl_easy_init()))
        gv_die("out of memory: curl_easy_init");
    drop_lines(call);
    set_profile(call);
    if (!set_target(call) || !set_times(call)) {
        if (call->outcome.failure == GV_HTTP_OK)
            call->outcome.failure = GV_HTTP_REFUSED;
        return false;
    }
    set_headers(call);
    set_method(call);
    curl_easy_setopt(call->easy, CURLOPT_ACCEPT_ENCODING, call->spec.compression ? "gzip" : NULL);
    curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, (long)call->fresh);
    curl_easy_setopt(call->easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, (long)call->spec.any_address);
    call->curl_text[0] = '\0';
    call->redirecting = call->header_whole = false;
    return true;
}

/* --- the end --- */

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = NULL, *y = NULL;
    bool same = !curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) && !curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) &&
                strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

/* The same host and port, or the same host by https instead of http. */
static bool may_follow(const char *from, const char *to)
{
    CURLU *a = curl_url(), *b = curl_url();
    bool ok = a && b && !curl_url_set(a, CURLUPART_URL, from, 0) && !curl_url_set(b, CURLUPART_URL, to, 0) &&
              same_part(a, b, CURLUPART_HOST);
    if (ok && !(same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_PORT)))
        ok = strncasecmp(from, "http:", 5) == 0 && strncasecmp(to, "https:", 6) == 0;
    curl_url_cleanup(a);
    curl_url_cleanup(b);
    return ok;
}

/* True: call->url is where to go next. */
static bool follow(struct gv_http_call *call)
{
    const char *to = NULL, *from = NULL;
    struct gv_buf address = GV_BUF_INIT;
    curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &to);
    curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &from);
    gv_http_call_address(call, &address);
    bool ok = to && call->redirects++ < MOST_REDIRECTS && may_follow(from, to);
    if (ok) {
        gv_buf_clear(&call->url);
        gv_buf_adds(&call->url, to);
    } else {
        call->outcome.failure = GV_HTTP_BROKEN;
        gv_fail(&call->outcome.err, GV_UNAVAILABLE, "%s answered %d with a redirect %s", gv_buf_cstr(&address),
                call->outcome.status,
                !to                                ? "to nowhere"
                : call->redirects > MOST_REDIRECTS ? "too many times"
                                                   : "to another host, which is not followed");
    }
    gv_buf_fini(&address);
    return ok;
}

void gv_http_call_left(struct gv_http_call *call)
{
    settle_sockets(call, true);
    call->n_opened = 0;
}

static void fill_outcome(struct gv_http_call *call, int64_t now_ns)
{
    curl_off_t body = 0, connected = 0;
    long header = 0;
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    call->outcome.connected = connected > 0;
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
    curl_easy_getinfo(call->easy, CURLINFO_HEADER_SIZE, &header);
    call->outcome.wire_bytes += (int64_t)body + header;
    call->outcome.seconds = (double)(now_ns - call->started_ns) / 1e9;
}

/* A pooled connection that the backend had closed meanwhile: nothing came back on it, and what we send may be sent
 * twice. (curl tries again by itself, but only five times in the life of a handle.) */
static bool was_stale(struct gv_http_call *call, CURLcode code)
{
    long connects = 0, header = 0;
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(call->easy, CURLINFO_HEADER_SIZE, &header);
    bool lost = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING;
    return lost && connects == 0 && header == 0 && !call->fresh;
}

bool gv_http_call_settle(struct gv_http_call *call, CURLcode code, int64_t now_ns)
{
    fill_outcome(call, now_ns);
    if (call->outcome.failure != GV_HTTP_OK)
        return true; /* a callback has said why */
    if (was_stale(call, code)) {
        call->fresh = true;
        return false;
    }
    if (code == CURLE_OK && !call->header_whole)
        code = CURLE_PARTIAL_FILE;
    if (code != CURLE_OK) {
        gv_http_fault(call, code);
        return true;
    }
    if (!call->header_seen && !call->redirecting && !announce(call))
        return true;
    return !call->redirecting || !follow(call);
}

void gv_http_call_expire(struct gv_http_call *call, int64_t now_ns)
{
    fill_outcome(call, now_ns);
    if (call->outcome.failure == GV_HTTP_OK)
        gv_http_fault(call, CURLE_OPERATION_TIMEDOUT);
}

void gv_http_call_clear(struct gv_http_call *call)
{
    drop_lines(call);
    gv_buf_clear(&call->url);
    gv_buf_clear(&call->peer);
    gv_buf_clear(&call->host_line);
    call->redirects = 0;
    call->fresh = call->header_seen = call->redirecting = call->canceled = false;
    call->tried.sin6_family = AF_UNSPEC;
    struct gv_http_outcome *o = &call->outcome;
    o->failure = GV_HTTP_OK;
    o->connected = false;
    o->sent = 0;
    o->status = 0;
    o->seconds = 0;
    o->body_bytes = o->wire_bytes = 0;
    o->err.code = GV_OK;
    o->err.msg[0] = '\0';
}

struct gv_http_call *gv_http_call_new(struct gv_http_client *c, struct gv_loop *l, struct gv_http_sockets *s)
{
    struct gv_http_call *call = calloc(1, sizeof *call);
    if (!call)
        gv_die("out of memory");
    call->client = c;
    call->loop = l;
    call->sockets = s;
    call->easy = curl_easy_init();
    if (!call->easy)
        gv_die("out of memory: curl_easy_init");
    set_constants(call);
    return call;
}

void gv_http_call_free(struct gv_http_call *call)
{
    curl_easy_cleanup(call->easy);
    gv_http_profile_put(call->profile);
    gv_http_credentials_put(call->credentials);
    gv_buf_fini(&call->url);
    gv_buf_fini(&call->peer);
    gv_buf_fini(&call->host_line);
    free(call);
}
