/* Remote read, the asking (Prometheus remote read protocol 0.1.0): a request is a snappy block with a
 * prometheus.ReadRequest (proto/remote.proto), sent by POST. Any thread.
 *
 * The answer is one of two types: SAMPLES, one snappy block; STREAMED, frames of encoded chunks (codec/read_decoder.h
 * takes both, codec/read_encoder.h writes both). */
#pragma once
#include "model/select.h"

#define GV_READ_VERSION_HEADER        "X-Prometheus-Remote-Read-Version"
#define GV_READ_VERSION               "0.1.0"
#define GV_READ_CONTENT_TYPE          "application/x-protobuf" /* of requests and SAMPLES; Content-Encoding: snappy */
#define GV_READ_STREAMED_CONTENT_TYPE "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"

enum gv_read_type { GV_READ_SAMPLES, GV_READ_STREAMED }; /* ReadRequest.ResponseType */

/* Appends the request for n selections, asked as one so that they are read together. streamed: STREAMED answers are
 * accepted first, then SAMPLES; else SAMPLES only. */
void gv_read_request_encode(struct gv_buf *out, const struct gv_select *queries, size_t n, bool streamed);

/* The type of an answer, by its Content-Type. GV_UNSUPPORTED_MEDIA for any other. */
GV_MUST_CHECK bool gv_read_type_of(struct gv_slice content_type, enum gv_read_type *type, struct gv_err *err);

/* As a server. */
struct gv_read_request {
    struct gv_select *queries; /* matchers compiled; all in the arena */
    size_t n;
    enum gv_read_type type; /* the first accepted one that exists; SAMPLES where none was named */
};
/* max: of the decompressed message, bytes. GV_TOO_LARGE above it; GV_BAD_DATA for what is no such message, has over
 * 1,000 queries or matchers, or accepts only types that do not exist. */
GV_MUST_CHECK bool gv_read_request_decode(struct gv_arena *a, struct gv_slice block, size_t max,
                                          struct gv_read_request *out, struct gv_err *err);
