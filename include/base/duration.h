/* Durations and byte sizes as Prometheus writes them. Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* "1h30m", "100ms", "0": numbers with the units y w d h m s ms, each at most once and the larger first (Prometheus:
 * model.ParseDuration). A year is 365 days. In ms, at most 292 years. Fails with GV_BAD_DATA in Prometheus's words. */
GV_MUST_CHECK bool gv_duration_parse(struct gv_slice s, int64_t *ms, struct gv_err *err);
/* "1h30m"; "0s"; years and weeks only where nothing remains (90d, not 12w6d); a `-` in front of a negative one. */
void gv_duration_print(struct gv_buf *out, int64_t ms);

/* "512MiB", "1.5GB", "0", "100": a number with B, KB, KiB, ... EB, EiB (each 1024 of the one before), or bytes. */
GV_MUST_CHECK bool gv_bytes_parse(struct gv_slice s, int64_t *bytes, struct gv_err *err);
void gv_bytes_print(struct gv_buf *out, int64_t bytes); /* "512MiB": the largest unit that leaves no remainder; "0" */
