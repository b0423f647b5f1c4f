/* Rules are applied one after the other to a builder: a rule reads labels of it, and drops the series or writes labels
 * back. Texts that come into being go to the scratch arena, since the builder only borrows. */
#include "model/relabel.h"
#include "base/number.h"
#include <openssl/evp.h>

/* What one rule works on. */
struct work {
    const struct gv_relabel_rule *rule;
    struct gv_labels_builder *labels;
    struct gv_arena *scratch;
    struct gv_buf buf; /* reused from rule to rule */
};

/* The values of the source labels, joined; in place where there is one. */
static struct gv_slice source_of(struct work *w)
{
    const struct gv_option_list *names = &w->rule->source_labels;
    if (names->n == 1)
        return gv_labels_builder_get(w->labels, names->items[0]);
    gv_buf_clear(&w->buf);
    for (size_t i = 0; i < names->n; i++) {
        if (i)
            gv_buf_add_slice(&w->buf, w->rule->separator);
        gv_buf_add_slice(&w->buf, gv_labels_builder_get(w->labels, names->items[i]));
    }
    return gv_arena_dup(w->scratch, gv_buf_slice(&w->buf));
}

static struct gv_slice keep_buf(struct work *w)
{
    struct gv_slice kept = gv_arena_dup(w->scratch, gv_buf_slice(&w->buf));
    gv_buf_clear(&w->buf);
    return kept;
}

static struct gv_slice expand(struct work *w, struct gv_slice with, const struct gv_slice *groups, size_t n)
{
    if (gv_regex_is_fixed(with))
        return with;
    gv_buf_clear(&w->buf);
    (void)gv_regex_expand(&w->buf, w->rule->captures, with, groups, n,
                          GV_LABEL_MAX_BYTES); /* longer ones are cut off */
    return keep_buf(w);
}

/* The groups of text; the default expression needs no engine. */
static bool match_groups(struct work *w, struct gv_slice text, struct gv_slice groups[GV_REGEX_MAX_GROUPS], size_t *n)
{
    if (gv_slice_is(w->rule->regex, "(.*)")) {
        groups[0] = groups[1] = text;
        *n = 2;
        return true;
    }
    return gv_regex_groups(w->rule->captures, text, groups, GV_REGEX_MAX_GROUPS, n);
}

static void replace(struct work *w, struct gv_slice source)
{
    struct gv_slice groups[GV_REGEX_MAX_GROUPS];
    size_t n;
    if (!match_groups(w, source, groups, &n))
        return;
    struct gv_slice target = expand(w, w->rule->target_label, groups, n);
    if (target.n && gv_utf8_valid(target))
        gv_labels_set(w->labels, target, expand(w, w->rule->replacement, groups, n));
}

static void hash_modulo(struct work *w, struct gv_slice source)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(source.n ? source.p : "", source.n, digest, NULL, EVP_md5(), NULL))
        gv_die("MD5 is not available");
    uint64_t last = 0;
    for (int i = 8; i < 16; i++)
        last = last << 8 | digest[i];
    gv_buf_clear(&w->buf);
    gv_buf_add_int(&w->buf, (int64_t)(last % (uint64_t)w->rule->modulus));
    gv_labels_set(w->labels, w->rule->target_label, keep_buf(w));
}

static void change_case(struct work *w, struct gv_slice source, bool upper)
{
    gv_buf_clear(&w->buf);
    if (upper)
        gv_buf_add_upper(&w->buf, source);
    else
        gv_buf_add_lower(&w->buf, source);
    gv_labels_set(w->labels, w->rule->target_label, keep_buf(w));
}

/* The labels as they were before the rule, since setting moves them. */
static struct gv_label *copy_labels(struct work *w, size_t *n)
{
    struct gv_label *copy = gv_arena_array(w->scratch, struct gv_label, w->labels->n);
    *n = w->labels->n;
    if (*n)
        memcpy(copy, w->labels->labels, *n * sizeof *copy);
    return copy;
}

static void map_names(struct work *w)
{
    size_t n_labels, n;
    const struct gv_label *labels = copy_labels(w, &n_labels);
    for (size_t i = 0; i < n_labels; i++) {
        struct gv_slice groups[GV_REGEX_MAX_GROUPS];
        if (!match_groups(w, labels[i].name, groups, &n))
            continue;
        struct gv_slice name = expand(w, w->rule->replacement, groups, n);
        if (name.n)
            gv_labels_set(w->labels, name, labels[i].value);
    }
}

static void delete_names(struct work *w, bool matching)
{
    struct gv_labels_builder *b = w->labels;
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++)
        if (gv_matcher_matches(&w->rule->matcher, b->labels[i].name) != matching)
            b->labels[kept++] = b->labels[i];
    b->n = kept;
}

/* False: the series is dropped. */
static bool apply(struct work *w)
{
    const struct gv_relabel_rule *r = w->rule;
    struct gv_slice source = source_of(w);
    switch ((enum gv_relabel_action)r->action) {
    case GV_RELABEL_REPLACE:
        replace(w, source);
        return true;
    case GV_RELABEL_KEEP:
        return gv_matcher_matches(&r->matcher, source);
    case GV_RELABEL_DROP:
        return !gv_matcher_matches(&r->matcher, source);
    case GV_RELABEL_KEEPEQUAL:
        return gv_slice_eq(gv_labels_builder_get(w->labels, r->target_label), source);
    case GV_RELABEL_DROPEQUAL:
        return !gv_slice_eq(gv_labels_builder_get(w->labels, r->target_label), source);
    case GV_RELABEL_HASHMOD:
        hash_modulo(w, source);
        return true;
    case GV_RELABEL_LABELMAP:
        map_names(w);
        return true;
    case GV_RELABEL_LABELDROP:
        delete_names(w, true);
        return true;
    case GV_RELABEL_LABELKEEP:
        delete_names(w, false);
        return true;
    case GV_RELABEL_LOWERCASE:
        change_case(w, source, false);
        return true;
    case GV_RELABEL_UPPERCASE:
        change_case(w, source, true);
        return true;
    }
    gv_die("relabel action %d", r->action);
}

bool gv_relabel(const struct gv_relabel_rule *rules, size_t n, struct gv_labels_builder *b, struct gv_arena *scratch)
{
    struct work w = {.labels = b, .scratch = scratch, .buf = GV_BUF_INIT};
    bool kept = true;
    for (size_t i = 0; i < n && kept; i++) {
        w.rule = &rules[i];
        kept = apply(&w);
    }
    gv_buf_fini(&w.buf);
    return kept;
}
