/* A rule as it is configured: its keys, and the conditions that Prometheus puts on each action. */
#include "model/relabel.h"

static const char *const actions[] = {"replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
                                      "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase", NULL};

#define AT(member) .offset = offsetof(struct gv_relabel_rule, member)
static const struct gv_option rows[] = {
    {.key = "source_labels", .type = GV_OPTION_LIST, AT(source_labels), .help = "Labels whose values are joined."},
    {.key = "separator",
     .type = GV_OPTION_STRING,
     AT(separator),
     .fallback = ";",
     .help = "Stands between the values."},
    {.key = "target_label", .type = GV_OPTION_STRING, AT(target_label), .help = "Label that is written."},
    {.key = "regex", .type = GV_OPTION_STRING, AT(regex), .fallback = "(.*)", .help = "Must match the whole text."},
    {.key = "modulus",
     .type = GV_OPTION_INT,
     AT(modulus),
     .fallback = "0",
     .min = 0,
     .max = 0x1p62,
     .help = "Of hashmod."},
    {.key = "replacement",
     .type = GV_OPTION_STRING,
     AT(replacement),
     .fallback = "$1",
     .help = "May name groups of regex."},
    {.key = "action",
     .type = GV_OPTION_ENUM,
     AT(action),
     .fallback = "replace",
     .words = actions,
     .help = "What is done."},
};
const struct gv_option_table gv_relabel_table = GV_OPTION_TABLE(rows, struct gv_relabel_rule);

static bool is_one_of(const struct gv_relabel_rule *r, unsigned set)
{
    return 1u << r->action & set;
}

enum {
    EQUALS = 1u << GV_RELABEL_KEEPEQUAL | 1u << GV_RELABEL_DROPEQUAL,
    BY_NAME = 1u << GV_RELABEL_LABELDROP | 1u << GV_RELABEL_LABELKEEP,
    CASES = 1u << GV_RELABEL_LOWERCASE | 1u << GV_RELABEL_UPPERCASE,
    FIXED_TARGET = EQUALS | CASES | 1u << GV_RELABEL_HASHMOD,
    WITH_TARGET = FIXED_TARGET | 1u << GV_RELABEL_REPLACE,
};

static bool is_label_name(struct gv_slice s)
{
    return s.n > 0 && gv_utf8_valid(s);
}

static bool fail_name(const struct gv_relabel_rule *r, struct gv_slice name, const char *key, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, name);
    gv_fail(err, GV_BAD_DATA, "%s is invalid '%s' for %s action", gv_buf_cstr(&b), key, actions[r->action]);
    gv_buf_fini(&b);
    return false;
}

static bool has_default_texts(const struct gv_relabel_rule *r)
{
    return !r->modulus && gv_slice_is(r->separator, ";") && gv_slice_is(r->replacement, "$1");
}

static bool check_names(const struct gv_relabel_rule *r, struct gv_err *err)
{
    const char *action = actions[r->action];
    if (r->action == GV_RELABEL_HASHMOD && r->modulus <= 0)
        return gv_fail(err, GV_BAD_DATA, "relabel configuration for hashmod requires non-zero modulus");
    if (is_one_of(r, WITH_TARGET) && !r->target_label.n)
        return gv_fail(err, GV_BAD_DATA, "relabel configuration for %s action requires 'target_label' value", action);
    if (is_one_of(r, WITH_TARGET) && !is_label_name(r->target_label))
        return fail_name(r, r->target_label, "target_label", err);
    if (r->action == GV_RELABEL_LABELMAP && !is_label_name(r->replacement))
        return fail_name(r, r->replacement, "replacement", err);
    return true;
}

static bool check_superfluous(const struct gv_relabel_rule *r, struct gv_err *err)
{
    const char *action = actions[r->action];
    if (is_one_of(r, CASES) && !gv_slice_is(r->replacement, "$1"))
        return gv_fail(err, GV_BAD_DATA, "'replacement' can not be set for %s action", action);
    if (is_one_of(r, EQUALS) && !(has_default_texts(r) && gv_slice_is(r->regex, "(.*)")))
        return gv_fail(err, GV_BAD_DATA,
                       "%s action requires only 'source_labels' and `target_label`, and no other fields", action);
    if (is_one_of(r, BY_NAME) && !(has_default_texts(r) && !r->source_labels.n && !r->target_label.n))
        return gv_fail(err, GV_BAD_DATA, "%s action requires only 'regex', and no other fields", action);
    return true;
}

static void free_regex(void *re)
{
    gv_regex_free(re);
}

bool gv_relabel_compile(struct gv_relabel_rule *r, struct gv_arena *a, struct gv_err *err)
{
    r->captures = NULL;
    if (!check_names(r, err) || !check_superfluous(r, err) ||
        !gv_matcher_make(&r->matcher, a, GV_MATCH_RE, GV_S(""), r->regex, err))
        return false;
    if (r->action != GV_RELABEL_REPLACE && r->action != GV_RELABEL_LABELMAP)
        return true;
    r->captures = gv_regex_new(r->regex, true, err);
    if (r->captures)
        gv_arena_defer(a, free_regex, r->captures);
    return r->captures != NULL;
}
