/* Single texts of the configuration: what may stand where a label name, a URL, a header is wanted. */
#include "app/config_read.h"
#include <ctype.h>
#include <curl/curl.h>
#include <strings.h>

/* "\"text\" WHY", the text quoted and a password in it left out. */
static bool refuse(struct gv_slice text, const char *why, struct gv_err *err)
{
    struct gv_buf url = GV_BUF_INIT, b = GV_BUF_INIT;
    gv_option_print_url(&url, text);
    gv_buf_add_quoted(&b, gv_buf_slice(&url));
    gv_fail(err, GV_BAD_DATA, "%s %s", gv_buf_cstr(&b), why);
    gv_buf_fini(&url);
    gv_buf_fini(&b);
    return false;
}

/* Injecting a reserved label would change what series mean. */
bool gv_config_is_label_name(struct gv_slice text, struct gv_err *err)
{
    if (!gv_label_name_is_legacy(text))
        return refuse(text, "is no label name: letters, digits and _, no digit first", err);
    if (gv_slice_has_prefix(text, GV_S("__")) || gv_slice_is(text, "le"))
        return refuse(text, "is a reserved label", err);
    return true;
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* NULL where url is fine, else what is wrong with it. */
static const char *fault_of_url(const char *url)
{
    CURLU *u = curl_url();
    if (!u)
        gv_die("out of memory");
    CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
    const char *fault = code ? curl_url_strerror(code) : NULL;
    if (!fault && has_part(u, CURLUPART_FRAGMENT))
        fault = "a fragment (#...) has no meaning here";
    if (!fault && has_part(u, CURLUPART_QUERY))
        fault = "parameters go into `params`";
    curl_url_cleanup(u);
    return fault;
}

static bool fail_scheme(struct gv_slice text, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "has no scheme (did you mean http://");
    gv_option_print_url(&b, text);
    gv_buf_adds(&b, "?)");
    refuse(text, gv_buf_cstr(&b), err);
    gv_buf_fini(&b);
    return false;
}

bool gv_config_is_url(struct gv_slice text, struct gv_err *err)
{
    if (!text.n)
        return gv_fail(err, GV_BAD_DATA, "a URL is missing");
    if (!memmem(text.p, text.n, "://", 3))
        return fail_scheme(text, err);
    if (strncasecmp(text.p, "http://", 7) != 0 && strncasecmp(text.p, "https://", 8) != 0)
        return refuse(text, "has a scheme other than http and https", err);
    const char *fault = fault_of_url(text.p);
    if (!fault)
        return true;
    struct gv_buf why = GV_BUF_INIT;
    gv_buf_printf(&why, "is no URL to ask: %s", fault);
    refuse(text, gv_buf_cstr(&why), err);
    gv_buf_fini(&why);
    return false;
}

/* What a cluster is asked at: credentials have a key of their own. */
bool gv_config_is_endpoint(struct gv_slice text, struct gv_err *err)
{
    if (!gv_config_is_url(text, err))
        return false;
    const char *host = strstr(text.p, "://") + 3;
    return !memchr(host, '@', strcspn(host, "/")) || refuse(text, "holds a user name: use basic_auth instead", err);
}

static bool is_token(struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!s.p[i] || (!isalnum((unsigned char)s.p[i]) && !strchr("!#$%&'*+-.^_`|~", s.p[i])))
            return false;
    return s.n > 0;
}

/* Besides RFC 9110's grammar: not what the HTTP client writes itself (Prometheus: ReservedHeaders). */
bool gv_config_is_header_name(struct gv_slice text, struct gv_err *err)
{
    static const char *const reserved[] = {"Authorization",
                                           "Host",
                                           "Content-Encoding",
                                           "Content-Length",
                                           "Content-Type",
                                           "User-Agent",
                                           "Connection",
                                           "Keep-Alive",
                                           "Proxy-Authenticate",
                                           "Proxy-Authorization",
                                           "Www-Authenticate",
                                           "Accept-Encoding",
                                           "Transfer-Encoding",
                                           "TE",
                                           "Trailer",
                                           "Upgrade",
                                           "Expect"};
    if (!is_token(text))
        return refuse(text, "is no header name", err);
    for (size_t i = 0; i < GV_COUNT(reserved); i++)
        if (text.n == strlen(reserved[i]) && strncasecmp(text.p, reserved[i], text.n) == 0)
            return refuse(text, "is a header that may not be set here", err);
    return true;
}

bool gv_config_is_header_value(struct gv_slice text, struct gv_err *err)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' && text.p[i] != '\t')
            return gv_fail(err, GV_BAD_DATA, "a header's value holds a line break or another control character");
    return true;
}

bool gv_config_is_tls_version(struct gv_slice text, struct gv_err *err)
{
    static const char *const versions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
    for (size_t i = 0; i < GV_COUNT(versions); i++)
        if (gv_slice_is(text, versions[i]))
            return true;
    return refuse(text, "is none of TLS10, TLS11, TLS12, TLS13", err);
}
