/* Nanoseconds a sample of XOR chunks, for kinds of series that are met. */
#include "codec/chunk_xor.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 120, CHUNKS = 2000, ROUNDS = 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double value_of(const char *kind, int chunk, int i)
{
    static double walk;
    switch (*kind) {
    case 'c': /* constant */
        return chunk;
    case 'i': /* integers that rise */
        return chunk * 1000.0 + i * 7 + rand() % 5;
    case 'g': /* gauge of bytes */
        return 1e9 + (rand() % 1000) * 4096.0;
    default: /* floats */
        return walk += (rand() % 1000) / 1e3;
    }
}

static void measure(const char *kind, bool jitter)
{
    static struct gv_xor_encoder chunks[CHUNKS];
    static int64_t times[SAMPLES];
    static double values[SAMPLES];
    double encode = 1e18, decode = 1e18, bytes = 0, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int c = 0; c < CHUNKS; c++) {
            gv_xor_encoder_init(&chunks[c]);
            for (int i = 0; i < SAMPLES; i++)
                (void)!gv_xor_encoder_append(&chunks[c], 1435781430781 + i * 15000 + (jitter ? rand() % 20 : 0),
                                             value_of(kind, c, i));
        }
        double middle = now();
        bytes = 0;
        for (int c = 0; c < CHUNKS; c++) {
            struct gv_err err = {0};
            if (!gv_xor_decode((const uint8_t *)chunks[c].bytes.p, chunks[c].bytes.n, times, values, &err))
                gv_die("%s", err.msg);
            sum += values[SAMPLES - 1];
            bytes += (double)chunks[c].bytes.n;
        }
        double end = now();
        for (int c = 0; c < CHUNKS; c++)
            gv_xor_encoder_fini(&chunks[c]);
        encode = middle - start < encode ? middle - start : encode;
        decode = end - middle < decode ? end - middle : decode;
    }
    double n = (double)CHUNKS * SAMPLES;
    printf("%-10s %-9s %6.2f bytes  encode %6.1f ns  decode %6.1f ns a sample%s\n", kind,
           jitter ? "jittered" : "steady", bytes / n, encode / n, decode / n, sum > 0 ? "" : " ");
}

int main(void)
{
    static const char *const kinds[] = {"constant", "integers", "gauge", "floats"};
    for (size_t i = 0; i < GV_COUNT(kinds); i++) {
        measure(kinds[i], false);
        measure(kinds[i], true);
    }
    return 0;
}
