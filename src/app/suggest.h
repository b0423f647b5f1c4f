/* Did you mean: the nearest of some known names to a mistyped one. Any thread. */
#pragma once
#include "base/slice.h"

/* The name of names[0..n-1] that is fewest edits (insert, delete, replace, swap of neighbours) away from typed, or NULL
 * where none is near enough to be meant: more than a third of typed's length away. */
const char *gv_nearest(struct gv_slice typed, const char *const *names, size_t n);
