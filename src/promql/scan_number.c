/* Numbers and durations in query texts. One table holds their grammar: from each state, the bytes that lead on and
 * where to; then what the text is if nothing leads on. The value is worked out afterwards, from the text found good.
 *
 *   "1_000.5e-3" -> NUMBER    "0x_FF" -> NUMBER    "1h30m" -> DURATION    "1__0", "5x", "5mx" -> BAD */
#include "promql/scan.h"
#include "base/number.h"
#include <math.h>

enum state {
    START,
    ZERO, /* a first 0, which an x may follow */
    WHOLE,
    WHOLE_GAP, /* a _ among digits: another digit must follow; likewise the other gaps */
    POINT,
    FRACTION,
    FRACTION_GAP,
    EXPONENT,
    EXPONENT_SIGN,
    POWER,
    POWER_GAP,
    HEX,
    HEX_GAP,
    COUNT, /* digits of a duration behind its first unit */
    UNIT,  /* an s may follow it, as in ms: whether it is ms, the parser of durations asks */
    UNIT_S,
    BROKEN, /* behind a byte that belongs to the literal, but not there: errors show it too */
    STATES
};

#define DIGITS     "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define UNITS      "smhdwy"
#define STRAY      "._eE" /* parts of numbers where none of them fits */

struct edge {
    const char *bytes; /* NULL: no more edges */
    enum state to;
};

/* The first edge that holds the byte counts. A number in front of a unit may be any: the parser of durations says what
 * is wrong with 1.5m. */
static const struct {
    enum gv_scan_number found;
    struct edge edges[8];
} grammar[STATES] = {
    [START] = {GV_SCAN_BAD, {{"0", ZERO}, {DIGITS, WHOLE}, {".", POINT}}},
    [ZERO] = {GV_SCAN_NUMBER,
              {{"xX", HEX}, {DIGITS, WHOLE}, {"_", WHOLE_GAP}, {".", POINT}, {"eE", EXPONENT}, {UNITS, UNIT}}},
    [WHOLE] = {GV_SCAN_NUMBER, {{DIGITS, WHOLE}, {"_", WHOLE_GAP}, {".", POINT}, {"eE", EXPONENT}, {UNITS, UNIT}}},
    [WHOLE_GAP] = {GV_SCAN_BAD, {{DIGITS, WHOLE}, {STRAY, BROKEN}}},
    [POINT] = {GV_SCAN_NUMBER, {{DIGITS, FRACTION}, {"eE", EXPONENT}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [FRACTION] = {GV_SCAN_NUMBER,
                  {{DIGITS, FRACTION}, {"_", FRACTION_GAP}, {"eE", EXPONENT}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [FRACTION_GAP] = {GV_SCAN_BAD, {{DIGITS, FRACTION}, {STRAY, BROKEN}}},
    [EXPONENT] = {GV_SCAN_BAD, {{DIGITS, POWER}, {"+-", EXPONENT_SIGN}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [EXPONENT_SIGN] = {GV_SCAN_BAD, {{DIGITS, POWER}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [POWER] = {GV_SCAN_NUMBER, {{DIGITS, POWER}, {"_", POWER_GAP}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [POWER_GAP] = {GV_SCAN_BAD, {{DIGITS, POWER}, {STRAY, BROKEN}}},
    [HEX] = {GV_SCAN_NUMBER, {{HEX_DIGITS, HEX}, {"_", HEX_GAP}, {UNITS, UNIT}, {STRAY, BROKEN}}},
    [HEX_GAP] = {GV_SCAN_BAD, {{HEX_DIGITS, HEX}, {STRAY, BROKEN}}},
    [COUNT] = {GV_SCAN_BAD, {{DIGITS, COUNT}, {UNITS, UNIT}}},
    [UNIT] = {GV_SCAN_DURATION, {{"s", UNIT_S}, {DIGITS, COUNT}, {LETTERS, BROKEN}}},
    [UNIT_S] = {GV_SCAN_DURATION, {{DIGITS, COUNT}, {LETTERS, BROKEN}}},
    [BROKEN] = {GV_SCAN_BAD, {{NULL, START}}},
};

/* Where byte c leads from a state; START is nowhere, as nothing leads there. */
static enum state follow(enum state from, int c)
{
    for (const struct edge *e = grammar[from].edges; c > 0 && e->bytes; e++)
        if (strchr(e->bytes, c))
            return e->to;
    return START;
}

enum gv_scan_number gv_scan_number(struct gv_slice text, size_t *at)
{
    enum state state = START, next;
    while ((next = follow(state, gv_scan_peek(text, *at))) != START) {
        state = next;
        ++*at;
    }
    return gv_scan_is_alphanumeric(gv_scan_peek(text, *at)) ? GV_SCAN_BAD : grammar[state].found;
}

/* The base that a prefix announces, and the digits behind it. A plain number, as well as a 0 alone, has none: 0. */
static unsigned split_prefix(struct gv_slice number, struct gv_slice *digits)
{
    if (number.n < 2 || number.p[0] != '0')
        return 0;
    bool hex = (number.p[1] | 0x20) == 'x';
    size_t skipped = hex ? 2 : 1;
    *digits = (struct gv_slice){number.p + skipped, number.n - skipped};
    return hex ? 16 : 8;
}

static unsigned digit_value(char c)
{
    return gv_scan_is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* An octal or hexadecimal integer of at most 63 bits. */
static bool read_integer(struct gv_slice number, double *value)
{
    struct gv_slice digits;
    unsigned base = split_prefix(number, &digits);
    if (base == 0 || digits.n == 0)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] == '_')
            continue;
        unsigned digit = digit_value(digits.p[i]);
        if (digit >= base || v > ((uint64_t)INT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *value = (double)v;
    return true;
}

/* What is no integer with a prefix is a decimal, whose leading zeros say nothing: 08, 010.5, but also octal ones that
 * do not fit. Decimal integers need no reading of their own: both ways round to the nearest double. */
const char *gv_scan_value(struct gv_arena *a, struct gv_slice number, double *value)
{
    *value = 0;
    if (read_integer(number, value) || gv_double_parse(number, value))
        return NULL;
    return gv_arena_printf(a, "error parsing number: strconv.ParseFloat: parsing \"%.*s\": %s", GV_ARG(number),
                           isinf(*value) ? "value out of range" : "invalid syntax");
}
