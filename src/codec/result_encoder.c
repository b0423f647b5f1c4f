/* A result in, its JSON out, about so many bytes at a time. The reply is a row of parts; each writes until it is done
 * or the goal is reached, and knows where it stopped. Spans are copied as they are; columns are printed point by point.
 * Series without points are left out, as Prometheus does. */
#include "codec/result_encoder.h"
#include "base/number.h"

/* A step's time, printed once for all series. */
struct time_text {
    char text[15]; /* longer ones are printed each time */
    uint8_t n;     /* 0: not yet */
};

struct gv_result_encoder {
    const struct gv_result *result;
    struct gv_result_encoder_tail tail;
    unsigned part;              /* of the reply */
    unsigned piece;             /* of the series: its labels, its floats, its histograms, its end */
    size_t series;              /* the one being written */
    bool any, opened;           /* a series was written; the list of points was begun */
    uint32_t index;             /* of the next point of a column */
    const struct gv_text *text; /* of a span: what is left of it */
    size_t text_at;
    struct time_text *times; /* of the grid; or NULL */
};

/* Both return true when done; they stop when out->n reaches goal, but write something first. */
typedef bool write_fn(struct gv_result_encoder *e, struct gv_buf *out, size_t goal);

struct point {
    int64_t time;
    struct time_text *time_text; /* or NULL */
    double value;
    const struct gv_histogram *histogram; /* or NULL: value */
};

enum { MOST_TIMES = 16 << 10 };

struct gv_result_encoder *gv_result_encoder_new(struct gv_arena *a, const struct gv_result *result,
                                                const struct gv_result_encoder_tail *tail)
{
    struct gv_result_encoder *e = gv_arena_new(a, struct gv_result_encoder);
    e->result = result;
    if (tail)
        e->tail = *tail;
    if (result->type == GV_RESULT_MATRIX && result->n > 1 && result->grid.n <= MOST_TIMES)
        e->times = gv_arena_array(a, struct time_text, result->grid.n);
    return e;
}

enum { TIME_MAX = GV_INT64_MAX + 4 };

/* Seconds, as Prometheus writes them: 1435781430.781, and 1435781430 without a fraction. */
static char *put_time(char *to, int64_t ms)
{
    uint64_t t = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    unsigned fraction = (unsigned)(t % 1000);
    if (ms < 0)
        *to++ = '-';
    to += gv_int64_format(to, (int64_t)(t / 1000));
    if (!fraction)
        return to;
    to[0] = '.';
    to[1] = (char)('0' + fraction / 100);
    to[2] = (char)('0' + fraction / 10 % 10);
    to[3] = (char)('0' + fraction % 10);
    return to + 4;
}

/* There is room for TIME_MAX. */
static char *put_point_time(char *to, const struct point *p)
{
    struct time_text *t = p->time_text;
    if (t && t->n) {
        memcpy(to, t->text, sizeof t->text);
        return to + t->n;
    }
    char *end = put_time(to, p->time);
    if (t && (size_t)(end - to) <= sizeof t->text) {
        t->n = (uint8_t)(end - to);
        memcpy(t->text, to, t->n);
    }
    return end;
}

static char *put_value(char *to, double v)
{
    *to++ = '"';
    to += gv_double_format(to, v);
    *to++ = '"';
    return to;
}

static void add_float(struct gv_buf *out, const struct point *p)
{
    char *start = gv_buf_reserve(out, TIME_MAX + GV_DOUBLE_MAX + sizeof "[,\"\"]"), *at = start;
    *at++ = '[';
    at = put_point_time(at, p);
    *at++ = ',';
    at = put_value(at, p->value);
    *at++ = ']';
    out->n += (size_t)(at - start);
}

static void add_time(struct gv_buf *out, int64_t ms)
{
    char text[TIME_MAX];
    gv_buf_add(out, text, (size_t)(put_time(text, ms) - text));
}

static void add_histogram(struct gv_buf *out, int64_t time, const struct gv_histogram *h)
{
    gv_buf_addc(out, '[');
    add_time(out, time);
    gv_buf_addc(out, ',');
    gv_histogram_print_json(out, h);
    gv_buf_addc(out, ']');
}

static void add_point(struct gv_buf *out, const struct point *p)
{
    if (p->histogram)
        add_histogram(out, p->time, p->histogram);
    else
        add_float(out, p);
}

static bool is_matrix(const struct gv_result_encoder *e)
{
    return e->result->type == GV_RESULT_MATRIX;
}

static const struct gv_series *series_of(const struct gv_result_encoder *e)
{
    return &e->result->series[e->series];
}

/* The first present step from *index on. */
static bool next_step(const struct gv_result_encoder *e, uint32_t *index, struct point *p)
{
    const struct gv_steps_column *c = &series_of(e)->column.steps;
    const struct gv_grid *grid = &e->result->grid;
    uint32_t i = *index;
    while (i < grid->n) {
        uint64_t word = c->present[i / 64] >> (i % 64);
        if (word) {
            i += (uint32_t)__builtin_ctzll(word);
            break;
        }
        i += 64 - i % 64;
    }
    if (i >= grid->n)
        return false;
    *p = (struct point){gv_grid_time(grid, i), e->times ? &e->times[i] : NULL, c->values[i],
                        c->histograms ? c->histograms[i] : NULL};
    *index = i + 1;
    return true;
}

static bool next_raw(const struct gv_raw_column *c, uint32_t *index, struct point *p)
{
    if (*index >= c->n)
        return false;
    uint32_t i = (*index)++;
    *p = (struct point){c->times[i], NULL, c->values[i], c->histograms ? c->histograms[i] : NULL};
    return true;
}

static bool next_point(const struct gv_result_encoder *e, uint32_t *index, struct point *p)
{
    const struct gv_column *c = &series_of(e)->column;
    switch (c->kind) {
    case GV_COLUMN_STEPS:
        return next_step(e, index, p);
    case GV_COLUMN_RAW:
        return next_raw(&c->raw, index, p);
    default:
        gv_die("columns of kind %d cannot be written as JSON", (int)c->kind);
    }
}

static bool has_points(const struct gv_result_encoder *e)
{
    const struct gv_column *c = &series_of(e)->column;
    if (c->kind == GV_COLUMN_SPAN)
        return c->span.floats || c->span.histograms;
    uint32_t index = 0;
    struct point p;
    return next_point(e, &index, &p);
}

static bool write_labels(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    (void)goal;
    gv_buf_adds(out, e->any ? ",{\"metric\":{" : "{\"metric\":{");
    e->any = true;
    struct gv_labels_iter it = gv_labels_iter(series_of(e)->labels);
    const char *comma = "";
    for (struct gv_label label; gv_labels_next(&it, &label); comma = ",") {
        gv_buf_adds(out, comma);
        gv_buf_add_json(out, label.name);
        gv_buf_addc(out, ':');
        gv_buf_add_json(out, label.value);
    }
    gv_buf_addc(out, '}');
    return true;
}

static void open_points(struct gv_result_encoder *e, struct gv_buf *out, bool histograms)
{
    static const char *const names[2][2] = {{",\"value\":", ",\"histogram\":"}, {",\"values\":[", ",\"histograms\":["}};
    gv_buf_adds(out, e->opened ? "," : names[is_matrix(e)][histograms]);
    e->opened = true;
}

static bool close_points(struct gv_result_encoder *e, struct gv_buf *out)
{
    if (e->opened && is_matrix(e))
        gv_buf_addc(out, ']');
    e->opened = false;
    e->index = 0;
    return true;
}

static bool write_text(struct gv_result_encoder *e, const struct gv_text *text, bool histograms, struct gv_buf *out,
                       size_t goal)
{
    if (!text)
        return true;
    if (!e->opened) {
        open_points(e, out, histograms);
        e->text = text;
        e->text_at = 0;
    }
    while (e->text && out->n < goal) {
        size_t left = e->text->n - e->text_at, room = goal - out->n, n = left < room ? left : room;
        gv_buf_add(out, e->text->p + e->text_at, n);
        e->text_at += n;
        if (e->text_at == e->text->n) {
            e->text = e->text->next;
            e->text_at = 0;
        }
    }
    return !e->text && close_points(e, out);
}

static bool write_column(struct gv_result_encoder *e, bool histograms, struct gv_buf *out, size_t goal)
{
    struct point p;
    while (out->n < goal) {
        if (!next_point(e, &e->index, &p))
            return close_points(e, out);
        if (!!p.histogram != histograms)
            continue;
        open_points(e, out, histograms);
        add_point(out, &p);
    }
    return false;
}

static bool write_floats(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    const struct gv_column *c = &series_of(e)->column;
    return c->kind == GV_COLUMN_SPAN ? write_text(e, c->span.floats, false, out, goal)
                                     : write_column(e, false, out, goal);
}

static bool write_histograms(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    const struct gv_column *c = &series_of(e)->column;
    return c->kind == GV_COLUMN_SPAN ? write_text(e, c->span.histograms, true, out, goal)
                                     : write_column(e, true, out, goal);
}

static bool write_series_end(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    (void)e, (void)goal;
    gv_buf_addc(out, '}');
    return true;
}

static write_fn *const pieces[] = {write_labels, write_floats, write_histograms, write_series_end};

static bool write_series(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    for (; e->series < e->result->n; e->series++) {
        if (e->piece == 0 && !has_points(e))
            continue;
        for (; e->piece < GV_COUNT(pieces); e->piece++)
            if (out->n >= goal || !pieces[e->piece](e, out, goal))
                return false;
        e->piece = 0;
    }
    return true;
}

static bool write_single(const struct gv_result *r, struct gv_buf *out)
{
    add_time(out, r->time);
    gv_buf_addc(out, ',');
    if (r->type == GV_RESULT_SCALAR) {
        char text[GV_DOUBLE_MAX + 2];
        gv_buf_add(out, text, (size_t)(put_value(text, r->scalar) - text));
    } else {
        gv_buf_add_json(out, r->string);
    }
    return true;
}

static bool write_head(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    (void)goal;
    gv_buf_adds(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"");
    gv_buf_adds(out, gv_result_type_text(e->result->type));
    gv_buf_adds(out, "\",\"result\":[");
    return true;
}

static bool write_result(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    bool single = e->result->type == GV_RESULT_SCALAR || e->result->type == GV_RESULT_STRING;
    return single ? write_single(e->result, out) : write_series(e, out, goal);
}

static void add_texts(struct gv_buf *out, const char *name, const struct gv_slice *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gv_buf_adds(out, i ? "," : name);
        gv_buf_add_json(out, texts[i]);
    }
    if (n)
        gv_buf_addc(out, ']');
}

static bool write_tail(struct gv_result_encoder *e, struct gv_buf *out, size_t goal)
{
    (void)goal;
    gv_buf_addc(out, ']');
    if (e->tail.stats_json.n) {
        gv_buf_adds(out, ",\"stats\":");
        gv_buf_add_slice(out, e->tail.stats_json);
    }
    gv_buf_addc(out, '}');
    add_texts(out, ",\"warnings\":[", e->tail.warnings, e->tail.n_warnings);
    add_texts(out, ",\"infos\":[", e->tail.infos, e->tail.n_infos);
    gv_buf_addc(out, '}');
    return true;
}

static write_fn *const parts[] = {write_head, write_result, write_tail};

bool gv_result_encoder_next(struct gv_result_encoder *e, struct gv_buf *out, size_t want)
{
    size_t goal = out->n + (want ? want : 1);
    for (; e->part < GV_COUNT(parts) && out->n < goal; e->part++)
        if (!parts[e->part](e, out, goal))
            return true;
    return e->part < GV_COUNT(parts);
}
