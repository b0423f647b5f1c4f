/* "... (1:5)" of the sent text ──► "... (2:13)" of the query. What is sent is always one line. */
#include "exec/notes.h"
#include "base/number.h"
#include "promql/parse.h"
#include <stdlib.h>

/* The digits that end at *at; moves *at before them. */
static bool number_before(struct gv_slice text, size_t *at, unsigned *number)
{
    size_t end = *at;
    int64_t v;
    while (*at && text.p[*at - 1] >= '0' && text.p[*at - 1] <= '9')
        --*at;
    if (!gv_int64_parse((struct gv_slice){text.p + *at, end - *at}, &v) || v < 1 || v > UINT32_MAX)
        return false;
    *number = (unsigned)v;
    return true;
}

static bool char_before(struct gv_slice text, size_t *at, char c)
{
    return *at && text.p[--*at] == c;
}

/* The text before " (line:col)"; false where it ends in none. */
static bool split_position(struct gv_slice text, struct gv_slice *before, unsigned *line, unsigned *col)
{
    size_t at = text.n;
    if (!char_before(text, &at, ')') || !number_before(text, &at, col) || !char_before(text, &at, ':') ||
        !number_before(text, &at, line) || !char_before(text, &at, '(') || !char_before(text, &at, ' '))
        return false;
    *before = (struct gv_slice){text.p, at};
    return true;
}

static void add(struct gv_notes *notes, struct gv_note note)
{
    gv_push(notes->arena, notes->at, notes->n, notes->cap) = note;
}

static void add_translated(struct gv_notes *notes, struct gv_slice text, bool is_info, const struct gv_plan_ask *ask,
                           struct gv_slice query)
{
    struct gv_note note = {.text = text, .is_info = is_info};
    struct gv_slice before;
    unsigned line, col;
    uint32_t own;
    if (split_position(text, &before, &line, &col)) {
        note.text = before;
        if (line == 1 && gv_plan_own_position(ask, col - 1, &own)) {
            gv_promql_line_col(query, own, &note.line, &note.col);
            note.text = gv_slice_of(gv_arena_printf(notes->arena, "%.*s (%u:%u)", GV_ARG(before), note.line, note.col));
        }
    }
    add(notes, note);
}

static bool say_mixed(const struct gv_annotations *said)
{
    static const char text[] = "encountered a mix of histograms and floats for aggregation";
    for (size_t i = 0; i < said->n_warnings; i++)
        if (memmem(said->warnings[i].p, said->warnings[i].n, text, sizeof text - 1))
            return true;
    return false;
}

bool gv_notes_take(struct gv_notes *notes, const struct gv_annotations *said, const struct gv_plan_ask *ask,
                   struct gv_slice query)
{
    for (size_t i = 0; i < said->n_warnings; i++)
        add_translated(notes, said->warnings[i], false, ask, query);
    for (size_t i = 0; i < said->n_infos; i++)
        add_translated(notes, said->infos[i], true, ask, query);
    return say_mixed(said);
}

static void add_own(struct gv_notes *notes, struct gv_slice text, bool is_info)
{
    struct gv_note note = {.text = text, .is_info = is_info};
    struct gv_slice before;
    if (!split_position(text, &before, &note.line, &note.col))
        note.line = note.col = 0;
    add(notes, note);
}

bool gv_notes_take_own(struct gv_notes *notes, const struct gv_annotations *said)
{
    for (size_t i = 0; i < said->n_warnings; i++)
        add_own(notes, said->warnings[i], false);
    for (size_t i = 0; i < said->n_infos; i++)
        add_own(notes, said->infos[i], true);
    return say_mixed(said);
}

static int by_position(const void *a, const void *b)
{
    const struct gv_note *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->col != y->col)
        return x->col < y->col ? -1 : 1;
    return gv_slice_cmp(x->text, y->text);
}

/* "3 more warning annotations omitted": what a backend left out itself. */
static bool is_omission(const struct gv_note *note, int64_t *count)
{
    static const struct gv_slice ends[] = {GV_S(" more warning annotations omitted"),
                                           GV_S(" more info annotations omitted")};
    struct gv_slice end = ends[note->is_info];
    return gv_slice_has_suffix(note->text, end) &&
           gv_int64_parse((struct gv_slice){note->text.p, note->text.n - end.n}, count);
}

static bool is_promql(const struct gv_note *note)
{
    return gv_slice_has_prefix(note->text, GV_S("PromQL "));
}

/* As many of each kind as Prometheus shows (web/api/v1, AsStrings), and how many more there are. What is no annotation
 * of PromQL is always shown. */
static void give_kind(const struct gv_notes *notes, bool is_info, struct gv_annotations *out)
{
    enum { SHOWN = 10 };
    struct gv_annotations all;
    void (*say)(struct gv_annotations *, const char *, ...) = is_info ? gv_info : gv_warn;
    int64_t omitted = 0, count;
    gv_annotations_init(&all, notes->arena);
    for (size_t i = 0; i < notes->n; i++) {
        const struct gv_note *note = &notes->at[i];
        if (note->is_info != is_info)
            continue;
        if (is_omission(note, &count)) {
            omitted += count;
            continue;
        }
        size_t before = all.n_warnings;
        if (is_promql(note))
            gv_warn(&all, "%.*s", GV_ARG(note->text));
        if (!is_promql(note) || (all.n_warnings > before && before < SHOWN))
            say(out, "%.*s", GV_ARG(note->text));
    }
    omitted += all.n_warnings > SHOWN ? (int64_t)all.n_warnings - SHOWN : 0;
    if (omitted)
        say(out, "%lld more %s annotations omitted", (long long)omitted, is_info ? "info" : "warning");
}

void gv_notes_give(struct gv_notes *notes, struct gv_annotations *out)
{
    gv_annotations_init(out, notes->arena);
    if (notes->n)
        qsort(notes->at, notes->n, sizeof *notes->at, by_position);
    give_kind(notes, false, out);
    give_kind(notes, true, out);
}
