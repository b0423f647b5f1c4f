/* What a failed transfer is called: curl's code, the system's error and the address become one failure kind and one
 * sentence, "connect to 10.0.0.2:9090: connection refused". */
#include "net/http_call.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

/* --- the address --- */

static const char *tried_text(const struct gv_http_call *call, char room[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *four = (const void *)&call->tried;
    if (call->tried.sin6_family == AF_INET)
        return inet_ntop(AF_INET, &four->sin_addr, room, INET6_ADDRSTRLEN);
    if (call->tried.sin6_family == AF_INET6)
        return inet_ntop(AF_INET6, &call->tried.sin6_addr, room, INET6_ADDRSTRLEN);
    const char *used = NULL;
    if (call->easy)
        curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &used);
    return used && *used ? used : NULL;
}

static bool same_address(const char *host, const char *address)
{
    size_t n = strlen(host);
    if (n > 2 && host[0] == '[')
        return n - 2 == strlen(address) && strncmp(host + 1, address, n - 2) == 0;
    return strcmp(host, address) == 0;
}

/* The proxy without its credentials. */
static void add_proxy(struct gv_buf *out, const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    if (u && !curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME)) {
        curl_url_get(u, CURLUPART_HOST, &host, 0);
        curl_url_get(u, CURLUPART_PORT, &port, 0);
    }
    gv_buf_printf(out, " by proxy %s:%s", host ? host : "?", port ? port : "1080");
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
}

void gv_http_call_address(const struct gv_http_call *call, struct gv_buf *out)
{
    char room[INET6_ADDRSTRLEN];
    const char *address = tried_text(call, room);
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    if (u && !curl_url_set(u, CURLUPART_URL, call->spec.url, 0)) {
        curl_url_get(u, CURLUPART_HOST, &host, 0);
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    if (host && port)
        gv_buf_printf(out, "%s:%s", host, port);
    else
        gv_buf_adds(out, "the server");
    if (call->profile && call->profile->settings.proxy_url)
        add_proxy(out, call->profile->settings.proxy_url);
    else if (host && address && !same_address(host, address))
        gv_buf_printf(out, " (%s)", address);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
}

/* --- the cause --- */

enum phase { RESOLVING, CONNECTING, SECURING, TALKING };

static enum phase phase_of(const struct gv_http_call *call)
{
    curl_off_t resolved = 0, connected = 0, secured = 0;
    if (call->state != CALL_RUNNING || call->outcome.connected)
        return TALKING;
    curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(call->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
    if (connected > 0)
        return secured == 0 && strncmp(call->spec.url, "https:", 6) == 0 ? SECURING : TALKING;
    return resolved > 0 || call->tried.sin6_family != AF_UNSPEC ? CONNECTING : RESOLVING;
}

/* But not of a name, OpenSSL. */
static void lower_first(char *s)
{
    size_t n = 1;
    while (islower((unsigned char)s[n]))
        n++;
    if (n > 1 && !isupper((unsigned char)s[n]))
        s[0] = (char)tolower((unsigned char)s[0]);
}

/* What OpenSSL says to an answer that is no TLS. */
static const char *hint(const char *cause)
{
    return strstr(cause, "wrong version number") ? "; does it speak plain HTTP? then it is http://" : "";
}

/* The system's error where there is one, else curl's own words. */
static const char *cause(const struct gv_http_call *call, CURLcode code, char room[CURL_ERROR_SIZE])
{
    long system = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &system);
    bool of_system = code == CURLE_COULDNT_CONNECT || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR;
    if (of_system && system)
        snprintf(room, CURL_ERROR_SIZE, "%s", strerror((int)system));
    else
        snprintf(room, CURL_ERROR_SIZE, "%s", call->curl_text[0] ? call->curl_text : curl_easy_strerror(code));
    lower_first(room);
    return room;
}

static void say(struct gv_http_call *call, enum gv_http_failure failure, enum gv_err_code code, const char *before,
                const char *after)
{
    struct gv_buf address = GV_BUF_INIT;
    gv_http_call_address(call, &address);
    call->outcome.failure = failure;
    gv_fail(&call->outcome.err, code, "%s%s: %s", before, gv_buf_cstr(&address), after);
    gv_buf_fini(&address);
}

static void say_late(struct gv_http_call *call)
{
    static const char *const before[] = {"resolve ", "connect to ", "TLS handshake with ", ""};
    static const enum gv_http_failure kinds[] = {GV_HTTP_RESOLVE, GV_HTTP_CONNECT, GV_HTTP_TLS, GV_HTTP_DEADLINE};
    enum phase p = phase_of(call);
    bool whole = gv_loop_now_ns(call->loop) >= call->deadline_ns - 1000000;
    char after[128] = "deadline exceeded";
    if (!whole)
        snprintf(after, sizeof after, "no answer within %lld ms", (long long)call->spec.connect_timeout_ms);
    else if (p == TALKING && call->outcome.body_bytes)
        snprintf(after, sizeof after, "deadline exceeded after %lld bytes of the response",
                 (long long)call->outcome.body_bytes);
    say(call, whole ? GV_HTTP_DEADLINE : kinds[p], GV_TIMEOUT, before[p], after);
}

void gv_http_fault(struct gv_http_call *call, CURLcode code)
{
    char room[CURL_ERROR_SIZE], text[CURL_ERROR_SIZE + 64];
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        say_late(call);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        say(call, GV_HTTP_RESOLVE, GV_UNAVAILABLE, "resolve ", "no such host");
        return;
    case CURLE_COULDNT_CONNECT:
        say(call, GV_HTTP_CONNECT, GV_UNAVAILABLE, "connect to ", cause(call, code, room));
        return;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        cause(call, code, room);
        snprintf(text, sizeof text, "%s%s", room, hint(room));
        say(call, GV_HTTP_TLS, GV_UNAVAILABLE, "TLS handshake with ", text);
        return;
    case CURLE_GOT_NOTHING:
        say(call, GV_HTTP_BROKEN, GV_UNAVAILABLE, "read from ", "the connection was closed without a response");
        return;
    case CURLE_SEND_ERROR:
        say(call, GV_HTTP_BROKEN, GV_UNAVAILABLE, "write to ", cause(call, code, room));
        return;
    case CURLE_PARTIAL_FILE:
        say(call, GV_HTTP_BROKEN, GV_UNAVAILABLE, "read from ",
            call->header_whole ? cause(call, code, room) : "the response header is cut short");
        return;
    default:
        say(call, GV_HTTP_BROKEN, GV_UNAVAILABLE, "read from ", cause(call, code, room));
        return;
    }
}

#define FAILURE_TEXT(name, text) [name] = text,
const char *gv_http_failure_text(enum gv_http_failure f)
{
    static const char *const texts[] = {GV_HTTP_FAILURES(FAILURE_TEXT)};
    return texts[f];
}
