/* What the files of the parser share. Precedence climbing over one token of lookahead, which is read only when
 * it is needed, so that the first error in the text is the one reported. Every parse function returns NULL (or false)
 * once an error is recorded; the callers just return. One owner. */
#pragma once
#include "promql/lexer.h"
#include "promql/parse.h"

/* Where the parser is, as "unexpected x in <where>, expected <expected>" says it. Constructs that have no words of
 * their own leave those of the construct around them. */
struct gv_parse_place {
    const char *where, *expected; /* "" for none */
};

struct gv_parser {
    struct gv_lexer lexer;
    struct gv_arena *arena;
    struct gv_err err;
    unsigned features;
    struct gv_token token; /* the lookahead, where peeked */
    bool peeked;
    uint32_t last_end; /* of the token taken last */
    struct gv_parse_place place;
    unsigned depth; /* of the recursion */
};

void gv_parser_init(struct gv_parser *p, struct gv_arena *a, struct gv_slice text, unsigned features);
bool gv_parser_check_length(struct gv_parser *p);
bool gv_parser_finish(struct gv_parser *p, struct gv_err *err); /* hands on the error, if any: true where none */

/* ---- Tokens ---- */

enum gv_token_kind gv_parser_peek(struct gv_parser *p); /* GV_TOK_ERROR: reported already */
struct gv_token gv_parser_take(struct gv_parser *p);    /* the lookahead, or the next */
/* Takes a token of that kind; anything else is unexpected, in the words of the place. */
bool gv_parser_expect(struct gv_parser *p, enum gv_token_kind kind, struct gv_token *taken);

/* ---- Errors ---- */

bool gv_parser_fail(struct gv_parser *p, uint32_t start, const char *fmt, ...) GV_PRINTF(3, 4);
bool gv_parser_unexpected(struct gv_parser *p);                                             /* the lookahead */
bool gv_parser_unexpected_in(struct gv_parser *p, const char *where, const char *expected); /* "" for none */
static inline bool gv_parser_failed(const struct gv_parser *p)
{
    return p->err.code != GV_OK;
}
const char *gv_parser_quote(struct gv_parser *p, struct gv_slice text); /* in Go's quotes */

/* ---- Nodes ---- */

struct gv_expr *gv_parser_node(struct gv_parser *p, enum gv_expr_kind kind, uint32_t start, uint32_t end);
/* Notes that parent stands above child, which bounds the height of every tree; false beyond the bound. */
bool gv_parser_adopt(struct gv_parser *p, struct gv_expr *parent, struct gv_expr *child);
bool gv_parser_enter(struct gv_parser *p); /* one level of recursion deeper; false beyond the bound */
static inline void gv_parser_leave(struct gv_parser *p)
{
    p->depth--;
}

/* ---- Grammar, by file ---- */

struct gv_expr *gv_parser_expr(struct gv_parser *p, unsigned floor); /* parser.c: operators from precedence floor on */
enum gv_op gv_parser_operator(enum gv_token_kind kind);              /* GV_OP_NONE: no operator */
static inline unsigned gv_parser_right_floor(enum gv_op op)          /* of the right operand */
{
    return op == GV_OP_POW ? GV_PREC_POW : gv_op_precedence(op) + 1;
}
bool gv_parser_starts_expr(enum gv_token_kind kind);
bool gv_parser_is_metric_word(enum gv_token_kind kind); /* may be a metric's name, where no `(` follows */

bool gv_parser_modifiers(struct gv_parser *p, struct gv_expr *binary); /* parser_binary.c: bool, on, group_left, fill */
bool gv_parser_grouping(struct gv_parser *p, struct gv_slice **labels, size_t *n);

struct gv_expr *gv_parser_selector(struct gv_parser *p, const struct gv_token *name); /* parser_selector.c; or NULL */
bool gv_parser_matches_all(const struct gv_selector *s); /* all its matchers match the empty value */

struct gv_expr *gv_parser_number(struct gv_parser *p);                          /* parser_duration.c */
bool gv_parser_signed_number(struct gv_parser *p, double *value);               /* behind `@`, within fill() */
struct gv_expr *gv_parser_brackets(struct gv_parser *p, struct gv_expr *inner); /* parser_time.c: [5m], [5m:1m] */
bool gv_parser_offset(struct gv_parser *p, struct gv_expr *e);
bool gv_parser_at(struct gv_parser *p, struct gv_expr *e);
bool gv_parser_extended(struct gv_parser *p, struct gv_expr *e); /* anchored, smoothed */

/* A duration: a GV_EXPR_NUMBER in seconds, or a GV_EXPR_DURATION.
 * Behind `offset`, operators belong to what is around it: `x offset -2^2` is (x offset -2)^2. Only what begins with a
 * parenthesis or with two signs is read on as a duration expression: that is how Prometheus's grammar turns out. */
struct gv_expr *gv_parser_duration(struct gv_parser *p);
struct gv_expr *gv_parser_offset_duration(struct gv_parser *p);

/* types.c: sets the types and finds what the grammar lets through. */
GV_MUST_CHECK bool gv_parser_check(struct gv_parser *p, struct gv_expr *e);
