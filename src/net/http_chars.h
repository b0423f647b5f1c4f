/* Character classes of RFC 9110 and 9112, by byte. */
#pragma once
#include <stdbool.h>

/* tchar: what methods and field names are made of. */
static const bool gv_http_tchar[256] = {
    ['!'] = 1,         ['#' ... '\''] = 1, ['*'] = 1,         ['+'] = 1, ['-'] = 1, ['.'] = 1,
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1,  ['^' ... 'z'] = 1, ['|'] = 1, ['~'] = 1,
};
/* What may stand in a line at all: no control character but the tab. */
static const bool gv_http_text[256] = {['\t'] = 1, [' ' ... '~'] = 1, [0x80 ... 0xff] = 1};
