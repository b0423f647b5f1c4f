/* Whose fault is an error that a backend reported: the query's, the cluster's, or that of a PromQL too old for the
 * text? Prometheus says it by status and errorType; where these are not enough, by its message. */
#include "cluster/ask.h"
#include <strings.h>

static bool holds_any(struct gv_slice s, const char *const *phrases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s.n && memmem(s.p, s.n, phrases[i], strlen(phrases[i])))
            return true;
    return false;
}

/* The text was checked here, so a backend that cannot read it lacks something. */
static const char *const not_understood[] = {
    "parse error",  "unknown function", "unknown func", "is not enabled",   "feature flag",
    "experimental", "unexpected token", "cannot parse", "unsupported func", "unexpected character",
};

/* Of execution errors, those that a larger, faster or healthier backend would not have. */
static const char *const not_of_the_query[] = {
    "too many samples", "timed out", "timeout", "canceled", "expanding series", "remote_read", "memory",
};

/* A message without the label sets in it, whose names and values may be any words: `memory_used`, `timeout`. */
static void skip_labels(struct gv_buf *out, struct gv_slice message)
{
    bool inside = false, quoted = false;
    for (size_t i = 0; i < message.n; i++) {
        char c = message.p[i];
        if (!inside && c != '{')
            gv_buf_addc(out, c);
        if (quoted && c == '\\')
            i++;
        else if (inside && c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '}'))
            inside = c == '{';
    }
}

static enum gv_ask_outcome judge(int status, struct gv_slice type, struct gv_slice message)
{
    if ((status == 400 || status == 422) && holds_any(message, not_understood, GV_COUNT(not_understood)))
        return GV_ASK_UNSUPPORTED;
    bool execution = (status == 422 || status / 100 == 2) && gv_slice_is(type, "execution");
    if (execution && !holds_any(message, not_of_the_query, GV_COUNT(not_of_the_query)))
        return GV_ASK_QUERY;
    return GV_ASK_STATUS;
}

enum gv_ask_outcome gv_backend_verdict(int status, struct gv_slice type, struct gv_slice message)
{
    struct gv_buf words = GV_BUF_INIT;
    skip_labels(&words, message);
    enum gv_ask_outcome outcome = judge(status, type, gv_buf_slice(&words));
    gv_buf_fini(&words);
    return outcome;
}

bool gv_sink_backend_error(struct gv_slice type, struct gv_slice message, struct gv_err *err)
{
    bool of_query = gv_backend_verdict(200, type, message) == GV_ASK_QUERY;
    return gv_fail(err, of_query ? GV_EXECUTION : GV_BAD_DATA, "%.*s", GV_ARG(message));
}

bool gv_sink_wants_json(void *sink, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)sink;
    (void)status;
    struct gv_slice type = content_type;
    const char *end = type.n ? memchr(type.p, ';', type.n) : NULL;
    if (end)
        type.n = (size_t)(end - type.p);
    while (type.n && type.p[type.n - 1] == ' ')
        type.n--;
    if (type.n == 16 && strncasecmp(type.p, "application/json", 16) == 0)
        return true;
    struct gv_buf quoted = GV_BUF_INIT;
    gv_buf_add_quoted(&quoted, (struct gv_slice){content_type.p, content_type.n < 100 ? content_type.n : 100});
    gv_fail(err, GV_BAD_DATA, "content type %s where application/json was expected", gv_buf_cstr(&quoted));
    gv_buf_fini(&quoted);
    return false;
}

#define OUTCOME_TEXT(name, text) [name] = text,
const char *gv_ask_outcome_text(enum gv_ask_outcome o)
{
    static const char *const texts[] = {GV_ASK_OUTCOMES(OUTCOME_TEXT)};
    return texts[o];
}
