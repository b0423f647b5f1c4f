/* The ways to compute a CRC-32C, for the test that holds them against each other. */
#pragma once
#include "base/crc32c.h"

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t n);
