/* Snappy's block format (google/snappy, format_description.txt): one declared length and the whole text after it. What
 * remote read and remote write send their messages in. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* The length that a block declares, checked before anything is allocated: against max (GV_TOO_LARGE) and against what a
 * block of this size can hold at most (GV_BAD_DATA; a body of 7 bytes can declare 4 GiB). */
GV_MUST_CHECK bool gv_snappy_length(struct gv_slice block, size_t max, size_t *n, struct gv_err *err);
/* Into `to`, which has room for the n bytes declared. GV_BAD_DATA where the block is faulty. */
GV_MUST_CHECK bool gv_snappy_decode(struct gv_slice block, char *to, size_t n, struct gv_err *err);
/* The same in one step, into a, by its budget. */
GV_MUST_CHECK bool gv_snappy_decode_dup(struct gv_arena *a, struct gv_slice block, size_t max, struct gv_slice *text,
                                        struct gv_err *err);
/* The same in pieces: what a block holds after its length may be written one behind the other, for text that is not all
 * there at once. A block is gv_snappy_put_length of all the text, and then its pieces. */
void gv_snappy_put_length(struct gv_buf *out, size_t n);
void gv_snappy_put_piece(struct gv_buf *out, struct gv_slice text);
void gv_snappy_encode(struct gv_buf *out, struct gv_slice text); /* appends; text is below 4 GiB */
/* Appends the block of all the blocks' texts, one behind the other: its pieces are theirs. GV_BAD_DATA where one has no
 * length, GV_TOO_LARGE where all of it would be more than max. */
GV_MUST_CHECK bool gv_snappy_join(struct gv_buf *out, const struct gv_slice *blocks, size_t n, size_t max,
                                  struct gv_err *err);
