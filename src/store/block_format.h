/* Numbers of Prometheus's block format (docs/store-format.md, "Blocks"). */
#pragma once
#include <stdint.h>

#define BLOCK_INDEX_MAGIC      UINT32_C(0xBAAAD700)
#define BLOCK_CHUNKS_MAGIC     UINT32_C(0x85BD40DD)
#define BLOCK_TOMBSTONES_MAGIC UINT32_C(0x0130BA30)
#define BLOCK_CHUNKS_FOLDER    "chunks"
#define BLOCK_SEGMENT_NAME     "%06zu" /* from 1 on */

enum {
    BLOCK_INDEX_VERSION = 2,
    BLOCK_INDEX_HEADER = 5, /* magic, version */
    BLOCK_INDEX_TOC = 52,   /* six offsets, CRC */
    BLOCK_CHUNKS_VERSION = 1,
    BLOCK_CHUNKS_HEADER = 8, /* magic, version, padding */
    BLOCK_TOMBSTONES_VERSION = 1,
    BLOCK_TOMBSTONES_HEADER = 5,
    BLOCK_META_VERSION = 1,
    BLOCK_CRC = 4,
    BLOCK_SERIES_ALIGN = 16 /* a series' number is its offset divided by this */
};
