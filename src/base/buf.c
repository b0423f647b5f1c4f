#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>

void gv_buf_fini(struct gv_buf *b)
{
    free(b->p);
    *b = (struct gv_buf)GV_BUF_INIT;
}

void gv_buf_grow(struct gv_buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : 64;
    while (cap - b->n < n)
        cap *= 2;
    b->p = realloc(b->p, cap);
    if (!b->p)
        gv_die("out of memory: %zu bytes", cap);
    b->cap = cap;
}

void gv_buf_printf(struct gv_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        gv_die("bad format: %s", fmt);
    vsnprintf(gv_buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

const char *gv_buf_cstr(struct gv_buf *b)
{
    *gv_buf_reserve(b, 1) = '\0';
    return b->p;
}
