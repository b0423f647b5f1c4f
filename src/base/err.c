#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GV_ERR_ROW(code, status, type) [code] = {status, type},
static const struct {
    int status;
    const char *type;
} codes[] = {GV_ERR_CODES(GV_ERR_ROW)};
#undef GV_ERR_ROW

static void end_in_dots(struct gv_err *err, int wanted)
{
    if (wanted >= (int)sizeof err->msg)
        memcpy(err->msg + sizeof err->msg - 4, "...", 4);
}

bool gv_vfail(struct gv_err *err, enum gv_err_code code, const char *fmt, va_list args)
{
    if (!err || err->code != GV_OK)
        return false;
    err->code = code;
    end_in_dots(err, vsnprintf(err->msg, sizeof err->msg, fmt, args));
    return false;
}

bool gv_fail(struct gv_err *err, enum gv_err_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    gv_vfail(err, code, fmt, args);
    va_end(args);
    return false;
}

bool gv_err_prefix(struct gv_err *err, const char *fmt, ...)
{
    if (!err || err->code == GV_OK)
        return false;
    char said[GV_ERR_MSG_MAX];
    memcpy(said, err->msg, sizeof said);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    if (n >= 0 && n < (int)sizeof err->msg)
        n += snprintf(err->msg + n, sizeof err->msg - (size_t)n, "%s", said);
    end_in_dots(err, n);
    return false;
}

int gv_err_status(enum gv_err_code code)
{
    return codes[code].status;
}

const char *gv_err_type(enum gv_err_code code)
{
    return codes[code].type;
}

void gv_die_at(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "globalview: fatal at %s:%d: ", file, line);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}
