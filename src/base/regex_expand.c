/* Templates with $1 and ${name}: the text between references is copied, each reference becomes its group. */
#include "base/regex.h"

static bool is_ascii_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_length(struct gv_slice s)
{
    size_t i = 0;
    while (i < s.n && is_ascii_word(s.p[i]))
        i++;
    bool goes_on = i < s.n && (unsigned char)s.p[i] >= 0x80;
    return goes_on ? gv_regex_word_prefix(s) : i;
}

/* Reads the reference behind a `$`: its name and the bytes it takes; 0 where there is none. */
static size_t read_reference(struct gv_slice rest, struct gv_slice *name)
{
    size_t brace = rest.n && rest.p[0] == '{';
    *name = (struct gv_slice){rest.p + brace, rest.n - brace};
    name->n = word_length(*name);
    if (!name->n)
        return 0;
    if (!brace)
        return name->n;
    bool closed = name->n + 1 < rest.n && rest.p[name->n + 1] == '}';
    return closed ? name->n + 2 : 0;
}

/* The number that name is, or -1: digits only, no leading zero (`$01` is a name). */
static int number_of(struct gv_slice name)
{
    if (name.n > 8 || (name.n > 1 && name.p[0] == '0'))
        return -1;
    int number = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9')
            return -1;
        number = number * 10 + (name.p[i] - '0');
    }
    return number;
}

static void add_group(struct gv_buf *out, const struct gv_regex *re, struct gv_slice name,
                      const struct gv_slice *groups, size_t n)
{
    int i = number_of(name);
    if (i < 0)
        i = gv_regex_group_named(re, name);
    if (i >= 0 && (size_t)i < n)
        gv_buf_add_slice(out, groups[i]);
}

/* Expands what stands behind a `$`; returns the bytes used up. */
static size_t add_reference(struct gv_buf *out, const struct gv_regex *re, struct gv_slice rest,
                            const struct gv_slice *groups, size_t n)
{
    struct gv_slice name;
    bool doubled = rest.n && rest.p[0] == '$';
    size_t taken = doubled ? 1 : read_reference(rest, &name);
    if (doubled || !taken)
        gv_buf_addc(out, '$');
    else
        add_group(out, re, name, groups, n);
    return taken;
}

bool gv_regex_expand(struct gv_buf *out, const struct gv_regex *re, struct gv_slice replacement,
                     const struct gv_slice *groups, size_t n, size_t max)
{
    while (!gv_regex_is_fixed(replacement) && out->n <= max) {
        const char *dollar = memchr(replacement.p, '$', replacement.n);
        size_t before = (size_t)(dollar - replacement.p);
        gv_buf_add(out, replacement.p, before);
        struct gv_slice rest = {dollar + 1, replacement.n - before - 1};
        size_t taken = add_reference(out, re, rest, groups, n);
        replacement = (struct gv_slice){rest.p + taken, rest.n - taken};
    }
    if (out->n <= max)
        gv_buf_add_slice(out, replacement);
    return out->n <= max;
}

bool gv_regex_is_fixed(struct gv_slice replacement)
{
    return !replacement.n || !memchr(replacement.p, '$', replacement.n);
}
