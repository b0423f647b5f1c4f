/* Regular expressions with RE2's syntax and linear time, behind a C++ shim. A compiled one may be used by any thread.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct gv_regex;

/* Matches whole texts only, `.` matches newline (Prometheus 3). captures: keep groups, for gv_regex_expand; matchers
 * need none. Fails with GV_BAD_DATA and RE2's own words. */
GV_MUST_CHECK struct gv_regex *gv_regex_new(struct gv_slice pattern, bool captures, struct gv_err *err);
void gv_regex_free(struct gv_regex *re);
/* A byte of text that is no UTF-8 is matched as U+FFFD, as Go does. */
bool gv_regex_match(const struct gv_regex *re, struct gv_slice text);

/* Capture groups of a whole match: index 0 is the match itself. Unmatched groups are {NULL, 0}.
 * Returns false where text does not match, or is not UTF-8. */
enum { GV_REGEX_MAX_GROUPS = 100 };
bool gv_regex_groups(const struct gv_regex *re, struct gv_slice text, struct gv_slice *groups, size_t max, size_t *n);
int gv_regex_group_named(const struct gv_regex *re, struct gv_slice name); /* index, or -1 */

/* Appends replacement with $1, ${1}, $name and ${name} replaced by the groups, $$ by $ (Go: regexp.Expand): an unnamed
 * $x takes the longest run of letters, digits and `_`; an unknown group is empty; a `$` that begins no name stays.
 * Stops, and returns false, once out holds more than max bytes: groups may be long, and named often. */
bool gv_regex_expand(struct gv_buf *out, const struct gv_regex *re, struct gv_slice replacement,
                     const struct gv_slice *groups, size_t n, size_t max);
/* Whether replacement expands to itself whatever matched. */
bool gv_regex_is_fixed(struct gv_slice replacement);
/* Bytes at the start of s that are letters, digits (of any script) or `_`. */
size_t gv_regex_word_prefix(struct gv_slice s);
