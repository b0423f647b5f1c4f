/* Finding the end of plain text inside a JSON string, 16 or 8 bytes at a time. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool json_is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static inline const char *json_plain_end_bytewise(const char *p, const char *end, unsigned char *high)
{
    for (; p < end && json_is_plain((unsigned char)*p); p++)
        *high |= (unsigned char)*p;
    return p;
}

/* The first byte of p..end that is a quote, a backslash or a control character, or end. The bytes before it are or-ed
 * into *high; bytes after it may add to the top bit. */
static inline const char *json_plain_end(const char *p, const char *end, unsigned char *high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, backslash)),
                                       _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
        unsigned found = (unsigned)_mm_movemask_epi8(special);
        *high |= _mm_movemask_epi8(x) ? 0x80 : 0;
        if (found)
            return p + __builtin_ctz(found);
    }
#endif
    return json_plain_end_bytewise(p, end, high);
}
