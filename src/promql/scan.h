/* The literals of query texts: numbers, durations, strings. Pure functions over a text and an offset; any thread. */
#pragma once
#include "base/arena.h"

static inline int gv_scan_peek(struct gv_slice text, size_t at) /* the byte, or -1 at the end */
{
    return at < text.n ? (unsigned char)text.p[at] : -1;
}
static inline bool gv_scan_is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
static inline bool gv_scan_is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static inline bool gv_scan_is_alpha(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool gv_scan_is_alphanumeric(int c)
{
    return gv_scan_is_alpha(c) || gv_scan_is_digit(c);
}
static inline bool gv_scan_is_quote(int c)
{
    return c == '"' || c == '\'' || c == '`';
}
static inline bool gv_scan_starts_number(struct gv_slice text, size_t at)
{
    int c = gv_scan_peek(text, at);
    return gv_scan_is_digit(c) || (c == '.' && gv_scan_is_digit(gv_scan_peek(text, at + 1)));
}

/* Moves *at over a number or duration; of bad ones to where it went wrong. */
enum gv_scan_number { GV_SCAN_BAD, GV_SCAN_NUMBER, GV_SCAN_DURATION };
enum gv_scan_number gv_scan_number(struct gv_slice text, size_t *at);

/* Moves *at over a string with its quotes. Returns what is wrong with it, or NULL. */
const char *gv_scan_string(struct gv_arena *a, struct gv_slice text, size_t *at);
/* The value of a string that gv_scan_string found good: Go's escapes, none in backticks. */
struct gv_slice gv_scan_unquote(struct gv_arena *a, struct gv_slice quoted);

/* The value of a number that gv_scan_number found good: decimal, octal by a leading 0 (08 is 8), hexadecimal, floats,
 * underscores, Inf and NaN. Returns what is wrong with it, or NULL. */
const char *gv_scan_value(struct gv_arena *a, struct gv_slice number, double *value);

/* The character at `at` as Go's %q prints a rune: 'x', '\n', '\u00a0'. */
const char *gv_scan_quote_rune(struct gv_arena *a, struct gv_slice text, size_t at);
