/* Case mapping, one code point to one, as Unicode's simple mappings have it; the C library brings the tables. */
#include "base/buf.h"
#include "base/utf8.h"
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static locale_t unicode; /* 0 where the system has no UTF-8 locale: then only ASCII is mapped */

static void open_locale(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t map_point(uint32_t point, bool upper)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (point < 0x80)
        return upper ? (point >= 'a' && point <= 'z' ? point - 32 : point)
                     : (point >= 'A' && point <= 'Z' ? point + 32 : point);
    pthread_once(&once, open_locale);
    if (!unicode)
        return point;
    return (uint32_t)(upper ? towupper_l((wint_t)point, unicode) : towlower_l((wint_t)point, unicode));
}

static void add_mapped(struct gv_buf *b, struct gv_slice s, bool upper)
{
    gv_buf_reserve(b, s.n);
    for (size_t i = 0, length; i < s.n; i += length ? length : 1) {
        uint32_t point;
        char text[4];
        length = gv_utf8_decode(s.p + i, s.n - i, &point);
        gv_buf_add(b, text, gv_utf8_encode(text, length ? map_point(point, upper) : 0xfffd));
    }
}

void gv_buf_add_lower(struct gv_buf *b, struct gv_slice s)
{
    add_mapped(b, s, false);
}

void gv_buf_add_upper(struct gv_buf *b, struct gv_slice s)
{
    add_mapped(b, s, true);
}
