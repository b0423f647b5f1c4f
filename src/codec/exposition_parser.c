/* Lines in, samples out. Lines inside one piece are parsed where they lie; one that a piece cuts is gathered first.
 *
 *   name{label="value",...} value [time]        and with names of any UTF-8:  {"name","label"="value"} value [time] */
#include "base/number.h"
#include "base/utf8.h"
#include "codec/exposition.h"
#include "codec/label_reader.h"

enum { MAX_LINE = 1 << 20 };

struct gv_exposition_parser {
    struct gv_exposition *into;
    struct label_reader labels;
    struct json_text carry; /* the beginning of the line that the last piece cut */
    struct json_text text;  /* of a quoted string, unescaped */
    uint64_t line;          /* number of the one being parsed, from 1 */
    bool dead;
};

/* The line being parsed. */
struct cursor {
    struct gv_exposition_parser *parser;
    const char *start, *at, *end;
    bool has_name;
    struct gv_err *err;
};

struct gv_exposition_parser *gv_exposition_parser_new(struct gv_exposition *into, const struct gv_mapping *m)
{
    struct gv_exposition_parser *p = gv_arena_new(into->arena, struct gv_exposition_parser);
    p->into = into;
    p->line = 1;
    label_reader_init(&p->labels, into->arena, m);
    return p;
}

static bool fail(const struct cursor *c, const char *expected)
{
    unsigned long long line = c->parser->line, column = (unsigned long long)(c->at - c->start) + 1;
    if (c->at == c->end)
        return gv_fail(c->err, GV_BAD_DATA, "expected %s, got the end of the line at line %llu, column %llu", expected,
                       line, column);
    unsigned char got = (unsigned char)*c->at;
    if (got > 0x20 && got < 0x7f)
        return gv_fail(c->err, GV_BAD_DATA, "expected %s, got '%c' at line %llu, column %llu", expected, got, line,
                       column);
    return gv_fail(c->err, GV_BAD_DATA, "expected %s, got byte 0x%02x at line %llu, column %llu", expected, got, line,
                   column);
}

static bool fail_line(const struct cursor *c, const char *fault)
{
    return gv_fail(c->err, GV_BAD_DATA, "%s at line %llu", fault, (unsigned long long)c->parser->line);
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    bool there = c->at < c->end && *c->at == wanted;
    c->at += there;
    return there;
}

static bool is_name_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

static struct gv_slice bare_word(struct cursor *c)
{
    const char *from = c->at;
    while (c->at < c->end && is_name_byte((unsigned char)*c->at))
        c->at++;
    return (struct gv_slice){from, (size_t)(c->at - from)};
}

static bool unescape(struct cursor *c)
{
    static const char from[] = "\\\"n", to[] = "\\\"\n";
    c->at++;
    const char *which = c->at < c->end ? memchr(from, *c->at, 3) : NULL;
    if (!which)
        return fail(c, "\\, \" or n after a backslash");
    c->at++;
    json_text_add(c->parser->into->arena, &c->parser->text, (struct gv_slice){&to[which - from], 1});
    return true;
}

/* Behind the opening quote. The text lies in the line, or in parser->text until the next call. */
static bool quoted(struct cursor *c, struct gv_slice *text)
{
    struct gv_exposition_parser *p = c->parser;
    const char *from = c->at;
    bool escaped = false;
    p->text.n = 0;
    while (c->at < c->end && *c->at != '"') {
        if (*c->at != '\\') {
            c->at++;
            continue;
        }
        json_text_add(p->into->arena, &p->text, (struct gv_slice){from, (size_t)(c->at - from)});
        escaped = true;
        if (!unescape(c))
            return false;
        from = c->at;
    }
    *text = (struct gv_slice){from, (size_t)(c->at - from)};
    if (escaped) {
        json_text_add(p->into->arena, &p->text, *text);
        *text = (struct gv_slice){p->text.p, p->text.n};
    }
    if (!take(c, '"'))
        return fail(c, "a quote");
    return gv_utf8_valid(*text) || fail_line(c, "invalid UTF-8");
}

static bool set_metric_name(struct cursor *c, struct gv_slice name)
{
    if (c->has_name)
        return fail_line(c, "a second metric name");
    c->has_name = true;
    label_reader_name(&c->parser->labels, GV_LABEL_NAME);
    label_reader_value(&c->parser->labels, name);
    return true;
}

/* label="value", or a quoted metric name. */
static bool braced_item(struct cursor *c)
{
    struct gv_slice name, value;
    bool in_quotes = take(c, '"');
    if (in_quotes && !quoted(c, &name))
        return false;
    if (!in_quotes)
        name = bare_word(c);
    if (!name.n || (!in_quotes && !gv_label_name_is_legacy(name)))
        return fail(c, "a label name");
    skip_blanks(c);
    if (in_quotes && (c->at == c->end || *c->at != '='))
        return set_metric_name(c, name);
    label_reader_name(&c->parser->labels, name); /* copies what it keeps */
    if (!take(c, '='))
        return fail(c, "'='");
    skip_blanks(c);
    if (!take(c, '"'))
        return fail(c, "a value in quotes");
    if (!quoted(c, &value))
        return false;
    label_reader_value(&c->parser->labels, value);
    return true;
}

static bool braces(struct cursor *c)
{
    for (skip_blanks(c); !take(c, '}'); skip_blanks(c)) {
        if (!braced_item(c))
            return false;
        skip_blanks(c);
        if (!take(c, ',') && (c->at == c->end || *c->at != '}'))
            return fail(c, "',' or '}'");
    }
    return true;
}

static struct gv_slice word(struct cursor *c)
{
    skip_blanks(c);
    const char *from = c->at;
    while (c->at < c->end && *c->at != ' ' && *c->at != '\t')
        c->at++;
    return (struct gv_slice){from, (size_t)(c->at - from)};
}

static bool value_and_time(struct cursor *c, struct gv_exposition_sample *s)
{
    double v;
    struct gv_slice value = word(c);
    if (!gv_double_parse(value, &v)) {
        c->at = value.p;
        return fail(c, "a number as value");
    }
    struct gv_slice time = word(c);
    s->has_time = time.n > 0;
    if (s->has_time && !gv_int64_parse(time, &s->time)) {
        c->at = time.p;
        return fail(c, "a time in milliseconds");
    }
    skip_blanks(c);
    if (c->at < c->end)
        return fail(c, "the end of the line");
    s->value = gv_arena_dup(c->parser->into->arena, value);
    return true;
}

static bool push(struct gv_exposition *x, const struct gv_exposition_sample *s, struct gv_err *err)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;
        struct gv_exposition_sample *bigger = gv_arena_try(x->arena, cap * sizeof *bigger, err);
        if (!bigger)
            return false;
        if (x->n)
            memcpy(bigger, x->samples, x->n * sizeof *bigger);
        x->samples = bigger;
        x->cap = cap;
    }
    x->samples[x->n++] = *s;
    return true;
}

static bool parse_sample(struct cursor *c)
{
    struct gv_exposition_sample s = {.time = 0};
    struct label_reader *l = &c->parser->labels;
    label_reader_begin(l);
    const char *start = c->at;
    struct gv_slice name = bare_word(c);
    if (name.n && !gv_metric_name_is_legacy(name)) {
        c->at = start;
        return fail(c, "a metric name");
    }
    if (name.n && !set_metric_name(c, name))
        return false;
    skip_blanks(c);
    if (take(c, '{') && !braces(c))
        return false;
    if (!c->has_name)
        return fail(c, "a metric name");
    s.labels = label_reader_end(l);
    if (!s.labels)
        return fail_line(c, "a label comes twice");
    return value_and_time(c, &s) && push(c->parser->into, &s, c->err);
}

static bool parse_line(struct gv_exposition_parser *p, const char *start, const char *end, struct gv_err *err)
{
    struct cursor c = {.parser = p, .start = start, .at = start, .end = end, .err = err};
    skip_blanks(&c);
    bool ok = c.at == c.end || *c.at == '#' || parse_sample(&c);
    p->line++;
    return ok;
}

/* The rest of a line that began in an earlier piece. */
static bool parse_cut_line(struct gv_exposition_parser *p, const char *start, const char *end, struct gv_err *err)
{
    json_text_add(p->into->arena, &p->carry, (struct gv_slice){start, (size_t)(end - start)});
    size_t n = p->carry.n;
    p->carry.n = 0;
    return parse_line(p, p->carry.p, p->carry.p + n, err);
}

static bool check_length(const struct gv_exposition_parser *p, size_t n, struct gv_err *err)
{
    return n <= MAX_LINE ||
           gv_fail(err, GV_BAD_DATA, "line %llu is longer than %d bytes", (unsigned long long)p->line, MAX_LINE);
}

static bool parse_piece(struct gv_exposition_parser *p, const char *at, const char *end, struct gv_err *err)
{
    for (const char *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = p->carry.n + (size_t)((newline ? newline : end) - at);
        if (!check_length(p, length, err))
            return false;
        if (!newline) {
            json_text_add(p->into->arena, &p->carry, (struct gv_slice){at, (size_t)(end - at)});
            return true;
        }
        if (!(p->carry.n ? parse_cut_line(p, at, newline, err) : parse_line(p, at, newline, err)))
            return false;
    }
    return true;
}

/* Labels and texts overdraw the budget, one small allocation at a time, by no more than what one piece brings. */
static bool check_budget(const struct gv_arena *a, struct gv_err *err)
{
    return !a->budget || gv_budget_take(a->budget, 0, err);
}

bool gv_exposition_parser_feed(struct gv_exposition_parser *p, const char *data, size_t n, struct gv_err *err)
{
    if (p->dead)
        return gv_fail(err, GV_INTERNAL, "the exposition was given up already");
    p->dead = n && (!parse_piece(p, data, data + n, err) || !check_budget(p->into->arena, err));
    return !p->dead;
}

bool gv_exposition_parser_finish(struct gv_exposition_parser *p, struct gv_err *err)
{
    if (p->dead)
        return gv_fail(err, GV_INTERNAL, "the exposition was given up already");
    return !p->carry.n ||
           gv_fail(err, GV_BAD_DATA, "the exposition is cut short in line %llu", (unsigned long long)p->line);
}

void gv_exposition_init(struct gv_exposition *x, struct gv_arena *a)
{
    *x = (struct gv_exposition){.arena = a};
}

bool gv_exposition_add(struct gv_exposition *x, const struct gv_labels *labels, double v, int64_t time,
                       struct gv_err *err)
{
    char text[GV_DOUBLE_MAX];
    size_t n = gv_double_format_g(text, v);
    struct gv_exposition_sample s = {
        .labels = labels, .value = gv_arena_dup(x->arena, (struct gv_slice){text, n}), .time = time, .has_time = true};
    return push(x, &s, err);
}
