/* A record of the head's log: any bytes are either taken or an error, and what the head then has can be read, appended
 * to and collected. The record is replayed twice, as a checkpoint and the log behind it may have it. */
#include "codec/chunks.h"
#include "store/head.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct head *h)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    if (!r->ops->select(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n, &err))
        abort();
    for (size_t i = 0; i < n; i++) {
        struct store_series s;
        struct gv_raw_column raw;
        if (!r->ops->series(r, &a, series[i], INT64_MIN, INT64_MAX, &s, &err))
            abort();
        struct gv_chunks_column chunks = {s.chunks, (uint32_t)s.n_chunks};
        if (!gv_chunks_to_raw(&a, &chunks, INT64_MIN, INT64_MAX, &raw, &err))
            abort();
        for (uint32_t j = 1; j < raw.n; j++)
            if (raw.times[j - 1] >= raw.times[j])
                abort();
    }
    head_reader_put(r);
    gv_arena_fini(&a);
}

static void append_some(struct head *h)
{
    struct gv_err err = {.code = GV_OK};
    int64_t now = gv_clock_wall(&gv_clock_real);
    for (uint64_t id = 1; id < 4; id++) {
        uint8_t verdict;
        struct gv_store_sample sample = {.series = id, .time = now, .value = 1};
        struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
        if (!head_append(h, &b, NULL, &err))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head_options o = {
        .clock = &gv_clock_real, .out_of_order_window = 3600000, .max_exemplars = 8, .replay_helper = size % 8 == 0};
    struct head *h = head_new(&o);
    struct gv_err late;
    struct gv_slice record = {(const char *)data, size};
    for (int i = 0; i < 2; i++) {
        struct gv_err err = {.code = GV_OK};
        bool ok = head_replay_record(h, record, (struct gv_log_place){.segment = 1}, &err);
        if (ok != (err.code == GV_OK))
            abort();
    }
    if (!head_replay_done(h, &late)) {
        head_free(h);
        return 0;
    }
    read_all(h);
    append_some(h);
    head_truncate(h, head_max_time(h) / 2);
    head_collect(h);
    read_all(h);
    head_free(h);
    return 0;
}
