/* The parts of the result decoder. Events of the JSON reader go to the innermost open place; a place is a row of
 * functions, and opening a container pushes one. What no place knows is skipped. */
#pragma once
#include "codec/label_reader.h"
#include "codec/result_decoder.h"

struct gv_result_decoder;

/* The value of a known member. */
struct member {
    struct gv_slice name;
    unsigned takes; /* 1 << event for each event that it may begin with */
    bool (*take)(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);
};

#define NAME(literal)                                                                                                  \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

struct place {
    const char *what;             /* in messages: "the reply" */
    const struct member *members; /* of an object with known members */
    size_t n_members;
    bool (*key)(struct gv_result_decoder *d, struct gv_err *err);
    bool (*value)(struct gv_result_decoder *d, enum json_event e, struct gv_err *err); /* of a member, or an element */
    bool (*end)(struct gv_result_decoder *d, struct gv_err *err);                      /* may be NULL */
    /* Takes whole elements or members straight from the piece. May be NULL. */
    bool (*ahead)(struct gv_result_decoder *d, struct gv_err *err);
};

struct frame {
    const struct place *place;
    const struct member *member; /* the key that came last; NULL: unknown */
    unsigned seen;               /* bits of members that came */
    uint32_t index;              /* of the element to come */
};

enum { MAX_FRAMES = 12 };

/* What the elements of `result` turned out to be. */
enum found { FOUND_NOTHING, FOUND_POINT, FOUND_VECTOR, FOUND_MATRIX };

/* Keeping source text. */
struct keeper {
    char *at, *end; /* free space of the block in use */
    bool on;
    const char *from; /* what is to be kept of this piece begins here */
    struct gv_text *first, *last;
};

struct gv_result_decoder {
    struct gv_arena *arena;
    struct gv_result_decoder_options options;
    struct json_reader json;
    struct frame frames[MAX_FRAMES];
    unsigned n_frames;
    unsigned skip_depth; /* not 0: ignoring a container, until the reader's depth is below this */
    bool dead;

    bool has_status, is_error, has_data, has_result, has_histograms;
    struct gv_backend_error backend;
    enum gv_result_type declared;
    enum found found;
    struct gv_annotations notes;

    struct gv_series *series;
    size_t n_series, cap_series;
    int64_t samples;

    /* the series, the point, the histogram being read */
    struct gv_series current;
    uint32_t n_points;
    int64_t point_time;
    uint64_t point_offset; /* of its '[' */
    uint32_t next_step;    /* STEPS: where the next point is expected */
    int64_t *raw_times;    /* RAW: of the current series */
    double *raw_values;
    size_t raw_cap;
    struct label_reader reader;
    uint64_t metric_offset;
    struct keeper keeper;

    int64_t time; /* scalar, string */
    struct gv_slice text;
};

static inline struct frame *top_frame(struct gv_result_decoder *d)
{
    return &d->frames[d->n_frames - 1];
}

/* result_decoder.c */
void enter(struct gv_result_decoder *d, const struct place *place);
void skip(struct gv_result_decoder *d); /* the container just opened */
bool key_of_members(struct gv_result_decoder *d, struct gv_err *err);
bool value_of_members(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);
/* "expected WHAT, got an object at byte N" */
bool fail_expected(struct gv_result_decoder *d, enum json_event e, const char *what, struct gv_err *err);
#define TAKES(event) (1u << (event))

/* result_decoder_reply.c */
extern const struct place place_reply;
bool settle_found(struct gv_result_decoder *d, enum found found, struct gv_err *err);

/* result_decoder_series.c */
void enter_series(struct gv_result_decoder *d);

/* result_decoder_points.c */
bool take_point(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);      /* "value" */
bool take_points(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);     /* "values" */
bool take_histogram(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);  /* "histogram" */
bool take_histograms(struct gv_result_decoder *d, enum json_event e, struct gv_err *err); /* "histograms" */
bool read_time(struct gv_result_decoder *d, int64_t *ms, struct gv_err *err);             /* of a JSON_NUMBER */

bool read_value(struct gv_result_decoder *d, double *v, struct gv_err *err); /* of a JSON_STRING */

/* result_decoder_histogram.c */
void enter_histogram(struct gv_result_decoder *d);

/* result_decoder_labels.c */
bool take_metric(struct gv_result_decoder *d, enum json_event e, struct gv_err *err);

/* result_decoder_keep.c: source text, from one byte of a piece to another of the same or a later piece. */
void keep_from(struct gv_result_decoder *d, const char *from);
GV_MUST_CHECK bool keep_until(struct gv_result_decoder *d, const char *until, const struct gv_text **kept,
                              struct gv_err *err);
void keep_from_piece(struct gv_result_decoder *d, const char *piece);           /* a piece begins */
GV_MUST_CHECK bool keep_piece(struct gv_result_decoder *d, struct gv_err *err); /* it ends */
