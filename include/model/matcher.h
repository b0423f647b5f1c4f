/* Label matchers, with short-circuits for the expressions that need no engine. A compiled matcher may be read by any
 * thread and lives as long as its arena. */
#pragma once
#include "base/regex.h"
#include "model/labels.h"

enum gv_match_type { GV_MATCH_EQ, GV_MATCH_NE, GV_MATCH_RE, GV_MATCH_NRE };

/* What a regular expression amounts to; decided once, when compiled. */
enum gv_match_plan {
    GV_PLAN_LITERAL,  /* one text */
    GV_PLAN_SET,      /* an alternation of literals */
    GV_PLAN_PREFIX,   /* literal.* */
    GV_PLAN_SUFFIX,   /* .*literal */
    GV_PLAN_CONTAINS, /* .*literal.* */
    GV_PLAN_ANY,      /* .* */
    GV_PLAN_NONEMPTY, /* .+ */
    GV_PLAN_REGEX     /* the engine */
};

struct gv_matcher {
    enum gv_match_type type;
    struct gv_slice name, value; /* value: literal text or pattern, as written */
    enum gv_match_plan plan;
    const struct gv_slice *literals; /* of the plan, sorted for GV_PLAN_SET */
    size_t n_literals;
    struct gv_regex *re; /* GV_PLAN_REGEX only */
};

/* Compiles into arena a, copying name and value. Fails with GV_BAD_DATA for a pattern that RE2 refuses. */
GV_MUST_CHECK bool gv_matcher_make(struct gv_matcher *m, struct gv_arena *a, enum gv_match_type type,
                                   struct gv_slice name, struct gv_slice value, struct gv_err *err);
bool gv_matcher_matches(const struct gv_matcher *m, struct gv_slice value); /* an absent label is the empty value */
bool gv_matchers_match(const struct gv_matcher *m, size_t n, const struct gv_labels *l); /* all of them */
const char *gv_match_type_text(enum gv_match_type type);                                 /* = != =~ !~ */
/* name="value" as PromQL text, the name quoted where it is no legacy name. */
void gv_matcher_print(struct gv_buf *out, const struct gv_matcher *m);
