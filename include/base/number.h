/* Numbers as text and back, as Go's strconv has them, whatever the locale. Any thread. */
#pragma once
#include "base/buf.h"

enum {
    GV_DOUBLE_MAX = 32,    /* bytes of gv_double_format and _g, with the NUL */
    GV_DOUBLE_F_MAX = 352, /* bytes of gv_double_format_f */
    GV_INT64_MAX = 24
};

/* The shortest text that gives v again; NaN, +Inf, -Inf. Each returns the length and adds a NUL. */
/* As in Prometheus's JSON: plain, but with an exponent below 1e-6 and from 1e21 on (1e-07, 1e+21). */
size_t gv_double_format(char out[GV_DOUBLE_MAX], double v);
/* Go's 'f': never an exponent. */
size_t gv_double_format_f(char out[GV_DOUBLE_F_MAX], double v);
/* Go's %v, %g and 'g' with precision -1: with an exponent below 1e-4 and from 1e+06 on. */
size_t gv_double_format_g(char out[GV_DOUBLE_MAX], double v);
size_t gv_int64_format(char out[GV_INT64_MAX], int64_t v);

void gv_buf_add_double(struct gv_buf *b, double v); /* gv_double_format */
void gv_buf_add_int(struct gv_buf *b, int64_t v);

/* Everything that Go's strconv.ParseFloat takes, and nothing else: decimal and hexadecimal (0x1.8p3), digits grouped
 * by `_`, inf, infinity and nan in any case; no blanks. Correctly rounded. False for what is no number, and for one
 * that is out of range (*v is then infinite). */
GV_MUST_CHECK bool gv_double_parse(struct gv_slice s, double *v);
/* [+-]digits, as strconv.ParseInt in base 10; false also where it does not fit. */
GV_MUST_CHECK bool gv_int64_parse(struct gv_slice s, int64_t *v);
