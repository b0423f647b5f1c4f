#include "api/params.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/number.h"
#include <math.h>
#include <strings.h>

static bool is_form(const struct gv_http_request *r)
{
    static const char form[] = "application/x-www-form-urlencoded";
    struct gv_slice type = gv_http_request_field(r, "Content-Type");
    size_t n = sizeof form - 1;
    return type.n >= n && strncasecmp(type.p, form, n) == 0 && (type.n == n || type.p[n] == ';' || type.p[n] == ' ');
}

bool params_read(struct gv_url_params *p, struct gv_http_exchange *x, struct gv_err *err)
{
    bool form = x->request.body.n && is_form(&x->request);
    *p = (struct gv_url_params){0};
    return ((!form || gv_url_parse_query(x->arena, x->request.body, p, err)) &&
            gv_url_parse_query(x->arena, x->request.query, p, err)) ||
           gv_err_prefix(err, "error parsing form values: ");
}

bool params_has(const struct gv_url_params *p, const char *name)
{
    return gv_url_params_get(p, name).n > 0;
}

struct gv_slice *params_all(const struct gv_url_params *p, const char *name, struct gv_arena *a, size_t *n)
{
    struct gv_slice *all = gv_arena_array(a, struct gv_slice, p->n);
    *n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (gv_slice_is(p->items[i].key, name))
            all[(*n)++] = p->items[i].value;
    return all;
}

bool parse_duration(struct gv_slice text, int64_t *ms, struct gv_err *err)
{
    double seconds;
    if (gv_double_parse(text, &seconds)) {
        if (!(fabs(seconds) <= (double)INT64_MAX / 1e9))
            return gv_fail(err, GV_BAD_DATA, "cannot parse \"%.*s\" to a valid duration. It overflows int64",
                           GV_ARG(text));
        *ms = (int64_t)(seconds * 1e9) / 1000000; /* by way of nanoseconds, as Prometheus: 33.3 is 33.299 */
        return true;
    }
    if (gv_duration_parse(text, ms, NULL))
        return true;
    return gv_fail(err, GV_BAD_DATA, "cannot parse \"%.*s\" to a valid duration", GV_ARG(text));
}

static bool fail_parameter(struct gv_err *err, const char *name, const struct gv_err *why)
{
    return gv_fail(err, GV_BAD_DATA, "invalid parameter \"%s\": %s", name, why->msg);
}

bool params_time(const struct gv_url_params *p, const char *name, int64_t otherwise_ms, int64_t *ms, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(p, name);
    *ms = otherwise_ms;
    if (!text.n || gv_time_parse(text, ms))
        return true;
    return gv_fail(err, GV_BAD_DATA,
                   "invalid parameter \"%s\": Invalid time value for '%s': cannot parse \"%.*s\" to a valid timestamp",
                   name, name, GV_ARG(text));
}

bool params_duration(const struct gv_url_params *p, const char *name, int64_t otherwise_ms, int64_t *ms,
                     struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(p, name);
    struct gv_err why = {0};
    *ms = otherwise_ms;
    return !text.n || parse_duration(text, ms, &why) || fail_parameter(err, name, &why);
}

bool params_limit(const struct gv_url_params *p, const char *name, uint64_t *limit, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(p, name);
    int64_t value = 0;
    *limit = 0;
    if (!text.n)
        return true;
    if (!gv_int64_parse(text, &value))
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"%s\": strconv.Atoi: parsing \"%.*s\": invalid syntax",
                       name, GV_ARG(text));
    if (value < 0)
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"%s\": limit must be non-negative", name);
    *limit = (uint64_t)value;
    return true;
}
