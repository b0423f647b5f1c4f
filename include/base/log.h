/* Log lines on stderr, logfmt or JSON, one write each. Any thread; setting up is for start-up, the level may change at
 * any time.
 *
 *   gv_log(GV_LOG_WARN, "the cluster is slow", GV_CTX("cluster", name), GV_F("seconds", 2.5), GV_F("asks", n));
 *   time=2024-05-06T07:08:09.010Z level=warn cluster=c2 msg="the cluster is slow" seconds=2.5 asks=3
 *
 * Fields take C strings, slices, bool, integers and doubles; what they hold is always escaped. Context (what a line is
 * about: query_id, cluster) comes before the message. Secrets never go in. Log where an error is consumed, not where
 * it passes. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"

enum gv_log_level { GV_LOG_DEBUG, GV_LOG_INFO, GV_LOG_WARN, GV_LOG_ERROR };
enum gv_log_format { GV_LOG_LOGFMT, GV_LOG_JSON };

struct gv_field {
    const char *key; /* of the source text, never from outside */
    enum { GV_FIELD_TEXT, GV_FIELD_INT, GV_FIELD_UINT, GV_FIELD_DOUBLE, GV_FIELD_BOOL } kind;
    bool context;
    union {
        struct gv_slice text;
        int64_t i;
        uint64_t u;
        double d;
        bool b;
    };
};

#define GV_F(key, value)   GV_FIELD_OF(key, value, false)
#define GV_CTX(key, value) GV_FIELD_OF(key, value, true)

#define gv_log(level, message, ...)                                                                                    \
    (gv_log_is_on(level) ? gv_log_write((level), (message), GV_FIELDS(__VA_ARGS__), NULL) : (void)0)

/* At most one line per interval and limiter; the next one tells how many were left out (suppressed=N). */
struct gv_log_limit {
    int64_t interval; /* ms */
    _Atomic int64_t next;
    _Atomic uint64_t suppressed;
};
#define GV_LOG_LIMIT(interval_ms)                                                                                      \
    {                                                                                                                  \
        .interval = (interval_ms)                                                                                      \
    }
#define gv_log_limited(limit, level, message, ...)                                                                     \
    (gv_log_is_on(level) ? gv_log_write((level), (message), GV_FIELDS(__VA_ARGS__), (limit)) : (void)0)

void gv_log_set_level(enum gv_log_level level); /* default info */
void gv_log_set_format(enum gv_log_format format);
bool gv_log_is_on(enum gv_log_level level);
extern const char *const gv_log_level_names[];  /* debug info warn error, then NULL */
extern const char *const gv_log_format_names[]; /* logfmt json, then NULL */

/* For tests: lines (with their newline) go to sink instead of stderr, one at a time; NULL: stderr again. */
typedef void gv_log_sink_fn(void *arg, enum gv_log_level level, struct gv_slice line);
void gv_log_set_sink(gv_log_sink_fn *sink, void *arg);
void gv_log_set_clock(const struct gv_clock *clock);

/* What the macros stand on. */
void gv_log_write(enum gv_log_level level, const char *message, const struct gv_field *fields,
                  struct gv_log_limit *limit);
#define GV_FIELDS(...) ((const struct gv_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
#define GV_FIELD_OF(key, value, context)                                                                               \
    _Generic((value),                                                                                                  \
        char *: gv_field_cstr,                                                                                         \
        const char *: gv_field_cstr,                                                                                   \
        struct gv_slice: gv_field_text,                                                                                \
        bool: gv_field_bool,                                                                                           \
        float: gv_field_double,                                                                                        \
        double: gv_field_double,                                                                                       \
        unsigned char: gv_field_uint,                                                                                  \
        unsigned short: gv_field_uint,                                                                                 \
        unsigned: gv_field_uint,                                                                                       \
        unsigned long: gv_field_uint,                                                                                  \
        unsigned long long: gv_field_uint,                                                                             \
        default: gv_field_int)((key), (value), (context))

static inline struct gv_field gv_field_text(const char *key, struct gv_slice value, bool context)
{
    return (struct gv_field){.key = key, .kind = GV_FIELD_TEXT, .context = context, .text = value};
}
static inline struct gv_field gv_field_cstr(const char *key, const char *value, bool context)
{
    return gv_field_text(key, gv_slice_of(value), context);
}
static inline struct gv_field gv_field_int(const char *key, int64_t value, bool context)
{
    return (struct gv_field){.key = key, .kind = GV_FIELD_INT, .context = context, .i = value};
}
static inline struct gv_field gv_field_uint(const char *key, uint64_t value, bool context)
{
    return (struct gv_field){.key = key, .kind = GV_FIELD_UINT, .context = context, .u = value};
}
static inline struct gv_field gv_field_double(const char *key, double value, bool context)
{
    return (struct gv_field){.key = key, .kind = GV_FIELD_DOUBLE, .context = context, .d = value};
}
static inline struct gv_field gv_field_bool(const char *key, bool value, bool context)
{
    return (struct gv_field){.key = key, .kind = GV_FIELD_BOOL, .context = context, .b = value};
}
