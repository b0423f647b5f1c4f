/* Numbers of files and queues whose bytes are little-endian, whatever the machine. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline void gv_put_little(char *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (char)(v >> 8 * i);
}
static inline uint64_t gv_get_little(const char *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return v;
}
