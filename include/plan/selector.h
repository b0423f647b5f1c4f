/* What a selector becomes for one source: matchers on injected labels are decided here and dropped, other names are
 * given back the form they have there. Pure. */
#pragma once
#include "codec/mapping.h"
#include "promql/ast.h"

/* False where an injected label cannot match: the selector is empty for that source. Else *n of out (room for
 * n_matchers) are the matchers to send; where none of them rules out the empty value, as where none is left, PromQL
 * wants one more that does: {__name__!=""}. A matcher on an
 * injected label under its own name is decided against the injected value; one on exported_... loses one prefix. */
bool gv_selector_for_source(const struct gv_mapping *m, const struct gv_matcher *matchers, size_t n_matchers,
                            struct gv_matcher *out, size_t *n);

bool gv_selector_needs_name(const struct gv_matcher *matchers, size_t n);

/* As text for match[]: `{a="b",c=~"d"}`; appends nothing and gives false where the selector is empty there. */
bool gv_selector_print_for_source(const struct gv_mapping *m, struct gv_arena *a, const struct gv_selector *s,
                                  struct gv_buf *out);
