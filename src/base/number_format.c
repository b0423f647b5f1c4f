/* A double becomes its shortest decimal digits and a decimal point, and those a text in one of three layouts. Whole
 * numbers and those of up to three decimals need no search for the shortest digits. */
#include "base/double_shim.h"
#include "base/number.h"
#include <math.h>
#include <stdlib.h>

struct decimal {
    char digits[20];
    int n, point; /* 0.DIGITS times 10^point */
};

static char *put(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

static char *put_zeros(char *out, int n)
{
    memset(out, '0', (size_t)n);
    return out + n;
}

static int digits_of(char *out, uint64_t v)
{
    char backwards[20];
    int n = 0;
    do
        backwards[n++] = (char)('0' + v % 10);
    while (v /= 10);
    for (int i = 0; i < n; i++)
        out[i] = backwards[n - 1 - i];
    return n;
}

static void drop_trailing_zeros(struct decimal *d)
{
    while (d->n > 1 && d->digits[d->n - 1] == '0')
        d->n--;
}

/* v = i / 10^decimals with i below 10^15: two decimals of 15 digits never mean the same double, so i's are shortest. */
static bool try_scaled(struct decimal *d, double v, double scale, int decimals)
{
    double i = rint(v * scale);
    if (!(i >= 1 && i < 1e15) || i / scale != v)
        return false;
    d->n = digits_of(d->digits, (uint64_t)i);
    d->point = d->n - decimals;
    drop_trailing_zeros(d);
    return true;
}

static void find_digits(struct decimal *d, double v)
{
    if (v == 0)
        *d = (struct decimal){.digits = "0", .n = 1, .point = 1};
    else if (!try_scaled(d, v, 1, 0) && !try_scaled(d, v, 1e3, 3))
        d->n = gv_double_digits(v, d->digits, &d->point);
}

static char *put_plain(char *out, const struct decimal *d)
{
    if (d->point <= 0) {
        out = put_zeros(put(out, "0.", 2), -d->point);
        return put(out, d->digits, (size_t)d->n);
    }
    if (d->point >= d->n)
        return put_zeros(put(out, d->digits, (size_t)d->n), d->point - d->n);
    out = put(out, d->digits, (size_t)d->point);
    *out++ = '.';
    return put(out, d->digits + d->point, (size_t)(d->n - d->point));
}

static char *put_with_exponent(char *out, const struct decimal *d)
{
    int exponent = d->point - 1;
    *out++ = d->digits[0];
    if (d->n > 1) {
        *out++ = '.';
        out = put(out, d->digits + 1, (size_t)(d->n - 1));
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    if (abs(exponent) < 10)
        *out++ = '0';
    return out + digits_of(out, (uint64_t)abs(exponent));
}

/* Plain where lowest <= exponent < highest, the exponent being that of d.ddd times 10^exponent. */
static size_t format(char *out, double v, int lowest, int highest)
{
    char *at = out;
    if (isnan(v)) {
        at = put(at, "NaN", 3);
    } else {
        if (signbit(v) || isinf(v))
            *at++ = signbit(v) ? '-' : '+';
        struct decimal d;
        if (isinf(v)) {
            at = put(at, "Inf", 3);
        } else {
            find_digits(&d, fabs(v));
            bool plain = d.point - 1 >= lowest && d.point - 1 < highest;
            at = plain ? put_plain(at, &d) : put_with_exponent(at, &d);
        }
    }
    *at = '\0';
    return (size_t)(at - out);
}

static bool is_small_integer(double v)
{
    return v == trunc(v) && fabs(v) < 0x1p53 && (v != 0 || !signbit(v));
}

size_t gv_double_format(char out[GV_DOUBLE_MAX], double v)
{
    return is_small_integer(v) ? gv_int64_format(out, (int64_t)v) : format(out, v, -6, 21);
}

size_t gv_double_format_f(char out[GV_DOUBLE_F_MAX], double v)
{
    return format(out, v, -1000, 1000);
}

size_t gv_double_format_g(char out[GV_DOUBLE_MAX], double v)
{
    return format(out, v, -4, 6);
}

size_t gv_int64_format(char out[GV_INT64_MAX], int64_t v)
{
    char *at = out;
    if (v < 0)
        *at++ = '-';
    at += digits_of(at, v < 0 ? -(uint64_t)v : (uint64_t)v);
    *at = '\0';
    return (size_t)(at - out);
}

void gv_buf_add_double(struct gv_buf *b, double v)
{
    b->n += gv_double_format(gv_buf_reserve(b, GV_DOUBLE_MAX), v);
}

void gv_buf_add_int(struct gv_buf *b, int64_t v)
{
    b->n += gv_int64_format(gv_buf_reserve(b, GV_INT64_MAX), v);
}
