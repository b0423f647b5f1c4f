/* a/b;p=v;q=0.5, c/d ──► clauses ──► the one with the highest q that there is a form for. */
#include "api/accept.h"
#include "base/number.h"
#include <strings.h>

struct clause {
    struct gv_slice media, proto, encoding;
    bool utf8;
    double q;
};

static struct gv_slice trim(struct gv_slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct gv_slice){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Up to the separator, which is taken too; no value of those that matter has one in quotes. */
static struct gv_slice take(struct gv_slice *rest, char separator)
{
    const char *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct gv_slice taken = {rest->p, n};
    n += end != NULL;
    *rest = (struct gv_slice){rest->p + n, rest->n - n};
    return trim(taken);
}

static bool is(struct gv_slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct gv_slice unquote(struct gv_slice s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? (struct gv_slice){s.p + 1, s.n - 2} : s;
}

static void read_parameter(struct clause *c, struct gv_slice text)
{
    struct gv_slice name = take(&text, '='), value = unquote(trim(text));
    if (is(name, "q") && !gv_double_parse(value, &c->q))
        c->q = 0;
    else if (is(name, "proto"))
        c->proto = value;
    else if (is(name, "encoding"))
        c->encoding = value;
    else if (is(name, "escaping"))
        c->utf8 = is(value, "allow-utf-8");
}

static struct clause read_clause(struct gv_slice text)
{
    struct clause c = {.media = take(&text, ';'), .q = 1};
    while (text.n)
        read_parameter(&c, take(&text, ';'));
    return c;
}

static bool is_text(const struct clause *c)
{
    return is(c->media, "text/plain") || is(c->media, "text/*") || is(c->media, "*/*");
}

static bool is_protobuf(const struct clause *c)
{
    return is(c->media, "application/vnd.google.protobuf") && is(c->proto, "io.prometheus.client.MetricFamily") &&
           is(c->encoding, "delimited");
}

struct accepted accept_exposition(struct gv_slice accept)
{
    struct accepted best = {GV_EXPOSITION_TEXT, GV_ESCAPE_UNDERSCORES};
    double q = 0;
    while (accept.n) {
        struct clause c = read_clause(take(&accept, ','));
        bool protobuf = is_protobuf(&c);
        if (!(c.q > q) || (!protobuf && !is_text(&c)))
            continue;
        q = c.q;
        best.format = protobuf ? GV_EXPOSITION_PROTOBUF : GV_EXPOSITION_TEXT;
        best.escaping = c.utf8 ? GV_ESCAPE_ALLOW_UTF8 : GV_ESCAPE_UNDERSCORES;
    }
    return best;
}
