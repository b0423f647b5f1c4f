/* prometheus.Histogram (proto/types.proto), both ways. */
#pragma once
#include "codec/protobuf.h"
#include "model/histogram.h"

struct pb_histogram {
    const struct gv_histogram *h; /* NULL: none can be made of it */
    int64_t time, start;          /* ms; start: remote write 2.0 */
    struct gv_err fault; /* of h: the reasons below; and, with h, that a count is negative or that integer counts
                            do not sum up to the whole (with a sum that is NaN: are more) */
};
/* False where the message is faulty or the budget is spent; a histogram that is none is out->fault alone. */
GV_MUST_CHECK bool pb_parse_histogram(struct gv_arena *a, struct gv_slice message, struct pb_histogram *out,
                                      struct gv_err *err);
/* Into the float form, in a, by its budget. Schemas 9 to 52 are reduced to 8. GV_BAD_DATA: counts that do not fit the
 * spans, spans that overlap or run out of range, an unknown schema, custom bounds that do not increase. */
GV_MUST_CHECK const struct gv_histogram *pb_read_histogram(struct gv_arena *a, struct gv_slice message, int64_t *time,
                                                           struct gv_err *err);
void pb_put_histogram(struct gv_buf *out, uint32_t field, int64_t time, const struct gv_histogram *h);
