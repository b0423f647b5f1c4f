/* Relabelling as in Prometheus's relabel_configs ("Configuration", relabel_config). Compiled rules may be used by any
 * thread and live as long as their arena. */
#pragma once
#include "base/option.h"
#include "model/matcher.h"

enum gv_relabel_action {
    GV_RELABEL_REPLACE,
    GV_RELABEL_KEEP,
    GV_RELABEL_DROP,
    GV_RELABEL_KEEPEQUAL,
    GV_RELABEL_DROPEQUAL,
    GV_RELABEL_HASHMOD,
    GV_RELABEL_LABELMAP,
    GV_RELABEL_LABELDROP,
    GV_RELABEL_LABELKEEP,
    GV_RELABEL_LOWERCASE,
    GV_RELABEL_UPPERCASE,
};

struct gv_relabel_rule {
    /* Filled from the configuration through gv_relabel_table. */
    struct gv_option_list source_labels;
    struct gv_slice separator, target_label, regex, replacement;
    int64_t modulus;
    int action; /* enum gv_relabel_action */
    /* Made by gv_relabel_compile. */
    struct gv_matcher matcher; /* on regex; the name is empty */
    struct gv_regex *captures; /* of the actions that expand groups */
};

extern const struct gv_option_table gv_relabel_table; /* keys, defaults and help of a rule */

/* Checks the rule and compiles its expression into a. Fails with GV_BAD_DATA in Prometheus's words. */
GV_MUST_CHECK bool gv_relabel_compile(struct gv_relabel_rule *r, struct gv_arena *a, struct gv_err *err);

/* Applies rules in order to the labels of b; false: dropped, and b is of no use. Texts that rules make live in scratch,
 * and must until b is built. */
bool gv_relabel(const struct gv_relabel_rule *rules, size_t n, struct gv_labels_builder *b, struct gv_arena *scratch);
