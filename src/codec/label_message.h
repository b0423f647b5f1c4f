/* prometheus.Label (proto/types.proto), both ways; as field 1 of a series in all messages that have series. */
#pragma once
#include "codec/protobuf.h"
#include "model/labels.h"

enum { SERIES_LABELS = 1 };

/* One label, borrowed from the message. GV_BAD_DATA: no name, no UTF-8, or longer than a label can be. */
GV_MUST_CHECK bool pb_read_label(struct gv_slice message, struct gv_label *label, struct gv_err *err);
size_t pb_labels_size(const struct gv_labels *l); /* of all of a series, with their keys */
void pb_put_labels(struct gv_buf *out, const struct gv_labels *l);
