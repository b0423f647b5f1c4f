/* What the end of a request means for its frames (Prometheus remote-write specification, "Retries & Backoff"): 2xx is
 * delivered, 5xx and broken connections are tried again, so is 429 where configured; anything else is the request's
 * fault, which no repetition mends. */
#include "base/option.h"
#include "ingest/forward_impl.h"
#include <ctype.h>
#include <stdlib.h>
#include <time.h>

enum { QUOTED_MAX = 200 };

/* URL, status and the first line of the reply, quoted. */
static bool say(const struct shard *s, struct gv_err *why)
{
    struct gv_buf url = GV_BUF_INIT, text = GV_BUF_INIT;
    gv_option_print_url(&url, gv_slice_of(s->endpoint->config->url));
    size_t n = s->reply.n < QUOTED_MAX ? s->reply.n : QUOTED_MAX;
    const char *line = n ? memchr(s->reply.p, '\n', n) : NULL;
    gv_buf_add_quoted(&text, (struct gv_slice){s->reply.p, line ? (size_t)(line - s->reply.p) : n});
    gv_fail(why, GV_UNAVAILABLE, "%s answered %d: %s", gv_buf_cstr(&url), s->status, gv_buf_cstr(&text));
    gv_buf_fini(&url);
    gv_buf_fini(&text);
    return false;
}

/* Receivers say it in their own words: "out of order sample" (Prometheus), "out-of-order" (Mimir), "too old sample",
 * and of what is older than its head takes "out of bounds" (Prometheus). */
static bool says_out_of_order(const struct shard *s)
{
    static const char *const words[] = {"out of order", "out-of-order", "too old", "out of bounds"};
    for (size_t i = 0; i < GV_COUNT(words); i++)
        if (s->reply.n && memmem(s->reply.p, s->reply.n, words[i], strlen(words[i])))
            return true;
    return false;
}

/* Of a request of several frames the fault may be that of one. */
static bool is_about_a_part(const struct shard *s)
{
    return s->in_request > 1 && (s->status == 400 || s->status == 413 || s->status == 422);
}

static enum verdict judge_status(const struct shard *s, struct gv_err *why)
{
    bool is_2 = s->version == GV_WRITE_2;
    if (s->status / 100 == 2) {
        if (!is_2 || s->written >= 0)
            return VERDICT_DELIVERED;
        gv_fail(why, GV_UNAVAILABLE, "it answered %d without saying what it has written", s->status);
        return VERDICT_OLDER_VERSION; /* it took the request for one of 1.0 that holds nothing */
    }
    say(s, why);
    if (s->status == 415 && is_2)
        return VERDICT_OLDER_VERSION;
    if (s->status / 100 == 5 || (s->status == 429 && s->endpoint->config->retry_on_429))
        return VERDICT_RETRY;
    if (is_about_a_part(s))
        return VERDICT_TAKE_APART;
    if (s->status == 400 && s->frames.first->maybe_sent && says_out_of_order(s))
        return VERDICT_DELIVERED; /* by the request before, whose answer was lost */
    return VERDICT_REJECTED;
}

enum verdict forward_judge(const struct shard *s, const struct gv_http_outcome *o, struct gv_err *why)
{
    if (o->failure == GV_HTTP_OK || s->status) /* it has answered, whatever became of the rest */
        return judge_status(s, why);
    *why = o->err;
    return VERDICT_RETRY;
}

static int64_t count_of(const struct gv_http_call *call, const char *name)
{
    struct gv_slice value = gv_http_call_field(call, name);
    int64_t n = 0;
    for (size_t i = 0; i < value.n && isdigit((unsigned char)value.p[i]) && n < UINT32_MAX; i++)
        n = 10 * n + (value.p[i] - '0');
    return n;
}

/* 2.0: the field for samples is there whenever something was taken or refused. */
int64_t forward_written(const struct gv_http_call *call)
{
    if (!gv_http_call_field(call, "X-Prometheus-Remote-Write-Samples-Written").p)
        return -1;
    return count_of(call, "X-Prometheus-Remote-Write-Samples-Written") +
           count_of(call, "X-Prometheus-Remote-Write-Histograms-Written") +
           count_of(call, "X-Prometheus-Remote-Write-Exemplars-Written");
}

/* RFC 9110, section 10.2.3: seconds, or a date. */
int64_t forward_retry_after(struct gv_slice value, int64_t now_ms)
{
    enum { LONGEST = 64 };
    char text[LONGEST], *end;
    struct tm tm = {.tm_sec = 0};
    if (!value.n || value.n >= LONGEST)
        return -1;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    if (isdigit((unsigned char)text[0])) {
        unsigned long long seconds = strtoull(text, &end, 10);
        return *end ? -1 : seconds > 86400 ? 86400000 : (int64_t)seconds * 1000;
    }
    end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return -1;
    int64_t left = (int64_t)timegm(&tm) * 1000 - now_ms;
    return left < 0 ? 0 : left > 86400000 ? 86400000 : left;
}
