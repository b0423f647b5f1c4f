#include "app/suggest.h"
#include <ctype.h>

enum { MAX_NAME = 64 }; /* longer names are not worth a guess */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance, by rows: before[] is two rows up, above[] one. */
static unsigned distance(struct gv_slice a, struct gv_slice b)
{
    unsigned before[MAX_NAME + 1] = {0}, above[MAX_NAME + 1], row[MAX_NAME + 1];
    for (unsigned j = 0; j <= b.n; j++)
        above[j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same(a.p[i - 1], b.p[j - 1]));
            bool swapped = i > 1 && j > 1 && same(a.p[i - 1], b.p[j - 2]) && same(a.p[i - 2], b.p[j - 1]);
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        memcpy(before, above, sizeof before);
        memcpy(above, row, sizeof above);
    }
    return above[b.n];
}

const char *gv_nearest(struct gv_slice typed, const char *const *names, size_t n)
{
    if (typed.n > MAX_NAME)
        return NULL;
    const char *best = NULL;
    unsigned least = (unsigned)typed.n / 3 + 1;
    for (size_t i = 0; i < n; i++) {
        struct gv_slice name = gv_slice_of(names[i]);
        unsigned d = name.n <= MAX_NAME ? distance(typed, name) : least;
        if (d < least || (d == least && !best && d <= 2 && typed.n >= 2 * d)) {
            least = d;
            best = names[i];
        }
    }
    return best;
}
