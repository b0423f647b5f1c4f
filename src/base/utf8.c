#include "base/utf8.h"
#include "base/printable.h"

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t length_by_first(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xc2)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

size_t gv_utf8_decode(const char *p, size_t n, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*p;
    size_t length = length_by_first(first);
    if (length < 2) {
        *point = first;
        return length;
    }
    if (length > n)
        return 0;
    uint32_t c = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (!is_tail(p[i]))
            return 0;
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    }
    *point = c;
    return c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

size_t gv_utf8_encode(char out[4], uint32_t c)
{
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(marks[length] | c);
    return length;
}

static size_t ascii_run(struct gv_slice s)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return i;
}

bool gv_utf8_valid(struct gv_slice s)
{
    for (size_t i = ascii_run(s), length; i < s.n; i += length) {
        uint32_t point;
        length = gv_utf8_decode(s.p + i, s.n - i, &point);
        if (!length)
            return false;
    }
    return true;
}

bool gv_utf8_is_printable(uint32_t point)
{
    if (point < 0x80)
        return point >= 0x20 && point < 0x7f;
    size_t low = 0, high = GV_COUNT(printable);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (printable[mid].last < point)
            low = mid + 1;
        else
            high = mid;
    }
    return low < GV_COUNT(printable) && printable[low].first <= point;
}
