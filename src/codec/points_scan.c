/* Sixty-four bytes become eight masks, one for each kind of byte that plain points are made of; then every rule of the
 * grammar is a line of arithmetic on masks. `m << 1` are the bytes behind those of m. Adding the first bits of runs to
 * the mask of runs carries through each run and sets the bit behind its end: so a run of digits is tied to what must
 * follow it, without a loop. */
#include "codec/points_scan.h"
#ifdef __SSE2__
#include <emmintrin.h>

struct masks {
    uint64_t digit, zero, dot, minus, comma, quote, open, close;
};

static uint64_t equal_to(const __m128i x[4], char c)
{
    __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x[i], wanted)) << 16 * i;
    return mask;
}

static uint64_t digits(const __m128i x[4])
{
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i value = _mm_sub_epi8(x[i], _mm_set1_epi8('0'));
        __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(is_digit) << 16 * i;
    }
    return mask;
}

static struct masks classify(const char *p)
{
    __m128i x[4];
    for (int i = 0; i < 4; i++)
        x[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
    return (struct masks){.digit = digits(x),
                          .zero = equal_to(x, '0'),
                          .dot = equal_to(x, '.'),
                          .minus = equal_to(x, '-'),
                          .comma = equal_to(x, ','),
                          .quote = equal_to(x, '"'),
                          .open = equal_to(x, '['),
                          .close = equal_to(x, ']')};
}

/* Bits behind the runs of `run` that begin at `first`. */
static uint64_t behind(uint64_t run, uint64_t first)
{
    return (run + first) & ~run;
}

/* A run of 16 bits or more is in m. */
static int has_long_run(uint64_t m)
{
    m &= m >> 1;
    m &= m >> 2;
    m &= m >> 4;
    return (m & m >> 8) != 0;
}

/* Bits of `part` that are not in `whole`. */
static uint64_t outside(uint64_t part, uint64_t whole)
{
    return part & ~whole;
}

/* Whether the bytes of `region` are whole points, each followed by a comma; those commas are `separators`. */
static int are_points(const struct masks *all, uint64_t region, uint64_t separators)
{
    struct masks m = {all->digit & region, all->zero & region,  all->dot & region,  all->minus & region,
                      all->comma & region, all->quote & region, all->open & region, all->close & region};
    uint64_t body = m.digit | m.dot;
    uint64_t inner = m.comma & ~separators;  /* between timestamp and value */
    uint64_t opening = m.quote & inner << 1; /* quotes */
    uint64_t closing = m.quote & ~(inner << 1);
    uint64_t timestamp = m.open << 1, value = (opening << 1 & m.digit) | m.minus << 1; /* their first digits */
    uint64_t bad = region ^ (body | m.minus | m.comma | m.quote | m.open | m.close);
    bad |= m.open ^ ((separators << 1 | 1) & region);
    bad |= outside(inner, m.digit << 1) | outside(inner << 1, m.quote);
    bad |= outside(closing, m.digit << 1) | (m.close ^ closing << 1);
    bad |= m.close << 1 ^ separators;
    bad |= outside(m.minus, opening << 1) | outside(opening << 1, m.digit | m.minus);
    bad |= outside(timestamp | value, m.digit) | outside(body & ~(body << 1), timestamp | value);
    bad |= outside(m.dot, m.digit << 1) | outside(m.dot << 1, m.digit);
    bad |= outside(behind(body, timestamp), inner) | outside(behind(body, value), closing);
    bad |= behind(m.digit, m.dot << 1) & m.dot;           /* a second dot */
    bad |= (m.zero & (timestamp | value)) << 1 & m.digit; /* a leading zero */
    uint64_t timestamps = body & ~(body + timestamp);
    return !bad && !has_long_run(timestamps);
}

size_t points_in_window(const char *p, uint32_t *n)
{
    struct masks m = classify(p);
    uint64_t separators = m.comma & m.close << 1 & m.open >> 1;
    if (!separators)
        return 0;
    unsigned last = 63 - (unsigned)__builtin_clzll(separators);
    if (!are_points(&m, UINT64_MAX >> (63 - last), separators))
        return 0;
    *n = (uint32_t)__builtin_popcountll(separators);
    return last + 1;
}

#else

size_t points_in_window(const char *p, uint32_t *n)
{
    (void)p;
    (void)n;
    return 0;
}
#endif
