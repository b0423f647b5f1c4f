/* Pieces of a reply in, series out. The JSON reader turns text into events; the innermost place takes each; the place
 * of the points takes whole runs of them without events (see result_decoder_points.c). */
#include "codec/result_decoder_impl.h"

struct gv_result_decoder *gv_result_decoder_new(struct gv_arena *a, const struct gv_result_decoder_options *o)
{
    struct gv_result_decoder *d = gv_arena_new(a, struct gv_result_decoder);
    d->arena = a;
    d->options = *o;
    json_init(&d->json, a);
    gv_annotations_init(&d->notes, a);
    label_reader_init(&d->reader, a, o->mapping);
    d->reader.hidden = o->hidden;
    return d;
}

void enter(struct gv_result_decoder *d, const struct place *place)
{
    if (d->n_frames == MAX_FRAMES)
        gv_die("places nest deeper than the format does");
    d->frames[d->n_frames++] = (struct frame){.place = place};
}

void skip(struct gv_result_decoder *d)
{
    d->skip_depth = d->json.depth;
}

bool fail_expected(struct gv_result_decoder *d, enum json_event e, const char *what, struct gv_err *err)
{
    return gv_fail(err, GV_BAD_DATA, "expected %s, got %s at byte %llu", what, json_event_text(e),
                   (unsigned long long)d->json.token_offset);
}

bool key_of_members(struct gv_result_decoder *d, struct gv_err *err)
{
    struct frame *f = top_frame(d);
    const struct member *m = f->place->members, *end = m + f->place->n_members;
    while (m < end && !gv_slice_eq(d->json.text, m->name))
        m++;
    f->member = m < end ? m : NULL;
    if (!f->member)
        return true;
    unsigned bit = 1u << (m - f->place->members);
    if (f->seen & bit)
        return gv_fail(err, GV_BAD_DATA, "\"%s\" comes twice in %s, again at byte %llu", m->name.p, f->place->what,
                       (unsigned long long)d->json.token_offset);
    f->seen |= bit;
    return true;
}

static const char *what_is_taken(unsigned takes)
{
    for (enum json_event e = JSON_OBJECT; e <= JSON_NULL; e++)
        if (takes & TAKES(e))
            return json_event_text(e);
    return "nothing";
}

bool value_of_members(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    const struct member *m = top_frame(d)->member;
    if (!m) {
        if (e == JSON_OBJECT || e == JSON_ARRAY)
            skip(d);
        return true;
    }
    if (!(m->takes & TAKES(e)))
        return gv_fail(err, GV_BAD_DATA, "expected %s as \"%s\" of %s, got %s at byte %llu", what_is_taken(m->takes),
                       m->name.p, top_frame(d)->place->what, json_event_text(e),
                       (unsigned long long)d->json.token_offset);
    return m->take(d, e, err);
}

static bool begin_reply(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_OBJECT)
        return fail_expected(d, e, "an object", err);
    enter(d, &place_reply);
    return true;
}

static bool end_place(struct gv_result_decoder *d, struct gv_err *err)
{
    const struct place *p = top_frame(d)->place;
    bool ok = !p->end || p->end(d, err);
    d->n_frames--;
    return ok;
}

static bool take_event(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (d->skip_depth) {
        if (d->json.depth < d->skip_depth)
            d->skip_depth = 0;
        return true;
    }
    if (!d->n_frames)
        return begin_reply(d, e, err);
    if (e == JSON_OBJECT_END || e == JSON_ARRAY_END)
        return end_place(d, err);
    struct frame *f = top_frame(d);
    if (e == JSON_KEY)
        return f->place->key(d, err);
    bool ok = f->place->value(d, e, err);
    f->index++;
    return ok;
}

static bool read_ahead(struct gv_result_decoder *d, struct gv_err *err)
{
    if (!d->n_frames || d->skip_depth || !top_frame(d)->place->ahead)
        return true;
    return top_frame(d)->place->ahead(d, err);
}

static bool take_piece(struct gv_result_decoder *d, struct gv_err *err)
{
    for (;;) {
        if (!read_ahead(d, err))
            return false;
        enum json_event e = json_next(&d->json, err);
        if (e == JSON_BAD)
            return false;
        if (e == JSON_MORE)
            return keep_piece(d, err);
        if (!take_event(d, e, err))
            return false;
    }
}

/* Labels overdraw the budget, one small allocation at a time, by no more than what one piece brings. */
static bool check_budget(const struct gv_result_decoder *d, struct gv_err *err)
{
    return !d->arena->budget || gv_budget_take(d->arena->budget, 0, err);
}

bool gv_result_decoder_feed(struct gv_result_decoder *d, const char *data, size_t n, struct gv_err *err)
{
    if (d->dead)
        return gv_fail(err, GV_INTERNAL, "the reply was given up already");
    if (!n)
        return true;
    json_feed(&d->json, data, n);
    keep_from_piece(d, data);
    d->dead = !take_piece(d, err) || !check_budget(d, err);
    return !d->dead;
}
