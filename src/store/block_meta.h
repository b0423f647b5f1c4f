/* meta.json of a block, and the ULIDs that name blocks (github.com/ulid/spec). */
#pragma once
#include "store/block.h"

#define BLOCK_META_FILE "meta.json"

/* 26 digits of Crockford's base 32: 48 bits of time, 80 random ones. Later ones sort behind earlier ones. */
void ulid_make(char out[BLOCK_ULID_MAX], int64_t now);
bool ulid_is(const char *text);

/* The text: as Prometheus writes it, and a last member with the checksum of all that stands before it. */
void block_meta_print(const struct block_meta *m, const struct block_meta *const *parents, size_t n_parents,
                      struct gv_buf *out);
/* path: for messages. sources are the heap's: block_meta_fini. */
GV_MUST_CHECK bool block_meta_parse(struct block_meta *m, struct gv_slice text, const char *path, struct gv_err *err);
void block_meta_fini(struct block_meta *m);
