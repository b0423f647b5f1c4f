/* Pieces of text in, events out. Three things are remembered between pieces: the open containers (one bit each), what
 * the grammar expects next, and the raw bytes of a token that the end of the piece cut. */
#include "codec/json_reader.h"
#include "codec/json_scan.h"

void json_init(struct json_reader *r, struct gv_arena *arena)
{
    *r = (struct json_reader){.arena = arena, .piece = "", .at = "", .end = ""};
    r->at = r->end = r->piece;
}

void json_feed(struct json_reader *r, const char *p, size_t n)
{
    r->piece_offset = json_offset(r);
    r->piece = r->at = p;
    r->end = p + n;
}

static bool in_object(const struct json_reader *r)
{
    return r->depth && r->kinds >> (r->depth - 1) & 1;
}

const char *json_expected(const struct json_reader *r)
{
    static const char *const texts[] = {
        [JSON_EXPECT_VALUE] = "a value",
        [JSON_EXPECT_VALUE_OR_END] = "a value or ']'",
        [JSON_EXPECT_KEY] = "a name in quotes",
        [JSON_EXPECT_KEY_OR_END] = "a name in quotes or '}'",
        [JSON_EXPECT_COLON] = "':'",
        [JSON_EXPECT_COMMA_OR_END] = "',' or ']'",
        [JSON_EXPECT_NOTHING] = "the end",
    };
    if (!r->depth && r->expect == JSON_EXPECT_VALUE)
        return "an object";
    if (r->token == JSON_IN_STRING)
        return "the end of a string";
    return r->expect == JSON_EXPECT_COMMA_OR_END && in_object(r) ? "',' or '}'" : texts[r->expect];
}

const char *json_event_text(enum json_event e)
{
    static const char *const texts[] = {
        [JSON_MORE] = "nothing",    [JSON_BAD] = "an error",  [JSON_OBJECT] = "an object", [JSON_OBJECT_END] = "'}'",
        [JSON_ARRAY] = "an array",  [JSON_ARRAY_END] = "']'", [JSON_KEY] = "a name",       [JSON_STRING] = "a string",
        [JSON_NUMBER] = "a number", [JSON_TRUE] = "true",     [JSON_FALSE] = "false",      [JSON_NULL] = "null"};
    return texts[e];
}

static enum json_event unexpected(struct json_reader *r, struct gv_err *err)
{
    unsigned char c = (unsigned char)*r->at;
    unsigned long long at = json_offset(r);
    if (c > 0x20 && c < 0x7f)
        gv_fail(err, GV_BAD_DATA, "expected %s, got '%c' at byte %llu", json_expected(r), c, at);
    else
        gv_fail(err, GV_BAD_DATA, "expected %s, got byte 0x%02x at byte %llu", json_expected(r), c, at);
    return JSON_BAD;
}

static bool expects_value(const struct json_reader *r)
{
    return r->expect == JSON_EXPECT_VALUE || r->expect == JSON_EXPECT_VALUE_OR_END;
}

static bool expects_key(const struct json_reader *r)
{
    return r->expect == JSON_EXPECT_KEY || r->expect == JSON_EXPECT_KEY_OR_END;
}

static void value_ended(struct json_reader *r)
{
    r->expect = r->depth ? JSON_EXPECT_COMMA_OR_END : JSON_EXPECT_NOTHING;
}

static enum json_event open_container(struct json_reader *r, bool object, struct gv_err *err)
{
    if (!expects_value(r))
        return unexpected(r, err);
    r->token_offset = json_offset(r);
    if (r->depth == JSON_MAX_DEPTH) {
        gv_fail(err, GV_BAD_DATA, "nested deeper than %d at byte %llu", JSON_MAX_DEPTH,
                (unsigned long long)r->token_offset);
        return JSON_BAD;
    }
    r->at++;
    r->kinds = (r->kinds & ~(UINT64_C(1) << r->depth)) | (uint64_t)object << r->depth;
    r->depth++;
    r->expect = object ? JSON_EXPECT_KEY_OR_END : JSON_EXPECT_VALUE_OR_END;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_event close_container(struct json_reader *r, bool object, struct gv_err *err)
{
    bool may_end = r->expect == JSON_EXPECT_COMMA_OR_END ||
                   r->expect == (object ? JSON_EXPECT_KEY_OR_END : JSON_EXPECT_VALUE_OR_END);
    if (!may_end || in_object(r) != object)
        return unexpected(r, err);
    r->token_offset = json_offset(r);
    r->at++;
    r->depth--;
    value_ended(r);
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

char *json_text_reserve(struct gv_arena *a, struct json_text *t, size_t n)
{
    if (!t->p || t->cap - t->n < n) {
        size_t cap = t->cap ? t->cap : 128;
        while (cap - t->n < n)
            cap *= 2;
        char *p = gv_arena_alloc(a, cap);
        if (t->n)
            memcpy(p, t->p, t->n);
        t->p = p;
        t->cap = cap;
    }
    return t->p + t->n;
}

void json_text_add(struct gv_arena *a, struct json_text *t, struct gv_slice s)
{
    char *to = json_text_reserve(a, t, s.n);
    if (s.n)
        memcpy(to, s.p, s.n);
    t->n += s.n;
}

/* Where the scan of a token must stop for now: the end of the piece, or one byte over the cap. */
static const char *scan_limit(const struct json_reader *r)
{
    size_t left = (size_t)(r->end - r->at), allowed = JSON_MAX_TOKEN + 1 - r->carry.n;
    return r->at + (left < allowed ? left : allowed);
}

/* The token goes on beyond p, which is a scan limit. */
static enum json_event carry_on(struct json_reader *r, const char *p, struct gv_err *err)
{
    json_text_add(r->arena, &r->carry, (struct gv_slice){r->at, (size_t)(p - r->at)});
    r->at = p;
    if (r->carry.n <= JSON_MAX_TOKEN)
        return JSON_MORE;
    gv_fail(err, GV_BAD_DATA, "a %s of more than %d bytes at byte %llu",
            r->token == JSON_IN_STRING ? "string" : "number", JSON_MAX_TOKEN, (unsigned long long)r->token_offset);
    return JSON_BAD;
}

/* The whole raw token, which ends at p. */
static struct gv_slice gather(struct json_reader *r, const char *p)
{
    struct gv_slice rest = {r->at, (size_t)(p - r->at)};
    r->at = p;
    r->token = JSON_NO_TOKEN;
    if (!r->carry.n)
        return rest;
    json_text_add(r->arena, &r->carry, rest);
    return (struct gv_slice){r->carry.p, r->carry.n};
}

static enum json_event end_string(struct json_reader *r, const char *quote, struct gv_err *err)
{
    struct gv_slice raw = gather(r, quote);
    r->at++;
    r->text = raw;
    if ((r->has_escapes || r->high & 0x80) && !json_decode_string(r, raw, err))
        return JSON_BAD;
    if (r->is_key)
        r->expect = JSON_EXPECT_COLON;
    else
        value_ended(r);
    return r->is_key ? JSON_KEY : JSON_STRING;
}

static enum json_event go_on_string(struct json_reader *r, struct gv_err *err)
{
    const char *limit = scan_limit(r), *p = r->at;
    for (; p < limit; p++) {
        if (r->after_backslash) {
            r->after_backslash = false;
            r->high |= (unsigned char)*p;
            continue;
        }
        p = json_plain_end(p, limit, &r->high);
        if (p == limit)
            break;
        if (*p == '"')
            return end_string(r, p, err);
        if (*p != '\\') {
            r->at = p;
            return unexpected(r, err);
        }
        r->after_backslash = r->has_escapes = true;
    }
    return carry_on(r, p, err);
}

static enum json_event begin_string(struct json_reader *r, struct gv_err *err)
{
    r->is_key = expects_key(r);
    if (!r->depth || (!r->is_key && !expects_value(r)))
        return unexpected(r, err);
    r->token_offset = json_offset(r);
    r->at++;
    r->token = JSON_IN_STRING;
    r->carry.n = 0;
    r->after_backslash = r->has_escapes = false;
    r->high = 0;
    return go_on_string(r, err);
}

static bool is_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
           c == '.';
}

static enum json_event word_event(struct gv_slice word)
{
    if (gv_slice_is(word, "true"))
        return JSON_TRUE;
    if (gv_slice_is(word, "false"))
        return JSON_FALSE;
    if (gv_slice_is(word, "null"))
        return JSON_NULL;
    return json_is_number(word) ? JSON_NUMBER : JSON_BAD;
}

static enum json_event end_word(struct json_reader *r, const char *p, struct gv_err *err)
{
    r->text = gather(r, p);
    value_ended(r);
    enum json_event e = word_event(r->text);
    if (e == JSON_BAD) {
        int shown = r->text.n < 40 ? (int)r->text.n : 40;
        gv_fail(err, GV_BAD_DATA, "expected a value, got %.*s at byte %llu", shown, r->text.p,
                (unsigned long long)r->token_offset);
    }
    return e;
}

static enum json_event go_on_word(struct json_reader *r, struct gv_err *err)
{
    const char *limit = scan_limit(r), *p = r->at;
    while (p < limit && is_word((unsigned char)*p))
        p++;
    return p == limit ? carry_on(r, p, err) : end_word(r, p, err);
}

static enum json_event begin_word(struct json_reader *r, struct gv_err *err)
{
    if (!r->depth || !expects_value(r) || !is_word((unsigned char)*r->at))
        return unexpected(r, err);
    r->token_offset = json_offset(r);
    r->token = JSON_IN_WORD;
    r->carry.n = 0;
    return go_on_word(r, err);
}

static bool take_separator(struct json_reader *r, enum json_expect at, enum json_expect then)
{
    if (r->expect != at)
        return false;
    r->expect = then;
    r->at++;
    return true;
}

enum json_event json_next(struct json_reader *r, struct gv_err *err)
{
    if (r->token != JSON_NO_TOKEN)
        return r->token == JSON_IN_STRING ? go_on_string(r, err) : go_on_word(r, err);
    while (r->at < r->end) {
        char c = *r->at;
        switch (c) {
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            r->at++;
            break;
        case ',':
            if (!take_separator(r, JSON_EXPECT_COMMA_OR_END, in_object(r) ? JSON_EXPECT_KEY : JSON_EXPECT_VALUE))
                return unexpected(r, err);
            break;
        case ':':
            if (!take_separator(r, JSON_EXPECT_COLON, JSON_EXPECT_VALUE))
                return unexpected(r, err);
            break;
        case '{':
        case '[':
            return open_container(r, c == '{', err);
        case '}':
        case ']':
            return close_container(r, c == '}', err);
        case '"':
            return begin_string(r, err);
        default:
            return begin_word(r, err);
        }
    }
    return JSON_MORE;
}
