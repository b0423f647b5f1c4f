/* A strict pull reader of JSON (RFC 8259) over text that arrives in pieces: wherever it is cut, the same events and the
 * same errors come out. Text goes in by json_feed, events come out of json_next until JSON_MORE. One owner.
 *
 * A token inside one piece is handed out where it lies; one that is cut, or holds escapes, is gathered in the arena. */
#pragma once
#include "base/arena.h"

enum { JSON_MAX_DEPTH = 64, JSON_MAX_TOKEN = 1 << 20 /* bytes of source text */ };

enum json_event {
    JSON_MORE, /* the piece is used up */
    JSON_BAD,  /* failed, with err */
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

enum json_expect {
    JSON_EXPECT_VALUE,
    JSON_EXPECT_VALUE_OR_END,
    JSON_EXPECT_KEY,
    JSON_EXPECT_KEY_OR_END,
    JSON_EXPECT_COLON,
    JSON_EXPECT_COMMA_OR_END,
    JSON_EXPECT_NOTHING
};

struct json_text {
    char *p;
    size_t n, cap;
};

struct json_reader {
    struct gv_arena *arena;
    const char *at, *end; /* what is left of the piece; after an event, the byte behind it */
    const char *piece;
    uint64_t piece_offset; /* of the piece in the whole text */
    uint64_t token_offset; /* of the event's first byte */
    struct gv_slice text;  /* of a key, a string (decoded) or a number; until the next call */
    uint64_t kinds;        /* bit i: the container at depth i+1 is an object */
    unsigned depth;        /* open containers */
    enum json_expect expect;
    enum { JSON_NO_TOKEN, JSON_IN_STRING, JSON_IN_WORD } token; /* the one that is cut */
    bool is_key, after_backslash, has_escapes;
    unsigned char high; /* bytes of the string or-ed: 0x80 where it is not ASCII */
    struct json_text carry, decoded;
};

void json_init(struct json_reader *r, struct gv_arena *arena);
void json_feed(struct json_reader *r, const char *p, size_t n); /* p stays valid until JSON_MORE */
GV_MUST_CHECK enum json_event json_next(struct json_reader *r, struct gv_err *err);

static inline bool json_is_done(const struct json_reader *r)
{
    return r->expect == JSON_EXPECT_NOTHING;
}
static inline uint64_t json_offset(const struct json_reader *r)
{
    return r->piece_offset + (uint64_t)(r->at - r->piece);
}
/* Inside an array: whether the next byte may begin an element; takes the comma before it. */
static inline bool json_at_element(struct json_reader *r)
{
    if (r->expect == JSON_EXPECT_COMMA_OR_END && r->at < r->end && *r->at == ',') {
        r->at++;
        r->expect = JSON_EXPECT_VALUE;
    }
    return r->token == JSON_NO_TOKEN && (r->expect == JSON_EXPECT_VALUE || r->expect == JSON_EXPECT_VALUE_OR_END);
}
/* There: the caller read n bytes of whole elements itself, the comma behind the last of them too. */
static inline void json_skip_elements(struct json_reader *r, size_t n)
{
    r->at += n;
    r->expect = JSON_EXPECT_VALUE;
}
/* The same for the members of an object: whether a name may come, and that n bytes of one member were read, without the
 * comma behind it. */
static inline bool json_at_member(struct json_reader *r)
{
    if (r->expect == JSON_EXPECT_COMMA_OR_END && r->at < r->end && *r->at == ',') {
        r->at++;
        r->expect = JSON_EXPECT_KEY;
    }
    return r->token == JSON_NO_TOKEN && (r->expect == JSON_EXPECT_KEY || r->expect == JSON_EXPECT_KEY_OR_END);
}
static inline void json_skip_member(struct json_reader *r, size_t n)
{
    r->at += n;
    r->expect = JSON_EXPECT_COMMA_OR_END;
}
const char *json_expected(const struct json_reader *r); /* in words, for messages */
const char *json_event_text(enum json_event e);         /* "an object" */

/* src/codec/json_token.c: both take the raw token, whose first byte is at r->token_offset. */
bool json_decode_string(struct json_reader *r, struct gv_slice raw, struct gv_err *err); /* without its quotes */
bool json_is_number(struct gv_slice text);

char *json_text_reserve(struct gv_arena *a, struct json_text *t, size_t n); /* room for n more; where they go */
void json_text_add(struct gv_arena *a, struct json_text *t, struct gv_slice s);
