/* The RE2 shim: C slices in, C slices out; out of memory, all that can throw here, ends the program. */
extern "C" {
#include "base/regex.h"
#include "base/utf8.h"
}
#include <memory>
#include <re2/re2.h>
#include <string>

using re2::RE2;
using re2::StringPiece;

struct gv_regex {
    RE2 re;
    gv_regex(const StringPiece &pattern, const RE2::Options &options) : re(pattern, options)
    {
    }
};

static const int64_t MAX_MEMORY = 8 << 20; /* bytes a pattern may cost: a third for the lazily built automaton */

static StringPiece piece_of(struct gv_slice s)
{
    return StringPiece(s.n ? s.p : "", s.n);
}

struct gv_regex *gv_regex_new(struct gv_slice pattern, bool captures, struct gv_err *err)
{
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_never_capture(!captures);
    options.set_max_mem(MAX_MEMORY);
    options.set_log_errors(false);
    auto re = std::make_unique<gv_regex>(piece_of(pattern), options);
    if (!re->re.ok()) {
        gv_fail(err, GV_BAD_DATA, "error parsing regexp: %s", re->re.error().c_str());
        return nullptr;
    }
    return re.release();
}

void gv_regex_free(struct gv_regex *re)
{
    delete re;
}

static bool matches(const struct gv_regex *re, const StringPiece &text, StringPiece *groups = nullptr, int n = 0)
{
    return re->re.Match(text, 0, text.size(), RE2::ANCHOR_BOTH, groups, n);
}

static std::string with_replacements(struct gv_slice text)
{
    std::string out;
    for (size_t i = 0, length; i < text.n; i += length ? length : 1) {
        uint32_t point;
        length = gv_utf8_decode(text.p + i, text.n - i, &point);
        if (length)
            out.append(text.p + i, length);
        else
            out.append("\xef\xbf\xbd");
    }
    return out;
}

/* What RE2 matches whole is UTF-8, so only a text that did not match can be one that Go would read differently. */
bool gv_regex_match(const struct gv_regex *re, struct gv_slice text)
{
    if (matches(re, piece_of(text)))
        return true;
    return !gv_utf8_valid(text) && matches(re, with_replacements(text));
}

bool gv_regex_groups(const struct gv_regex *re, struct gv_slice text, struct gv_slice *groups, size_t max, size_t *n)
{
    StringPiece found[GV_REGEX_MAX_GROUPS];
    size_t wanted = static_cast<size_t>(re->re.NumberOfCapturingGroups()) + 1;
    if (wanted > max)
        wanted = max;
    if (wanted > GV_REGEX_MAX_GROUPS)
        wanted = GV_REGEX_MAX_GROUPS;
    if (!matches(re, piece_of(text), found, static_cast<int>(wanted)))
        return false;
    for (size_t i = 0; i < wanted; i++)
        groups[i] = {found[i].data(), found[i].size()};
    *n = wanted;
    return true;
}

int gv_regex_group_named(const struct gv_regex *re, struct gv_slice name)
{
    const auto &names = re->re.NamedCapturingGroups();
    auto it = names.find(std::string(name.n ? name.p : "", name.n));
    return it == names.end() ? -1 : it->second;
}

size_t gv_regex_word_prefix(struct gv_slice s)
{
    static const RE2 word("[\\pL\\p{Nd}_]*");
    StringPiece found;
    word.Match(piece_of(s), 0, s.n, RE2::ANCHOR_START, &found, 1);
    return found.size();
}
