/* Sixty-four bytes become eight masks, one for each kind of byte that plain points are made of; then every rule of the
 * grammar is a line of arithmetic on masks. `m << 1` are the bytes behind those of m. Adding the first bits of runs to
 * the mask of runs carries through each run and sets the bit behind its end: so a run of digits is tied to what must
 * follow it, without a loop. */
#include "codec/points_scan.h"
#ifdef __SSE2__
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

struct masks {
    uint64_t digit, zero, dot, minus, comma, quote, open, close;
};

struct block {
    __m128i a, b, c, d;
};

INLINE uint64_t bits(__m128i a, __m128i b, __m128i c, __m128i d)
{
    uint64_t low = (unsigned)_mm_movemask_epi8(a) | (unsigned)_mm_movemask_epi8(b) << 16;
    uint64_t high = (unsigned)_mm_movemask_epi8(c) | (unsigned)_mm_movemask_epi8(d) << 16;
    return low | high << 32;
}

INLINE uint64_t equal_to(const struct block *x, char c)
{
    __m128i wanted = _mm_set1_epi8(c);
    return bits(_mm_cmpeq_epi8(x->a, wanted), _mm_cmpeq_epi8(x->b, wanted), _mm_cmpeq_epi8(x->c, wanted),
                _mm_cmpeq_epi8(x->d, wanted));
}

INLINE __m128i is_digit(__m128i x)
{
    __m128i value = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    return _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
}

INLINE struct masks classify(const char *p)
{
    const __m128i *at = (const __m128i *)(const void *)p;
    struct block x = {_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadu_si128(at + 2), _mm_loadu_si128(at + 3)};
    return (struct masks){.digit = bits(is_digit(x.a), is_digit(x.b), is_digit(x.c), is_digit(x.d)),
                          .zero = equal_to(&x, '0'),
                          .dot = equal_to(&x, '.'),
                          .minus = equal_to(&x, '-'),
                          .comma = equal_to(&x, ','),
                          .quote = equal_to(&x, '"'),
                          .open = equal_to(&x, '['),
                          .close = equal_to(&x, ']')};
}

/* The same with registers of 32 bytes, for machines that have them. */
#define WIDE __attribute__((target("avx2,bmi,lzcnt,popcnt")))

struct wide_block {
    __m256i a, b;
};

WIDE INLINE uint64_t wide_bits(__m256i a, __m256i b)
{
    return (unsigned)_mm256_movemask_epi8(a) | (uint64_t)(unsigned)_mm256_movemask_epi8(b) << 32;
}

WIDE INLINE uint64_t wide_equal_to(const struct wide_block *x, char c)
{
    __m256i wanted = _mm256_set1_epi8(c);
    return wide_bits(_mm256_cmpeq_epi8(x->a, wanted), _mm256_cmpeq_epi8(x->b, wanted));
}

WIDE INLINE __m256i wide_is_digit(__m256i x)
{
    __m256i value = _mm256_sub_epi8(x, _mm256_set1_epi8('0'));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value);
}

WIDE INLINE struct masks wide_classify(const char *p)
{
    const __m256i *at = (const __m256i *)(const void *)p;
    struct wide_block x = {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
    return (struct masks){.digit = wide_bits(wide_is_digit(x.a), wide_is_digit(x.b)),
                          .zero = wide_equal_to(&x, '0'),
                          .dot = wide_equal_to(&x, '.'),
                          .minus = wide_equal_to(&x, '-'),
                          .comma = wide_equal_to(&x, ','),
                          .quote = wide_equal_to(&x, '"'),
                          .open = wide_equal_to(&x, '['),
                          .close = wide_equal_to(&x, ']')};
}

/* Bits behind the runs of `run` that begin at `first`. */
INLINE uint64_t behind(uint64_t run, uint64_t first)
{
    return (run + first) & ~run;
}

/* A run of 16 bits or more is in m. */
INLINE int has_long_run(uint64_t m)
{
    m &= m >> 1;
    m &= m >> 2;
    m &= m >> 4;
    return (m & m >> 8) != 0;
}

/* Bits of `part` that are not in `whole`. */
INLINE uint64_t outside(uint64_t part, uint64_t whole)
{
    return part & ~whole;
}

/* Whether the bytes of `region` are whole points, each followed by a comma; those commas are `separators`. */
INLINE int are_points(const struct masks *all, uint64_t region, uint64_t separators)
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

INLINE size_t whole_points(struct masks m, uint32_t *n)
{
    uint64_t separators = m.comma & m.close << 1 & m.open >> 1;
    if (!separators)
        return 0;
    unsigned last = 63 - (unsigned)__builtin_clzll(separators);
    if (!are_points(&m, UINT64_MAX >> (63 - last), separators))
        return 0;
    for (*n = 0; separators; separators &= separators - 1)
        ++*n;
    return last + 1;
}

WIDE static size_t in_wide_window(const char *p, uint32_t *n)
{
    return whole_points(wide_classify(p), n);
}

size_t points_in_window_narrowly(const char *p, uint32_t *n)
{
    return whole_points(classify(p), n);
}

size_t points_in_window(const char *p, uint32_t *n)
{
    return __builtin_cpu_supports("avx2") ? in_wide_window(p, n) : points_in_window_narrowly(p, n);
}

#else

size_t points_in_window_narrowly(const char *p, uint32_t *n)
{
    (void)p;
    (void)n;
    return 0;
}

size_t points_in_window(const char *p, uint32_t *n)
{
    return points_in_window_narrowly(p, n);
}
#endif
