/* A script's text to commands. Lines are trimmed; one that begins with # counts as blank; a blank one ends the block
 * of a `load` or `eval`. */
#include "script.h"
#include "base/duration.h"
#include "base/number.h"
#include "promql/scan.h"

struct lines {
    struct gv_arena *arena;
    struct gv_slice rest; /* of the text */
    struct gv_slice line; /* trimmed; empty for a comment */
    unsigned number;      /* of line, from 1 */
    struct gv_err *err;
};

static struct gv_slice trim(struct gv_slice s)
{
    while (s.n && gv_scan_is_blank((unsigned char)s.p[0]))
        s = (struct gv_slice){s.p + 1, s.n - 1};
    while (s.n && gv_scan_is_blank((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool next_line(struct lines *l)
{
    if (!l->rest.n)
        return false;
    const char *newline = memchr(l->rest.p, '\n', l->rest.n);
    size_t n = newline ? (size_t)(newline - l->rest.p) : l->rest.n;
    l->line = trim((struct gv_slice){l->rest.p, n});
    if (l->line.n && l->line.p[0] == '#')
        l->line.n = 0;
    l->rest.p += n + (newline != NULL);
    l->rest.n -= n + (newline != NULL);
    l->number++;
    return true;
}

static bool next_of_block(struct lines *l)
{
    return next_line(l) && l->line.n > 0;
}

static bool fail(struct lines *l, const char *what)
{
    return gv_fail(l->err, GV_BAD_DATA, "line %u: %s: %.*s", l->number, what, GV_ARG(l->line));
}

static bool fail_inside(struct lines *l)
{
    return gv_err_prefix(l->err, "line %u: ", l->number);
}

/* ---- Words ---- */

static struct gv_slice take_word(struct gv_slice *s)
{
    size_t n = 0;
    while (n < s->n && !gv_scan_is_blank((unsigned char)s->p[n]))
        n++;
    struct gv_slice word = {s->p, n};
    *s = trim((struct gv_slice){s->p + n, s->n - n});
    return word;
}

static bool take_named(struct gv_slice *s, const char *word)
{
    struct gv_slice rest = *s;
    if (!gv_slice_is(take_word(&rest), word))
        return false;
    *s = rest;
    return true;
}

static bool take_duration(struct lines *l, struct gv_slice *s, int64_t *ms)
{
    return gv_duration_parse(take_word(s), ms, l->err) || fail_inside(l);
}

/* `from A to B step S` */
static bool take_range(struct lines *l, struct gv_slice *s, struct eval *e)
{
    if (!take_named(s, "from") || !take_duration(l, s, &e->start) || !take_named(s, "to") ||
        !take_duration(l, s, &e->end) || !take_named(s, "step") || !take_duration(l, s, &e->step))
        return fail(l, "no `from A to B step S`");
    return e->end >= e->start || fail(l, "the end is before the start");
}

/* ---- load ---- */

static bool take_pair(struct lines *l, struct load *load)
{
    struct series_line starts = {0}, series;
    bool has_starts = is_start_line(l->line);
    if (has_starts) {
        if (!parse_start_line(l->arena, l->line, &starts, l->err))
            return fail_inside(l);
        if (!next_of_block(l))
            return fail(l, "no series follows its start timestamps");
    }
    if (!parse_series(l->arena, l->line, &series, l->err))
        return fail_inside(l);
    if (has_starts && (!gv_labels_eq(starts.labels, series.labels) || starts.points.n != series.points.n))
        return fail(l, "the start timestamps before this line are of another series or another length");
    gv_push(l->arena, load->series, load->n, load->cap) =
        (struct loaded_series){series.labels, series.points, starts.points};
    return true;
}

static bool parse_load(struct lines *l, struct gv_slice rest, bool with_nhcb, struct command *c)
{
    c->kind = COMMAND_LOAD;
    c->load = (struct load){.with_nhcb = with_nhcb};
    if (!take_duration(l, &rest, &c->load.gap))
        return false;
    while (next_of_block(l)) {
        if (!take_pair(l, &c->load))
            return false;
    }
    return true;
}

/* ---- eval ---- */

static void free_regex(void *re)
{
    gv_regex_free(re);
}

static bool note(struct lines *l, struct eval *e, enum expectation kind, struct gv_slice message,
                 struct gv_slice pattern)
{
    struct expected_note n = {.kind = kind, .message = message, .any = !message.p && !pattern.p};
    if (pattern.p) {
        const char *anywhere = gv_arena_printf(l->arena, ".*(?:%.*s).*", GV_ARG(pattern));
        n.regex = gv_regex_new(gv_slice_of(anywhere), false, l->err);
        if (!n.regex)
            return fail_inside(l);
        gv_arena_defer(l->arena, free_regex, n.regex);
    }
    gv_push(l->arena, e->notes, e->n_notes, e->cap_notes) = n;
    return true;
}

bool expects(const struct eval *e, enum expectation kind)
{
    for (size_t i = 0; i < e->n_notes; i++) {
        if (e->notes[i].kind == kind)
            return true;
    }
    return false;
}

static bool check_together(struct lines *l, const struct eval *e)
{
    if ((expects(e, EXPECT_WARN) && expects(e, EXPECT_NO_WARN)) ||
        (expects(e, EXPECT_INFO) && expects(e, EXPECT_NO_INFO)))
        return fail(l, "this contradicts another expect line");
    return true;
}

/* The part behind `expect`: a kind, then perhaps `msg: text` or `regex: pattern`. */
static bool parse_note(struct lines *l, struct gv_slice rest, struct eval *e)
{
    static const char *const kinds[] = {
        [EXPECT_ORDERED] = "ordered", [EXPECT_FAIL] = "fail", [EXPECT_WARN] = "warn",
        [EXPECT_NO_WARN] = "no_warn", [EXPECT_INFO] = "info", [EXPECT_NO_INFO] = "no_info"};
    struct gv_slice name = take_word(&rest), none = {0};
    size_t kind = 0;
    while (kind < GV_COUNT(kinds) && !gv_slice_is(name, kinds[kind]))
        kind++;
    if (kind == GV_COUNT(kinds))
        return fail(l, "an unknown expectation");
    bool good;
    if (!rest.n)
        good = note(l, e, (enum expectation)kind, none, none);
    else if (gv_slice_has_prefix(rest, GV_S("msg:")))
        good = note(l, e, (enum expectation)kind, trim((struct gv_slice){rest.p + 4, rest.n - 4}), none);
    else if (gv_slice_has_prefix(rest, GV_S("regex:")))
        good = note(l, e, (enum expectation)kind, none, trim((struct gv_slice){rest.p + 6, rest.n - 6}));
    else
        return fail(l, "neither `msg:` nor `regex:`");
    return good && check_together(l, e);
}

static bool parse_string(struct lines *l, struct gv_slice rest, struct eval *e)
{
    size_t at = 0;
    if (!rest.n || !gv_scan_is_quote((unsigned char)rest.p[0]) || gv_scan_string(l->arena, rest, &at) || at != rest.n)
        return fail(l, "no quoted string");
    e->expects_string = true;
    e->string = gv_scan_unquote(l->arena, rest);
    return true;
}

static bool parse_expect(struct lines *l, struct gv_slice rest, struct eval *e)
{
    struct gv_slice after = rest;
    if (take_named(&after, "string"))
        return parse_string(l, after, e);
    if (take_named(&after, "range") && take_named(&after, "vector")) {
        e->is_matrix = true;
        if (!take_range(l, &after, e))
            return false;
        e->time = e->end;
        return true;
    }
    return parse_note(l, rest, e);
}

/* The two forms of a failure's text before `expect fail`. */
static bool parse_old_failure(struct lines *l, struct eval *e, bool *found)
{
    struct gv_slice rest = l->line, none = {0};
    *found = true;
    if (take_named(&rest, "expected_fail_message"))
        return note(l, e, EXPECT_FAIL, rest, none);
    if (take_named(&rest, "expected_fail_regexp"))
        return note(l, e, EXPECT_FAIL, none, rest);
    *found = false;
    return true;
}

static bool parse_expected(struct lines *l, struct eval *e)
{
    struct gv_slice rest = l->line;
    bool found;
    if (!parse_old_failure(l, e, &found))
        return false;
    if (found)
        return true;
    if (take_named(&rest, "expect"))
        return parse_expect(l, rest, e);
    if (gv_double_parse(l->line, &e->scalar)) {
        e->expects_scalar = true;
        return true;
    }
    struct series_line series;
    if (!parse_series(l->arena, l->line, &series, l->err))
        return fail_inside(l);
    if (series.points.n > 1 && !e->is_range && !e->is_matrix)
        return fail(l, "an instant query gives one value a series; see `expect range vector`");
    gv_push(l->arena, e->expected, e->n_expected, e->cap_expected) = series;
    return true;
}

static bool parse_times(struct lines *l, struct gv_slice *rest, struct eval *e)
{
    if (take_named(rest, "instant")) {
        if (!take_named(rest, "at") || !take_duration(l, rest, &e->time))
            return fail(l, "no `at T`");
        e->start = e->time;
        return true;
    }
    e->is_range = true;
    return take_named(rest, "range") ? take_range(l, rest, e) : fail(l, "neither `instant` nor `range`");
}

static bool parse_eval(struct lines *l, struct gv_slice name, struct gv_slice rest, struct command *c)
{
    static const struct {
        const char *name;
        enum expectation kind;
    } old[] = {{"eval_fail", EXPECT_FAIL},
               {"eval_warn", EXPECT_WARN},
               {"eval_info", EXPECT_INFO},
               {"eval_ordered", EXPECT_ORDERED}};
    struct gv_slice none = {0};
    c->kind = COMMAND_EVAL;
    c->eval = (struct eval){0};
    for (size_t i = 0; i < GV_COUNT(old); i++) {
        if (gv_slice_is(name, old[i].name) && !note(l, &c->eval, old[i].kind, none, none))
            return false;
    }
    if (!parse_times(l, &rest, &c->eval))
        return false;
    if (!rest.n)
        return fail(l, "no expression");
    c->eval.text = rest;
    while (next_of_block(l)) {
        if (!parse_expected(l, &c->eval))
            return false;
    }
    return true;
}

/* ---- The script ---- */

static bool parse_command(struct lines *l, struct command *c)
{
    struct gv_slice rest = l->line, name = take_word(&rest);
    c->line = l->number;
    if (gv_slice_is(name, "clear")) {
        c->kind = COMMAND_CLEAR;
        return true;
    }
    if (gv_slice_is(name, "load") || gv_slice_is(name, "load_with_nhcb"))
        return parse_load(l, rest, name.n > 4, c);
    if (gv_slice_has_prefix(name, GV_S("eval")))
        return parse_eval(l, name, rest, c);
    return fail(l, "an unknown command");
}

bool parse_script(struct gv_arena *a, struct gv_slice text, struct script *out, struct gv_err *err)
{
    struct lines l = {.arena = a, .rest = text, .err = err};
    while (next_line(&l)) {
        struct command c = {0};
        if (!l.line.n)
            continue;
        if (!parse_command(&l, &c))
            return false;
        gv_push(a, out->commands, out->n, out->cap) = c;
    }
    return true;
}
