#include "base/keyed_hash.h"
#include "base/err.h"
#include <errno.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void gv_hash_key_make(struct gv_hash_key *k, struct gv_slice seed)
{
    if (XXH3_generateSecret(k->secret, sizeof k->secret, seed.p, seed.n) != XXH_OK)
        gv_die("no secret can be made of a seed of %zu bytes", seed.n);
}

struct gv_hash128 gv_hash_keyed(const struct gv_hash_key *k, const void *data, size_t n)
{
    XXH128_hash_t h = XXH3_128bits_withSecret(n ? data : "", n, k->secret, sizeof k->secret);
    return (struct gv_hash128){h.low64, h.high64};
}

void gv_random(void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR)
            gv_die("getrandom: %s", strerror(errno));
        p += got > 0 ? got : 0;
        n -= got > 0 ? (size_t)got : 0;
    }
}
