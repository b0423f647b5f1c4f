/* "Did you mean": the optimal string alignment distance (insert, delete, replace, swap neighbours), for short words;
 * where none is near, the shortest that begins with the text. */
#include "base/option.h"

enum { LONGEST = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(struct gv_slice a, struct gv_slice b)
{
    size_t d[3][LONGEST + 1]; /* rows i-2, i-1, i, by i modulo 3 */
    for (size_t j = 0; j <= b.n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = d[i % 3], *above = d[(i + 2) % 3], *twice_above = d[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = a.p[i - 1] == b.p[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                row[j] = least(row[j], twice_above[j - 2] + 1);
        }
    }
    return d[a.n % 3][b.n];
}

/* The best so far of the words offered. */
struct choice {
    struct gv_slice text;
    const char *best, *longer; /* longer: begins with the text */
    size_t distance;           /* words at this distance or beyond do not count */
};

static struct choice choice_for(struct gv_slice text)
{
    return (struct choice){.text = text, .distance = 2 + text.n / 4};
}

static void offer(struct choice *c, const char *word)
{
    struct gv_slice w = gv_slice_of(word);
    if (!w.n || w.n > LONGEST || c->text.n > LONGEST || !c->text.n)
        return;
    if (gv_slice_has_prefix(w, c->text) && (!c->longer || w.n < strlen(c->longer)))
        c->longer = word;
    size_t d = distance(c->text, w);
    if (d < c->distance && d < w.n) {
        c->best = word;
        c->distance = d;
    }
}

static const char *best_of(const struct choice *c)
{
    return c->best ? c->best : c->longer;
}

const char *gv_suggest(struct gv_slice text, const char *const *words)
{
    struct choice c = choice_for(text);
    for (; *words; words++)
        offer(&c, *words);
    return best_of(&c);
}

const char *gv_options_suggest(const struct gv_option_table *t, struct gv_slice key)
{
    struct choice c = choice_for(key);
    for (size_t i = 0; i < t->n; i++)
        offer(&c, t->rows[i].key);
    return best_of(&c);
}

const char *gv_options_suggest_flag(const struct gv_option_table *t, struct gv_slice flag)
{
    struct choice c = choice_for(flag);
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].flag)
            offer(&c, t->rows[i].flag);
    return best_of(&c);
}
