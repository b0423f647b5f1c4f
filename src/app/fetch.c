#include "app/fetch.h"
#include "base/option.h"
#include <curl/curl.h>

enum { MAX_BODY = 256 << 20 };

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
    struct gv_buf *b = arg;
    if (b->n + n > MAX_BODY)
        return 0;
    gv_buf_add(b, data, one * n);
    return one * n;
}

static bool fail(const char *url, CURLcode code, const char *detail, struct gv_err *err)
{
    struct gv_buf shown = GV_BUF_INIT;
    gv_option_print_url(&shown, gv_slice_of(url));
    gv_fail(err, GV_UNAVAILABLE, "%s: %s", gv_buf_cstr(&shown),
            code == CURLE_WRITE_ERROR ? "the reply is too large"
            : *detail                 ? detail
                                      : curl_easy_strerror(code));
    gv_buf_fini(&shown);
    return false;
}

bool gv_fetch(const char *url, const char *form, int64_t timeout_ms, struct gv_fetched *out, struct gv_err *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURL *c = curl_easy_init();
    if (!c)
        gv_die("out of memory");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* a proxy of the environment is none for 127.0.0.1 */
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out->body);
    if (form)
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, form);
    CURLcode code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
    curl_easy_cleanup(c);
    return code == CURLE_OK || fail(url, code, detail, err);
}
