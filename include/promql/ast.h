/* The syntax tree of PromQL (Prometheus 3.14), its types, and the one walker that all passes share.
 * A tree lives in the arena it was parsed into. It is changed only by whoever made it; readers may be on any thread. */
#pragma once
#include "model/matcher.h"

enum gv_value_type { GV_TYPE_NONE, GV_TYPE_SCALAR, GV_TYPE_STRING, GV_TYPE_VECTOR, GV_TYPE_MATRIX };
const char *gv_value_type_text(enum gv_value_type t);  /* "instant vector", ... as in type errors */
const char *gv_value_type_short(enum gv_value_type t); /* "vector", "matrix", ... */

/* Byte offsets into the query text: [start, end). */
struct gv_pos_range {
    uint32_t start, end;
};

enum gv_expr_kind {
    GV_EXPR_NUMBER,
    GV_EXPR_STRING,
    GV_EXPR_SELECTOR, /* instant selector */
    GV_EXPR_MATRIX,   /* range selector over a selector */
    GV_EXPR_SUBQUERY,
    GV_EXPR_CALL,
    GV_EXPR_AGGREGATE,
    GV_EXPR_BINARY,
    GV_EXPR_UNARY,
    GV_EXPR_PAREN,
    GV_EXPR_DURATION, /* a duration expression; only under range, offset and step of the nodes above */
    GV_EXPR_FEED      /* values that come from elsewhere, by slot; never parsed, put in by the planner */
};

/* clang-format off */
enum gv_op {
    GV_OP_NONE,
    GV_OP_ADD, GV_OP_SUB, GV_OP_MUL, GV_OP_DIV, GV_OP_MOD, GV_OP_POW, GV_OP_ATAN2,
    GV_OP_EQ, GV_OP_NE, GV_OP_LT, GV_OP_GT, GV_OP_LE, GV_OP_GE,
    GV_OP_AND, GV_OP_OR, GV_OP_UNLESS,
    GV_OP_TRIM_UPPER, /* </ */
    GV_OP_TRIM_LOWER, /* >/ */
    /* duration expressions only */
    GV_OP_STEP, GV_OP_RANGE, GV_OP_MIN, GV_OP_MAX
};
/* clang-format on */
const char *gv_op_text(enum gv_op op);
bool gv_op_is_comparison(enum gv_op op);
bool gv_op_is_set(enum gv_op op);
/* How strongly an operator binds, GV_PREC_OR weakest. Signs bind between * and ^; only ^ groups from the right. */
enum gv_precedence { GV_PREC_NONE, GV_PREC_OR, GV_PREC_AND, GV_PREC_COMPARE, GV_PREC_ADD, GV_PREC_MUL, GV_PREC_POW };
enum gv_precedence gv_op_precedence(enum gv_op op);

enum gv_at_kind { GV_AT_NONE, GV_AT_TIME, GV_AT_START, GV_AT_END };

/* `@` and `offset` of a selector or subquery. `@` applies first, whatever the order written. */
struct gv_time_shift {
    enum gv_at_kind at;
    int64_t at_ms;               /* GV_AT_TIME: ms since the epoch */
    int64_t offset_ms;           /* as written; valid once offset_expr is resolved */
    struct gv_expr *offset_expr; /* GV_EXPR_DURATION, or NULL */
};

enum gv_range_kind { GV_RANGE_PLAIN, GV_RANGE_ANCHORED, GV_RANGE_SMOOTHED };

struct gv_selector {
    struct gv_slice name;        /* metric name written before the braces, or empty */
    struct gv_matcher *matchers; /* all, in the order written; the one of `name` is the last, as Prometheus keeps it */
    size_t n_matchers;
    struct gv_time_shift shift;
    enum gv_range_kind extended; /* `anchored`, `smoothed` after the selector (promql-extended-range-selectors) */
};

enum gv_matching_card { GV_ONE_TO_ONE, GV_MANY_TO_ONE, GV_ONE_TO_MANY, GV_MANY_TO_MANY };

struct gv_matching {
    enum gv_matching_card card;
    bool on;                 /* `on (labels)`; else `ignoring (labels)` */
    bool written;            /* on or ignoring stands in the text */
    struct gv_slice *labels; /* as written */
    size_t n_labels;
    struct gv_slice *include; /* of group_left / group_right */
    size_t n_include;
    bool has_fill_left, has_fill_right; /* promql-binop-fill-modifiers */
    double fill_left, fill_right;
};

struct gv_function;    /* promql/functions.h: a row of the function table */
struct gv_aggregation; /* promql/functions.h: a row of the aggregation table */

struct gv_expr {
    enum gv_expr_kind kind;
    enum gv_value_type type; /* set by the parser */
    struct gv_pos_range pos;
    union {
        struct {
            double value;
            bool is_duration; /* written as a duration: prints as one */
        } number;
        struct {
            struct gv_slice value; /* unquoted */
        } string;
        struct gv_selector selector;
        struct {
            struct gv_expr *selector; /* GV_EXPR_SELECTOR */
            int64_t range_ms;
            struct gv_expr *range_expr; /* GV_EXPR_DURATION or NULL */
        } matrix;
        struct {
            struct gv_expr *expr;
            int64_t range_ms, step_ms; /* step_ms 0: the default step */
            struct gv_expr *range_expr, *step_expr;
            struct gv_time_shift shift;
        } subquery;
        struct {
            const struct gv_function *function;
            struct gv_expr **args;
            size_t n_args;
        } call;
        struct {
            const struct gv_aggregation *op;
            struct gv_expr *expr;
            struct gv_expr *param; /* or NULL */
            bool without;
            struct gv_slice *grouping; /* as written */
            size_t n_grouping;
            bool grouping_written; /* `by ()` differs from nothing in print, not in meaning */
        } aggregate;
        struct {
            enum gv_op op;
            struct gv_expr *lhs, *rhs;
            bool returns_bool;
            struct gv_matching matching; /* between two vectors only */
        } binary;
        struct {
            enum gv_op op; /* GV_OP_ADD, GV_OP_SUB */
            struct gv_expr *expr;
        } unary;
        struct {
            struct gv_expr *expr;
        } paren;
        struct {
            enum gv_op op;             /* arithmetic (a sign: GV_OP_SUB without lhs), GV_OP_STEP and on */
            struct gv_expr *lhs, *rhs; /* GV_EXPR_NUMBER (seconds) or GV_EXPR_DURATION; NULL where op takes fewer */
            bool wrapped;              /* stands in parentheses */
        } duration;
        struct {
            uint32_t slot;          /* index into the feeds given to the evaluator */
            bool raw;               /* raw series (matrix or selector data), else step vectors without lookback */
            bool invariant;         /* the same at every step: the feed has the first one alone; not where raw */
            struct gv_expr *origin; /* what it stands for: positions, names in annotations, absent() labels */
        } feed;
    };
};

/* Calls visit(e) before its children. The verdict: go on into the children, prune (skip them), or stop the walk.
 * Returns false where a visit stopped it. The children are those of gv_expr_child. */
enum gv_walk { GV_WALK_ON, GV_WALK_PRUNE, GV_WALK_STOP };
typedef enum gv_walk gv_expr_visit_fn(struct gv_expr *e, void *arg);
bool gv_expr_walk(struct gv_expr *e, gv_expr_visit_fn *visit, void *arg);

/* The i-th child in evaluation order as a place, so that it can be replaced; NULL beyond the last. Children are the
 * operands: a matrix's selector, a call's arguments, an aggregation's parameter (first) and expression. Duration
 * expressions are no children. */
struct gv_expr **gv_expr_child(struct gv_expr *e, size_t i);

struct gv_expr *gv_expr_dup(struct gv_arena *a, const struct gv_expr *e); /* deep, but shares matchers and texts */
const struct gv_expr *gv_expr_unparen(const struct gv_expr *e);           /* the first node that is no parenthesis */
