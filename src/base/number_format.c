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

static int count_digits(uint64_t v)
{
    static const uint64_t powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    int least = (64 - __builtin_clzll(v | 1)) * 1233 >> 12; /* bits times log10(2) */
    return least + ((v | 1) >= powers[least]);
}

static int digits_of(char *out, uint64_t v)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    int n = count_digits(v);
    char *at = out + n;
    for (; v >= 100; v /= 100)
        memcpy(at -= 2, pairs + v % 100 * 2, 2);
    if (v >= 10)
        memcpy(out, pairs + v * 2, 2);
    else
        *out = (char)('0' + v);
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
