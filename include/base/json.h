/* JSON trees of jansson that live in an arena: charged to its budget, gone with it. Any thread that owns the arena.
 *
 * jansson takes 5 to 40 times the text's size in memory, from malloc, where no budget sees it, and a large tree takes
 * long to free. What the parser here allocates comes from the arena instead. The tree may be read, and its values may
 * be borrowed by trees of their own (json_copy and json_decref of that copy); the tree itself is never changed, and
 * never put: no json_decref of its root. */
#pragma once
#include "base/arena.h"
#include <jansson.h>

/* NULL and err: GV_BAD_DATA "no JSON: byte 17: ..." where the text is none, the budget's code where it is spent. Text
 * may hold NUL bytes in strings (\u0000). */
GV_MUST_CHECK json_t *gv_json_parse(struct gv_arena *a, struct gv_slice text, struct gv_err *err);
