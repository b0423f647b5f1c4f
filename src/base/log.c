/* A line is built in a buffer of its own and written whole, under a lock: lines of several threads never mix. */
#include "base/log.h"
#include "base/number.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

const char *const gv_log_level_names[] = {"debug", "info", "warn", "error", NULL};
const char *const gv_log_format_names[] = {"logfmt", "json", NULL};

static _Atomic enum gv_log_level lowest = GV_LOG_INFO;
static _Atomic enum gv_log_format format = GV_LOG_LOGFMT;
static const struct gv_clock *_Atomic clock_used = &gv_clock_real;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gv_log_sink_fn *sink; /* under lock */
static void *sink_arg;

void gv_log_set_level(enum gv_log_level level)
{
    atomic_store_explicit(&lowest, level, memory_order_relaxed);
}

void gv_log_set_format(enum gv_log_format to)
{
    atomic_store_explicit(&format, to, memory_order_relaxed);
}

bool gv_log_is_on(enum gv_log_level level)
{
    return level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

void gv_log_set_clock(const struct gv_clock *clock)
{
    clock_used = clock ? clock : &gv_clock_real;
}

void gv_log_set_sink(gv_log_sink_fn *fn, void *arg)
{
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_arg = arg;
    pthread_mutex_unlock(&lock);
}

static bool is_bare(struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
            return false;
    return s.n > 0;
}

static void add_text(struct gv_buf *b, struct gv_slice s, bool json)
{
    if (json)
        gv_buf_add_json(b, s);
    else if (is_bare(s))
        gv_buf_add_slice(b, s);
    else
        gv_buf_add_quoted(b, s);
}

static void add_double(struct gv_buf *b, double v, bool json)
{
    bool in_quotes = json && !isfinite(v); /* JSON has no NaN */
    gv_buf_adds(b, in_quotes ? "\"" : "");
    gv_buf_add_double(b, v);
    gv_buf_adds(b, in_quotes ? "\"" : "");
}

static void add_value(struct gv_buf *b, const struct gv_field *f, bool json)
{
    switch (f->kind) {
    case GV_FIELD_TEXT:
        add_text(b, f->text, json);
        break;
    case GV_FIELD_INT:
        gv_buf_add_int(b, f->i);
        break;
    case GV_FIELD_UINT:
        gv_buf_printf(b, "%llu", (unsigned long long)f->u);
        break;
    case GV_FIELD_DOUBLE:
        add_double(b, f->d, json);
        break;
    case GV_FIELD_BOOL:
        gv_buf_adds(b, f->b ? "true" : "false");
        break;
    }
}

static void add_field(struct gv_buf *b, const struct gv_field *f, bool json)
{
    gv_buf_printf(b, json ? ",\"%s\":" : " %s=", f->key);
    add_value(b, f, json);
}

static void add_fields(struct gv_buf *b, const struct gv_field *fields, bool context, bool json)
{
    for (const struct gv_field *f = fields; f->key; f++)
        if (f->context == context)
            add_field(b, f, json);
}

static void add_line(struct gv_buf *b, enum gv_log_level level, const char *message, const struct gv_field *fields,
                     uint64_t suppressed)
{
    bool json = atomic_load_explicit(&format, memory_order_relaxed) == GV_LOG_JSON;
    char time[GV_TIME_TEXT_MAX];
    gv_time_format(time, gv_clock_wall(clock_used));
    gv_buf_printf(b, json ? "{\"time\":\"%s\",\"level\":\"%s\"" : "time=%s level=%s", time, gv_log_level_names[level]);
    add_fields(b, fields, true, json);
    add_field(b, &(struct gv_field){.key = "msg", .text = gv_slice_of(message)}, json);
    add_fields(b, fields, false, json);
    if (suppressed)
        add_field(b, &(struct gv_field){.key = "suppressed", .kind = GV_FIELD_UINT, .u = suppressed}, json);
    gv_buf_adds(b, json ? "}\n" : "\n");
}

static void write_all(struct gv_slice line)
{
    while (line.n) {
        ssize_t n = write(STDERR_FILENO, line.p, line.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nowhere is left to say so */
        line = (struct gv_slice){line.p + n, line.n - (size_t)n};
    }
}

static void deliver(enum gv_log_level level, struct gv_slice line)
{
    pthread_mutex_lock(&lock);
    if (sink)
        sink(sink_arg, level, line);
    else
        write_all(line);
    pthread_mutex_unlock(&lock);
}

/* Whether this line may go out; if so, of how many that were left out before it tells. */
static bool is_due(struct gv_log_limit *limit, uint64_t *suppressed)
{
    int64_t now = gv_clock_monotonic(clock_used), next = atomic_load(&limit->next);
    bool due = now >= next && atomic_compare_exchange_strong(&limit->next, &next, now + limit->interval * 1000000);
    if (due)
        *suppressed = atomic_exchange(&limit->suppressed, 0);
    else
        atomic_fetch_add(&limit->suppressed, 1);
    return due;
}

void gv_log_write(enum gv_log_level level, const char *message, const struct gv_field *fields,
                  struct gv_log_limit *limit)
{
    uint64_t suppressed = 0;
    if (limit && !is_due(limit, &suppressed))
        return;
    int saved_errno = errno;
    struct gv_buf line = GV_BUF_INIT;
    add_line(&line, level, message, fields, suppressed);
    deliver(level, gv_buf_slice(&line));
    gv_buf_fini(&line);
    errno = saved_errno;
}
