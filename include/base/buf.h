/* A growable byte buffer on the heap. One owner. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct gv_buf {
    char *p;
    size_t n, cap;
};

#define GV_BUF_INIT                                                                                                    \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }

void gv_buf_fini(struct gv_buf *b);           /* frees; b is then empty and usable */
void gv_buf_grow(struct gv_buf *b, size_t n); /* gv_buf_reserve where there is no room; doubles */

/* Room for n more bytes; returns where they go. */
static inline char *gv_buf_reserve(struct gv_buf *b, size_t n)
{
    if (b->cap - b->n < n)
        gv_buf_grow(b, n);
    return b->p + b->n;
}
static inline void gv_buf_add(struct gv_buf *b, const void *data, size_t n)
{
    if (!n)
        return;
    memcpy(gv_buf_reserve(b, n), data, n);
    b->n += n;
}
static inline void gv_buf_addc(struct gv_buf *b, char c)
{
    *gv_buf_reserve(b, 1) = c;
    b->n++;
}
static inline void gv_buf_adds(struct gv_buf *b, const char *cstr)
{
    gv_buf_add(b, cstr, strlen(cstr));
}
static inline void gv_buf_add_slice(struct gv_buf *b, struct gv_slice s)
{
    gv_buf_add(b, s.p, s.n);
}
void gv_buf_printf(struct gv_buf *b, const char *fmt, ...) GV_PRINTF(2, 3);
/* s as a Go-quoted string with its quotes (strconv.Quote), as Prometheus prints label values and texts. */
void gv_buf_add_quoted(struct gv_buf *b, struct gv_slice s);
/* s as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD, as Go's encoder does. */
void gv_buf_add_json(struct gv_buf *b, struct gv_slice s);
/* s in lower or upper case (Unicode's simple mappings); a byte that is no UTF-8 becomes U+FFFD, as Go does. */
void gv_buf_add_lower(struct gv_buf *b, struct gv_slice s);
void gv_buf_add_upper(struct gv_buf *b, struct gv_slice s);
const char *gv_buf_cstr(struct gv_buf *b); /* NUL-terminated view, valid until the next change */

static inline struct gv_slice gv_buf_slice(const struct gv_buf *b)
{
    return (struct gv_slice){b->p, b->n};
}
static inline void gv_buf_clear(struct gv_buf *b)
{
    b->n = 0;
}
