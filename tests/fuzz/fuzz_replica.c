/* Replicas made into one: times rise, every sample is some replica's, and of the one with most samples none is missing.
 * Input: three bytes a sample: which replica and what kind, the time after its last, the value. */
#include "exec/replica.h"
#include "model/raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLICAS = 3, BYTES = 3, STEP = 100 };

static double value_of(uint8_t kind, uint8_t v)
{
    double d = v;
    if (kind / REPLICAS % 8 == 0)
        memcpy(&d, &(uint64_t){GV_STALE_BITS}, sizeof d);
    return d;
}

static const struct gv_histogram *histogram_of(struct gv_arena *a, uint8_t kind, double v)
{
    if (kind / REPLICAS % 8 < 5)
        return NULL;
    struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
    h->sum = h->count = v;
    h->reset_hint = (enum gv_reset_hint)(kind / 64);
    return h;
}

static void read_samples(struct gv_arena *a, const uint8_t *data, size_t n, struct gv_raw_builder *b)
{
    int64_t last[REPLICAS] = {0};
    for (size_t i = 0; i + BYTES <= n; i += BYTES) {
        unsigned r = data[i] % REPLICAS;
        double v = value_of(data[i], data[i + 2]);
        gv_raw_add(&b[r], last[r] += 1 + data[i + 1] * STEP, v, histogram_of(a, data[i], v));
    }
}

static bool is_live(const struct gv_raw_column *c, uint32_t i)
{
    return !gv_is_stale(c->histograms[i] ? c->histograms[i]->sum : c->values[i]);
}

static bool holds(const struct gv_raw_column *c, int64_t time, double value, bool histogram)
{
    uint32_t i = gv_raw_after(c, time - 1);
    return i < c->n && c->times[i] == time && memcmp(&c->values[i], &value, sizeof value) == 0 &&
           (c->histograms && c->histograms[i]) == histogram;
}

static void check(const struct gv_raw_column *in, const struct gv_raw_column *out)
{
    uint32_t live[REPLICAS] = {0}, most = 0;
    for (int r = 0; r < REPLICAS; r++)
        for (uint32_t i = 0; i < in[r].n; i++)
            live[r] += is_live(&in[r], i);
    for (uint32_t i = 0; i < out->n; i++) {
        bool histogram = out->histograms && out->histograms[i], found = false;
        for (int r = 0; r < REPLICAS; r++)
            found |= holds(&in[r], out->times[i], out->values[i], histogram);
        if (!found || (i && out->times[i] <= out->times[i - 1]))
            gv_die("sample %u of %u at %lld is no replica's, or does not rise", i, out->n, (long long)out->times[i]);
    }
    for (uint32_t r = 1; r < REPLICAS; r++)
        most = live[r] > live[most] ? r : most;
    for (uint32_t r = REPLICAS, max = live[most]; r-- > 0;)
        most = live[r] && live[r] * 16 >= max * 15 ? r : most;
    for (uint32_t i = 0; i < in[most].n; i++)
        if (is_live(&in[most], i) && !holds(out, in[most].times[i], in[most].values[i], in[most].histograms[i] != NULL))
            gv_die("sample %u of replica %u is missing", i, most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 3000)
        return 0;
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_raw_builder b[REPLICAS];
    struct gv_raw_column in[REPLICAS], out;
    gv_arena_init(&a, NULL);
    bool ok = true;
    for (int r = 0; r < REPLICAS; r++)
        ok = ok && gv_raw_builder_init(&b[r], &a, size / BYTES, true, &err);
    if (ok)
        read_samples(&a, data, size, b);
    for (int r = 0; r < REPLICAS; r++)
        ok = ok && gv_raw_builder_done(&b[r], &in[r], &err);
    if (!ok || !gv_replica_merge(&a, in, REPLICAS, &out, &err))
        gv_die("%s", err.msg);
    check(in, &out);
    gv_arena_fini(&a);
    return 0;
}
