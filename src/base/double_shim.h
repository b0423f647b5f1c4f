/* What is taken from double-conversion: shortest digits, and correct rounding of long decimals. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shortest decimal of v > 0, finite: 0.DIGITS times 10^*point. Writes at most 17 digits, returns how many. */
int gv_double_digits(double v, char digits[18], int *point);
/* p: n bytes of valid decimal syntax without a sign. May be infinite. */
double gv_double_from_decimal(const char *p, size_t n);

#ifdef __cplusplus
}
#endif
