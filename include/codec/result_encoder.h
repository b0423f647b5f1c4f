/* Streaming encoder of the query reply's envelope: {"status":"success","data":{"resultType":...,"result":[...]},...}.
 * Pull: the caller asks for about so many bytes at a time. Synchronous; one owner; borrows the result. */
#pragma once
#include "base/buf.h"
#include "model/column.h"

struct gv_result_encoder;

struct gv_result_encoder_tail { /* what follows the result; empty ones are left out */
    struct gv_slice stats_json; /* the value of data.stats */
    const struct gv_slice *warnings, *infos;
    size_t n_warnings, n_infos;
};

struct gv_result_encoder *gv_result_encoder_new(struct gv_arena *a, const struct gv_result *result,
                                                const struct gv_result_encoder_tail *tail);
/* Appends at least one byte and about `want` bytes; true while there is more. */
bool gv_result_encoder_next(struct gv_result_encoder *e, struct gv_buf *out, size_t want);
