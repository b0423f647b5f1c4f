/* A borrowed run of bytes, and the small comparisons that everything uses. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gv_slice {
    const char *p; /* not NUL-terminated; may be NULL when n is 0 */
    size_t n;
};

#define GV_S(literal) ((struct gv_slice){(literal), sizeof(literal) - 1})
/* printf("%.*s", GV_ARG(s)) */
#define GV_ARG(s)                       (int)(s).n, (s).p ? (s).p : ""
#define GV_COUNT(array)                 (sizeof(array) / sizeof((array)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline struct gv_slice gv_slice_of(const char *cstr)
{
    return (struct gv_slice){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool gv_slice_eq(struct gv_slice a, struct gv_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool gv_slice_is(struct gv_slice a, const char *cstr)
{
    return gv_slice_eq(a, gv_slice_of(cstr));
}

static inline bool gv_slice_has_prefix(struct gv_slice s, struct gv_slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool gv_slice_has_suffix(struct gv_slice s, struct gv_slice suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Byte order, the shorter first where one is a prefix of the other: negative, 0, positive. */
static inline int gv_slice_cmp(struct gv_slice a, struct gv_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* XXH64 with seed 0 (xxHash specification); what Prometheus hashes label sets with. */
uint64_t gv_hash(const void *data, size_t n);
