/* Query text to tokens, one at a time. One owner.
 *
 * Some words and marks mean different things by place, and the brackets that are open tell the place: there are no
 * keywords in braces, and only durations, their arithmetic and their few words behind a `[`. Errors are in Prometheus's
 * words. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum gv_token_class {
    GV_CLASS_VARIABLE,   /* the text decides: shown as `number "1"` */
    GV_CLASS_MARK,       /* shown as `"("` */
    GV_CLASS_OPERATOR,   /* shown as `<op:+>` */
    GV_CLASS_AGGREGATOR, /* shown as `<aggr:sum>` */
    GV_CLASS_KEYWORD,    /* shown as `<by>` */
    GV_CLASS_PREPROCESSOR
};

/* name, text (a description for variable ones), class */
#define GV_TOKENS(X)                                                                                                   \
    X(EOF, "end of input", VARIABLE)                                                                                   \
    X(ERROR, "error", VARIABLE)                                                                                        \
    X(IDENTIFIER, "identifier", VARIABLE)                                                                              \
    X(METRIC_IDENTIFIER, "metric identifier", VARIABLE)                                                                \
    X(STRING, "string", VARIABLE)                                                                                      \
    X(NUMBER, "number", VARIABLE)                                                                                      \
    X(DURATION, "duration", VARIABLE)                                                                                  \
    X(LEFT_PAREN, "(", MARK)                                                                                           \
    X(RIGHT_PAREN, ")", MARK)                                                                                          \
    X(LEFT_BRACE, "{", MARK)                                                                                           \
    X(RIGHT_BRACE, "}", MARK)                                                                                          \
    X(LEFT_BRACKET, "[", MARK)                                                                                         \
    X(RIGHT_BRACKET, "]", MARK)                                                                                        \
    X(COMMA, ",", MARK)                                                                                                \
    X(COLON, ":", MARK)                                                                                                \
    X(EQL, "=", MARK)                                                                                                  \
    X(ADD, "+", OPERATOR)                                                                                              \
    X(SUB, "-", OPERATOR)                                                                                              \
    X(MUL, "*", OPERATOR)                                                                                              \
    X(DIV, "/", OPERATOR)                                                                                              \
    X(MOD, "%", OPERATOR)                                                                                              \
    X(POW, "^", OPERATOR)                                                                                              \
    X(ATAN2, "atan2", OPERATOR)                                                                                        \
    X(EQLC, "==", OPERATOR)                                                                                            \
    X(NEQ, "!=", OPERATOR)                                                                                             \
    X(LSS, "<", OPERATOR)                                                                                              \
    X(GTR, ">", OPERATOR)                                                                                              \
    X(LTE, "<=", OPERATOR)                                                                                             \
    X(GTE, ">=", OPERATOR)                                                                                             \
    X(LAND, "and", OPERATOR)                                                                                           \
    X(LOR, "or", OPERATOR)                                                                                             \
    X(LUNLESS, "unless", OPERATOR)                                                                                     \
    X(TRIM_UPPER, "</", OPERATOR)                                                                                      \
    X(TRIM_LOWER, ">/", OPERATOR)                                                                                      \
    X(EQL_REGEX, "=~", OPERATOR)                                                                                       \
    X(NEQ_REGEX, "!~", OPERATOR)                                                                                       \
    X(AT, "@", OPERATOR)                                                                                               \
    X(SUM, "sum", AGGREGATOR)                                                                                          \
    X(AVG, "avg", AGGREGATOR)                                                                                          \
    X(COUNT, "count", AGGREGATOR)                                                                                      \
    X(MIN, "min", AGGREGATOR)                                                                                          \
    X(MAX, "max", AGGREGATOR)                                                                                          \
    X(GROUP, "group", AGGREGATOR)                                                                                      \
    X(STDDEV, "stddev", AGGREGATOR)                                                                                    \
    X(STDVAR, "stdvar", AGGREGATOR)                                                                                    \
    X(TOPK, "topk", AGGREGATOR)                                                                                        \
    X(BOTTOMK, "bottomk", AGGREGATOR)                                                                                  \
    X(COUNT_VALUES, "count_values", AGGREGATOR)                                                                        \
    X(QUANTILE, "quantile", AGGREGATOR)                                                                                \
    X(LIMITK, "limitk", AGGREGATOR)                                                                                    \
    X(LIMIT_RATIO, "limit_ratio", AGGREGATOR)                                                                          \
    X(OFFSET, "offset", KEYWORD)                                                                                       \
    X(SMOOTHED, "smoothed", KEYWORD)                                                                                   \
    X(ANCHORED, "anchored", KEYWORD)                                                                                   \
    X(BY, "by", KEYWORD)                                                                                               \
    X(WITHOUT, "without", KEYWORD)                                                                                     \
    X(ON, "on", KEYWORD)                                                                                               \
    X(IGNORING, "ignoring", KEYWORD)                                                                                   \
    X(GROUP_LEFT, "group_left", KEYWORD)                                                                               \
    X(GROUP_RIGHT, "group_right", KEYWORD)                                                                             \
    X(FILL, "fill", KEYWORD)                                                                                           \
    X(FILL_LEFT, "fill_left", KEYWORD)                                                                                 \
    X(FILL_RIGHT, "fill_right", KEYWORD)                                                                               \
    X(BOOL, "bool", KEYWORD)                                                                                           \
    X(START, "start", PREPROCESSOR)                                                                                    \
    X(END, "end", PREPROCESSOR)                                                                                        \
    X(STEP, "step", PREPROCESSOR)                                                                                      \
    X(RANGE, "range", PREPROCESSOR)                                                                                    \
    X(MAX_OF, "max_of", PREPROCESSOR)                                                                                  \
    X(MIN_OF, "min_of", PREPROCESSOR)

enum gv_token_kind {
#define GV_TOKEN_ENUM(name, text, class) GV_TOK_##name,
    GV_TOKENS(GV_TOKEN_ENUM)
#undef GV_TOKEN_ENUM
        GV_TOKEN_KINDS
};

struct gv_token {
    enum gv_token_kind kind;
    uint32_t start, end; /* byte offsets into the text; of an error: where it is reported */
    struct gv_slice text;
};

struct gv_open;
struct gv_lexer {
    struct gv_slice text;
    struct gv_arena *arena;  /* for brackets and the messages of errors */
    size_t at, start;        /* next byte to read; first byte of the token under way */
    struct gv_open *open;    /* the innermost open bracket, or NULL */
    enum gv_token_kind last; /* the token made last */
};

void gv_lexer_init(struct gv_lexer *l, struct gv_arena *a, struct gv_slice text);
/* The next token. GV_TOK_ERROR carries its message as its text, and is the last one: do not ask on. */
struct gv_token gv_lexer_next(struct gv_lexer *l);

enum gv_token_class gv_token_class(enum gv_token_kind kind);
const char *gv_token_kind_text(enum gv_token_kind kind);
/* As "unexpected ..." names a token: `identifier "x"`, `<op:+>`, `"("`, `end of input`. */
void gv_token_describe(struct gv_buf *out, const struct gv_token *t);
