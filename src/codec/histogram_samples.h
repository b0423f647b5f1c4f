/* Shared by the encoder and the decoder of histogram chunks:
 *
 *   count:16 header:8 layout, then the samples
 *
 * Integers: time, count and zero count, and of every bucket the difference to the bucket before it; the first sample
 * whole, all others as the change of their change. Floats: times likewise; count, zero count and buckets as the sum in
 * both: whole at first, then by XOR, each with a window of its own. */
#pragma once
#include "codec/histogram_layout.h"
#include "codec/xor_value.h"

enum { HISTOGRAM_HEADER = 3, HEADER_RESET_YES = 0x80, HEADER_RESET_NO = 0x40, HEADER_GAUGE = 0xc0, HEADER_MASK = 0xc0 };

struct counter { /* an integer that is written as the change of its change; the sums may wrap */
    uint64_t value, delta;
};
