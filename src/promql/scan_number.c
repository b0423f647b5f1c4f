/* Numbers and durations: their shape as Prometheus's lexer sees it, and a number's value as Go's strconv gives it. */
#include "promql/scan.h"
#include "base/number.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct scan {
    struct gv_slice text;
    size_t at;
    bool hex;
};

static int here(const struct scan *s)
{
    return gv_scan_peek(s->text, s->at);
}

static bool is_in(int c, const char *set)
{
    return c > 0 && strchr(set, c);
}

static bool accept(struct scan *s, const char *set)
{
    bool found = is_in(here(s), set);
    s->at += found;
    return found;
}

static bool is_digit(const struct scan *s, int c)
{
    return s->hex ? is_in(c, "0123456789abcdefABCDEF") : gv_scan_is_digit(c);
}

/* One of `.`, `e`, `_` behind digits; each must not be followed by certain others. */
static bool scan_dot(struct scan *s, bool *seen)
{
    bool again = *seen;
    *seen = true;
    s->at++;
    return !again && !accept(s, "_.") && !s->hex;
}

static bool scan_exponent(struct scan *s, bool *seen)
{
    bool again = *seen;
    *seen = true;
    s->at++;
    if (again)
        return false;
    accept(s, "+-");
    return !accept(s, "._eE") && here(s) >= 0;
}

static bool scan_underscore(struct scan *s)
{
    s->at++;
    return !accept(s, "._eE") && here(s) >= 0;
}

static bool scan_number(struct scan *s)
{
    size_t start = s->at;
    bool dot = false, exponent = false;
    if (accept(s, "0") && accept(s, "xX")) {
        accept(s, "_");
        s->hex = true;
    }
    accept(s, ".");
    s->at += is_digit(s, here(s));
    for (;;) {
        int c = here(s);
        bool good = true;
        if (c == '.')
            good = scan_dot(s, &dot);
        else if (c == 'e' || c == 'E')
            good = scan_exponent(s, &exponent);
        else if (c == '_')
            good = scan_underscore(s);
        else if (is_digit(s, c))
            while (is_digit(s, here(s)))
                s->at++;
        else
            break;
        if (!good)
            return false;
    }
    return s->at != start && !gv_scan_is_alphanumeric(here(s));
}

/* Behind the first digits: a unit, then more digits and units. Their order is checked when the value is taken. */
static bool scan_units(struct scan *s)
{
    if (!accept(s, "smhdwy"))
        return false;
    accept(s, "s"); /* of ms */
    while (gv_scan_is_digit(here(s))) {
        while (gv_scan_is_digit(here(s)))
            s->at++;
        if (!accept(s, "smhdw"))
            return false;
        accept(s, "s");
    }
    bool ends = !gv_scan_is_alphanumeric(here(s));
    s->at += !ends;
    return ends;
}

enum gv_scan_number gv_scan_number(struct gv_slice text, size_t *at)
{
    struct scan s = {text, *at, false};
    enum gv_scan_number found = scan_number(&s) ? GV_SCAN_NUMBER : scan_units(&s) ? GV_SCAN_DURATION : GV_SCAN_BAD;
    *at = s.at;
    return found;
}

/* Go's rule: an underscore stands between digits, or between the base's prefix and a digit. */
static bool underscores_are_good(struct gv_slice number, size_t prefix, bool hex)
{
    bool digit = prefix > 0; /* a prefix counts as one */
    bool underscore = false;
    for (size_t i = prefix; i < number.n; i++) {
        char c = number.p[i];
        if (gv_scan_is_digit(c) || (hex && is_in(c, "abcdefABCDEF"))) {
            digit = true;
            underscore = false;
        } else if (c == '_') {
            if (!digit || underscore)
                return false;
            underscore = true;
        } else {
            if (underscore)
                return false;
            digit = false;
        }
    }
    return !underscore;
}

static const char *fail_value(struct gv_arena *a, struct gv_slice number, const char *why)
{
    return gv_arena_printf(a, "error parsing number: strconv.ParseFloat: parsing \"%.*s\": %s", GV_ARG(number), why);
}

static unsigned base_of(struct gv_slice number, size_t *prefix)
{
    *prefix = 0;
    if (number.n > 1 && number.p[0] == '0') {
        bool hex = number.p[1] == 'x' || number.p[1] == 'X';
        *prefix = hex ? 2 : 1;
        return hex ? 16 : 8;
    }
    return 10;
}

/* An integer of at most 63 bits, as strconv.ParseInt(s, 0, 64) takes it. digits: without underscores and prefix. */
static bool take_integer(const char *digits, unsigned base, double *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(digits, &end, (int)base);
    *value = (double)n;
    return *digits && *end == '\0' && errno == 0;
}

const char *gv_scan_value(struct gv_arena *a, struct gv_slice number, double *value)
{
    size_t prefix, n = 0;
    unsigned base = base_of(number, &prefix);
    char *digits = gv_arena_alloc(a, number.n + 1);
    for (size_t i = 0; i < number.n; i++) {
        if (number.p[i] != '_')
            digits[n++] = number.p[i];
    }
    digits[n] = '\0';
    bool underscores = n != number.n;
    if (underscores && !underscores_are_good(number, prefix, base == 16))
        return fail_value(a, number, "invalid syntax");
    if (take_integer(digits + prefix, base, value))
        return NULL;
    if (base == 16)
        return fail_value(a, number, "invalid syntax");
    if (gv_double_parse(gv_slice_of(digits), value))
        return NULL;
    return fail_value(a, number, isinf(*value) ? "value out of range" : "invalid syntax");
}
