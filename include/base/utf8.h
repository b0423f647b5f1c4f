/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Any thread. */
#pragma once
#include "base/slice.h"

/* Length of the code point at p (n > 0 bytes there), and the code point; 0 where the bytes are no UTF-8. */
size_t gv_utf8_decode(const char *p, size_t n, uint32_t *point);
size_t gv_utf8_encode(char out[4], uint32_t point); /* length; point must be a valid one */
bool gv_utf8_valid(struct gv_slice s);
bool gv_utf8_is_printable(uint32_t point); /* Go's strconv.IsPrint */
