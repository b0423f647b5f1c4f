/* Bytes in, checksum out: by the instruction that x86-64 has for it (SSE4.2), elsewhere by eight tables that take eight
 * bytes at a time ("slicing by 8"). The remainder is kept inverted while bytes go in. */
#include "base/crc32c_impl.h"
#include <string.h>

enum { SLICES = 8 };
static const uint32_t reflected_polynomial = 0x82f63b78;
static uint32_t tables[SLICES][256]; /* [k][b]: the remainder of byte b followed by k zero bytes */

__attribute__((constructor)) static void fill_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? reflected_polynomial : 0);
        tables[0][b] = crc;
    }
    for (int k = 1; k < SLICES; k++)
        for (uint32_t b = 0; b < 256; b++)
            tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 0xff];
}

static uint32_t little_endian(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    crc = ~crc;
    for (; n >= SLICES; p += SLICES, n -= SLICES) {
        uint32_t low = crc ^ little_endian(p), high = little_endian(p + 4);
        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^
              tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^ tables[1][high >> 16 & 0xff] ^
              tables[0][high >> 24];
    }
    for (; n; n--)
        crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t wide = ~crc;
    for (; n >= sizeof(uint64_t); p += sizeof(uint64_t), n -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n; n--)
        crc = _mm_crc32_u8(crc, *p++);
    return ~crc;
}

uint32_t gv_crc32c(uint32_t crc, const void *data, size_t n)
{
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, data, n) : crc32c_by_table(crc, data, n);
}
#else
uint32_t gv_crc32c(uint32_t crc, const void *data, size_t n)
{
    return crc32c_by_table(crc, data, n);
}
#endif
