/* Label names in URLs, where a name that is no legacy one stands escaped (Prometheus UTF-8 guide): U__, then `_` twice
 * for itself and _hex_ for others. */
#include "model/labels.h"

bool gv_label_name_unescape(struct gv_arena *a, struct gv_slice text, struct gv_slice *name)
{
    if (!gv_slice_has_prefix(text, GV_S("U__")))
        return false;
    char *to = gv_arena_alloc(a, text.n + 4);
    size_t n = 0;
    for (size_t i = 3; i < text.n; i++) {
        if (text.p[i] != '_') {
            to[n++] = text.p[i];
            continue;
        }
        if (i + 1 < text.n && text.p[i + 1] == '_') {
            to[n++] = '_';
            i++;
            continue;
        }
        uint32_t rune = 0;
        size_t digits = 0;
        for (i++; i < text.n && text.p[i] != '_'; i++, digits++) {
            char c = (char)(text.p[i] | 0x20);
            int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (v < 0 || digits == 6)
                return false;
            rune = rune << 4 | (uint32_t)v;
        }
        if (!digits || i == text.n || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
            return false;
        n += gv_utf8_encode(to + n, rune);
    }
    *name = (struct gv_slice){to, n};
    return n > 0;
}

void gv_label_name_escape(struct gv_buf *out, struct gv_slice name)
{
    if (gv_label_name_is_legacy(name)) {
        gv_buf_add_slice(out, name);
        return;
    }
    gv_buf_adds(out, "U__");
    uint32_t rune;
    for (size_t i = 0; i < name.n;) {
        i += gv_utf8_decode(name.p + i, name.n - i, &rune);
        if (rune == '_')
            gv_buf_adds(out, "__");
        else if (rune < 128 && ((rune | 0x20) - 'a' < 26 || rune - '0' < 10))
            gv_buf_addc(out, (char)rune);
        else
            gv_buf_printf(out, "_%x_", rune);
    }
}
