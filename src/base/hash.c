#include "base/slice.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t gv_hash(const void *data, size_t n)
{
    return XXH64(n ? data : "", n, 0);
}
