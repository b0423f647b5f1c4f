/* Validating `[1435781430.781,"0.25"],` 64 bytes at a time, with one bit per byte. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { POINTS_WINDOW = 64 };

/* p has POINTS_WINDOW readable bytes. The length of the whole points, each with the comma behind it, that p begins with
 * and *n of them. Only the plain form counts, without blanks, exponents or words: the timestamp of at most 15
 * characters not negative, neither number with a leading zero too many, another point behind the last comma. For
 * anything else 0: a slower reader must look. */
size_t points_in_window(const char *p, uint32_t *n);
/* The same with 16-byte registers, which every x86-64 has: what the other falls back to. */
size_t points_in_window_narrowly(const char *p, uint32_t *n);
