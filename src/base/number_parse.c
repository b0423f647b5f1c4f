/* Text becomes a sign, a whole mantissa of up to 19 digits and a power of ten. Where those fit a type in which one
 * multiplication or division is exact enough, that is the answer; else double-conversion rounds the digits. */
#include "base/double_shim.h"
#include "base/number.h"
#include <float.h>
#include <limits.h>
#include <math.h>
#include <strings.h>

enum { MANTISSA_DIGITS = 19, EXPONENT_CAP = 100000 };

struct decimal {
    uint64_t mantissa;
    int64_t exponent; /* of ten */
    bool exact;       /* no digit was left out of mantissa */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_sign(struct gv_slice *s)
{
    bool negative = s->n && s->p[0] == '-';
    if (negative || (s->n && s->p[0] == '+')) {
        s->p++;
        s->n--;
    }
    return negative;
}

/* [+-]digits at *at, capped; false where there is no digit. */
static bool read_exponent(const char **at, const char *end, int64_t *exponent)
{
    struct gv_slice rest = {*at, (size_t)(end - *at)};
    bool negative = skip_sign(&rest);
    const char *p = rest.p;
    int64_t value = 0;
    for (; p < end && is_digit(*p); p++)
        if (value < EXPONENT_CAP)
            value = value * 10 + (*p - '0');
    *at = p;
    *exponent = negative ? -value : value;
    return p > rest.p;
}

/* Adds the digits at *at to d; returns how many there were. */
static size_t read_digits(const char **at, const char *end, struct decimal *d, int *significant, int64_t per_digit)
{
    const char *p = *at;
    for (; p < end && is_digit(*p); p++) {
        if (*significant < MANTISSA_DIGITS) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
            *significant += d->mantissa != 0;
            d->exponent += per_digit;
        } else {
            d->exact &= *p == '0';
            d->exponent += per_digit + 1;
        }
    }
    size_t n = (size_t)(p - *at);
    *at = p;
    return n;
}

static bool read_decimal(struct gv_slice s, struct decimal *d)
{
    const char *at = s.p, *end = s.p + s.n;
    int significant = 0;
    *d = (struct decimal){.exact = true};
    size_t digits = read_digits(&at, end, d, &significant, 0);
    if (at < end && *at == '.') {
        at++;
        digits += read_digits(&at, end, d, &significant, -1);
    }
    if (!digits)
        return false;
    if (at < end && (*at | 0x20) == 'e') {
        int64_t exponent;
        at++;
        if (!read_exponent(&at, end, &exponent))
            return false;
        d->exponent += exponent;
    }
    return at == end;
}

/* Both sides exact in a double: one correctly rounded operation. */
static bool scale_exactly(const struct decimal *d, double *v)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->mantissa >> DBL_MANT_DIG || d->exponent < -22 || d->exponent > 22)
        return false;
    double m = (double)d->mantissa;
    *v = d->exponent < 0 ? m / powers[-d->exponent] : m * powers[d->exponent];
    return true;
}

/* Both sides exact in a long double of 64 bits: its result is off by half a unit at most, so rounding it to 53 bits is
 * right unless the 11 bits that go are exactly half a unit of the double. */
static bool scale_in_long_double(const struct decimal *d, double *v)
{
#if LDBL_MANT_DIG == 64
    static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                         1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                         1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    if (d->exponent < -27 || d->exponent > 27)
        return false;
    long double m = (long double)d->mantissa;
    long double scaled = d->exponent < 0 ? m / powers[-d->exponent] : m * powers[d->exponent];
    uint64_t bits;
    memcpy(&bits, &scaled, sizeof bits); /* the explicit mantissa */
    *v = (double)scaled;
    return (bits & 0x7ff) != 0x400;
#else
    (void)d, (void)v;
    return false;
#endif
}

static bool parse_decimal(struct gv_slice s, double *v)
{
    struct decimal d;
    if (s.n > INT_MAX || !read_decimal(s, &d))
        return false;
    if (!(d.exact && (scale_exactly(&d, v) || scale_in_long_double(&d, v))))
        *v = gv_double_from_decimal(s.p, s.n);
    return !isinf(*v);
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct binary {
    uint64_t mantissa;
    int64_t exponent; /* of two */
    bool more;        /* bits below the mantissa that were left out are not all zero */
};

static size_t read_hex_digits(const char **at, const char *end, struct binary *b, int64_t per_digit)
{
    const char *p = *at;
    for (int digit; p < end && (digit = hex_digit(*p)) >= 0; p++) {
        b->exponent += per_digit;
        if (b->mantissa >> 60) {
            b->more |= digit != 0;
            b->exponent += 4;
        } else {
            b->mantissa = b->mantissa << 4 | (uint64_t)digit;
        }
    }
    size_t n = (size_t)(p - *at);
    *at = p;
    return n;
}

/* Rounds to the 53 bits of a double, or to the fewer that a subnormal has, half to even. */
static double round_binary(struct binary b)
{
    enum { EXTRA = 64 - DBL_MANT_DIG, LOWEST = DBL_MIN_EXP - DBL_MANT_DIG };
    if (!b.mantissa)
        return 0;
    int up = __builtin_clzll(b.mantissa);
    b.mantissa <<= up;
    b.exponent -= up;
    if (b.exponent > DBL_MAX_EXP)
        return INFINITY;
    if (b.exponent < LOWEST - 64)
        return 0;
    int shift = b.exponent + EXTRA < LOWEST ? (int)(LOWEST - b.exponent) : EXTRA;
    unsigned __int128 wide = b.mantissa, half = (unsigned __int128)1 << (shift - 1);
    unsigned __int128 kept = wide >> shift, rest = wide - (kept << shift);
    if (rest > half || (rest == half && (b.more || kept & 1)))
        kept++;
    return ldexp((double)(uint64_t)kept, (int)b.exponent + shift);
}

/* Behind the 0x: hex digits with a point, then p and an exponent, which must be there. */
static bool parse_hex(struct gv_slice s, double *v)
{
    const char *at = s.p, *end = s.p + s.n;
    struct binary b = {0};
    size_t digits = read_hex_digits(&at, end, &b, 0);
    if (at < end && *at == '.') {
        at++;
        digits += read_hex_digits(&at, end, &b, -4);
    }
    if (!digits || at == end || (*at | 0x20) != 'p')
        return false;
    int64_t exponent;
    at++;
    if (!read_exponent(&at, end, &exponent) || at != end)
        return false;
    b.exponent += exponent;
    *v = round_binary(b);
    return !isinf(*v);
}

static bool is_word(struct gv_slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool parse_unsigned(struct gv_slice s, double *v)
{
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x')
        return parse_hex((struct gv_slice){s.p + 2, s.n - 2}, v);
    if (is_word(s, "inf") || is_word(s, "infinity")) {
        *v = INFINITY;
        return true;
    }
    return s.n && parse_decimal(s, v);
}

/* Every `_` stands between digits; the 0x counts as one. */
static bool underscores_group_digits(struct gv_slice s)
{
    bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '_')
            continue;
        if (i == 0 || i + 1 == s.n)
            return false;
        bool after_prefix = hex && i == 2;
        bool before = hex ? hex_digit(s.p[i - 1]) >= 0 : is_digit(s.p[i - 1]);
        bool after = hex ? hex_digit(s.p[i + 1]) >= 0 : is_digit(s.p[i + 1]);
        if (!(before || after_prefix) || !after)
            return false;
    }
    return true;
}

static bool parse_grouped(struct gv_slice s, double *v)
{
    if (!underscores_group_digits(s))
        return false;
    struct gv_buf plain = GV_BUF_INIT;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            gv_buf_addc(&plain, s.p[i]);
    bool ok = parse_unsigned(gv_buf_slice(&plain), v);
    gv_buf_fini(&plain);
    return ok;
}

bool gv_double_parse(struct gv_slice s, double *v)
{
    if (is_word(s, "nan")) {
        *v = NAN;
        return true;
    }
    bool negative = skip_sign(&s);
    *v = 0;
    bool ok = parse_unsigned(s, v);
    if (!ok && s.n && memchr(s.p, '_', s.n))
        ok = parse_grouped(s, v);
    if (negative)
        *v = -*v;
    return ok;
}

bool gv_int64_parse(struct gv_slice s, int64_t *v)
{
    bool negative = skip_sign(&s);
    uint64_t value = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (!is_digit(s.p[i]) || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *v = negative ? (int64_t)-value : (int64_t)value;
    return s.n > 0;
}
