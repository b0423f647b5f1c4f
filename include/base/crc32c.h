/* CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected; RFC 3720, section 12.1): frames of remote read, chunks, blocks,
 * the write-ahead log. Any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The checksum of what came before (0 at the start) carried on over n more bytes. */
uint32_t gv_crc32c(uint32_t crc, const void *data, size_t n);
