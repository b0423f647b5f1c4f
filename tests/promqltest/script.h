/* A `.test` script as data: what to load, what to evaluate, what to expect (the format of Prometheus's promqltest).
 * Everything lives in the arena it was parsed into. */
#pragma once
#include "base/regex.h"
#include "model/histogram.h"
#include "model/labels.h"

/* ---- Series descriptions: `name{labels} 1 2+1x3 _ stale {{sum:1 count:2}}` ---- */

struct point {
    bool omitted;
    bool hint_written; /* the histogram's reset hint stands in the text: it counts in comparisons */
    double f;
    const struct gv_histogram *h; /* or NULL: the point is f */
};
struct points {
    struct point *items;
    size_t n, cap;
};
struct series_line {
    const struct gv_labels *labels;
    struct points points;
};

GV_MUST_CHECK bool parse_series(struct gv_arena *a, struct gv_slice line, struct series_line *out, struct gv_err *err);
/* `name{labels}@st -30s _ -1mx2`: start timestamps of the series in the next line, ms relative to each sample. */
bool is_start_line(struct gv_slice line);
GV_MUST_CHECK bool parse_start_line(struct gv_arena *a, struct gv_slice line, struct series_line *out,
                                    struct gv_err *err);
/* `{{schema:1 sum:2 ...}}` at *at, which moves behind it. */
GV_MUST_CHECK bool parse_histogram(struct gv_arena *a, struct gv_slice text, size_t *at, struct point *out,
                                   struct gv_err *err);

/* ---- Commands ---- */

struct loaded_series {
    const struct gv_labels *labels;
    struct points points, starts; /* starts.n == 0: none given */
};
struct load {
    int64_t gap; /* ms between points */
    bool with_nhcb;
    struct loaded_series *series;
    size_t n, cap;
};

enum expectation { EXPECT_ORDERED, EXPECT_FAIL, EXPECT_WARN, EXPECT_NO_WARN, EXPECT_INFO, EXPECT_NO_INFO };
struct expected_note {
    enum expectation kind;
    struct gv_slice message; /* exactly; where regex is NULL and any is false */
    struct gv_regex *regex;
    bool any;
};

struct eval {
    struct gv_slice text;
    bool is_range;
    int64_t start, end, step, time; /* ms; time: of an instant query */
    struct expected_note *notes;
    size_t n_notes, cap_notes;
    struct series_line *expected; /* in the order written */
    size_t n_expected, cap_expected;
    bool expects_scalar;
    double scalar;
    bool expects_string;
    struct gv_slice string;
    bool is_matrix; /* `expect range vector`: start, end and step say at which times */
};

enum command_kind { COMMAND_CLEAR, COMMAND_LOAD, COMMAND_EVAL };
struct command {
    enum command_kind kind;
    unsigned line;
    union {
        struct load load;
        struct eval eval;
    };
};
struct script {
    const char *path;
    struct command *commands;
    size_t n, cap;
};

/* Fails with "line N: ..." where the script is no script. */
GV_MUST_CHECK bool parse_script(struct gv_arena *a, struct gv_slice text, struct script *out, struct gv_err *err);

bool expects(const struct eval *e, enum expectation kind);
