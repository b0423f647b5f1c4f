#include "ingest_data.h"
#include "codec/snappy_block.h"
#include <stdlib.h>

static void put_varint(struct gv_buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        gv_buf_addc(out, (char)(v | 0x80));
    gv_buf_addc(out, (char)v);
}

static void put_bytes(struct gv_buf *out, char key, struct gv_slice s)
{
    gv_buf_addc(out, key);
    put_varint(out, s.n);
    gv_buf_add_slice(out, s);
}

static void put_label(struct gv_buf *out, const char *name, const char *fmt, unsigned value) GV_PRINTF(3, 0);

static void put_label(struct gv_buf *out, const char *name, const char *fmt, unsigned value)
{
    struct gv_buf label = GV_BUF_INIT, text = GV_BUF_INIT;
    gv_buf_printf(&text, fmt, value);
    put_bytes(&label, 0x0a, gv_slice_of(name));
    put_bytes(&label, 0x12, gv_buf_slice(&text));
    put_bytes(out, 0x0a, gv_buf_slice(&label));
    gv_buf_fini(&label);
    gv_buf_fini(&text);
}

/* 100 metrics of a pod, 10 pods of a node. */
static void put_labels(struct gv_buf *out, unsigned i)
{
    unsigned metric = i % 100, pod = i / 100, node = pod / 10;
    put_label(out, "__name__", metric % 2 ? "container_gauge_%02u_bytes" : "container_counter_%02u_total", metric);
    put_label(out, "cluster", "bench%.0u", 0);
    put_label(out, "container", "main-%u", metric % 3);
    put_label(out, "instance", "10.0.7.%u:9100", node);
    put_label(out, "job", "kubelet%.0u", 0);
    put_label(out, "namespace", "team-%u", pod % 17);
    put_label(out, "pod", "service-7c9d8b6f5-%06x", pod * 2654435761u >> 8);
}

void ingest_data_init(struct ingest_data *d, unsigned series, unsigned scrapes, unsigned per_body, int64_t start,
                      int64_t interval)
{
    *d = (struct ingest_data){series, scrapes, per_body, start, interval, NULL, NULL};
    d->labels = calloc(series, sizeof *d->labels);
    d->values = calloc(series, sizeof *d->values);
    if (!d->labels || !d->values)
        gv_die("out of memory");
    for (unsigned i = 0; i < series; i++) {
        put_labels(&d->labels[i], i);
        d->values[i] = i * 7919 % 100003;
    }
}

static double next_value(struct ingest_data *d, unsigned i, unsigned scrape)
{
    unsigned noise = (i * 2654435761u) ^ (scrape * 40503u * (i % 13 + 1));
    noise ^= noise >> 15;
    if (i % 10 == 1) /* a gauge that never moves */
        return d->values[i];
    if (i % 2 == 0)
        return d->values[i] += noise % 50;
    return d->values[i] + (noise % 1000) / 8.0;
}

void ingest_data_body(struct ingest_data *d, unsigned scrape, unsigned body, struct gv_buf *out)
{
    struct gv_buf message = GV_BUF_INIT, one = GV_BUF_INIT, sample = GV_BUF_INIT;
    unsigned end = (body + 1) * d->per_body;
    for (unsigned i = body * d->per_body; i < end && i < d->series; i++) {
        double value = next_value(d, i, scrape);
        gv_buf_clear(&sample);
        gv_buf_addc(&sample, 0x09);
        gv_buf_add(&sample, &value, sizeof value); /* little-endian, as this machine is */
        gv_buf_addc(&sample, 0x10);
        put_varint(&sample, (uint64_t)(d->start + scrape * d->interval));
        gv_buf_clear(&one);
        gv_buf_add_slice(&one, gv_buf_slice(&d->labels[i]));
        put_bytes(&one, 0x12, gv_buf_slice(&sample));
        put_bytes(&message, 0x0a, gv_buf_slice(&one));
    }
    gv_snappy_encode(out, gv_buf_slice(&message));
    gv_buf_fini(&message);
    gv_buf_fini(&one);
    gv_buf_fini(&sample);
}
