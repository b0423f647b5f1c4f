/* JSON out and in. Prometheus leaves members alone that it does not know: the last one, "checksum", guards the others
 * against flipped bits, which JSON cannot see. A file without it (Prometheus's own) is taken as it is. */
#include "store/block_meta.h"
#include "base/crc32c.h"
#include "base/json.h"
#include "store/block_format.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* ---- ULIDs ---- */

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
enum { ULID_DIGITS = BLOCK_ULID_MAX - 1, TIME_DIGITS = 10, RANDOM_BYTES = 10 };

static void put_digits(char *out, size_t n, uint64_t v)
{
    for (; n; v >>= 5)
        out[--n] = digits[v & 31];
}

void ulid_make(char out[BLOCK_ULID_MAX], int64_t now)
{
    uint8_t random[RANDOM_BYTES];
    while (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        ;
    put_digits(out, TIME_DIGITS, (uint64_t)now & ((UINT64_C(1) << 48) - 1));
    for (size_t half = 0; half < 2; half++) { /* 40 bits are 8 digits */
        uint64_t v = 0;
        for (size_t i = 0; i < 5; i++)
            v = v << 8 | random[half * 5 + i];
        put_digits(out + TIME_DIGITS + half * 8, 8, v);
    }
    out[ULID_DIGITS] = 0;
}

bool ulid_is(const char *text)
{
    return strlen(text) == ULID_DIGITS && strspn(text, digits) == ULID_DIGITS && *text <= '7';
}

/* ---- Writing ---- */

static void print_parents(const struct block_meta *const *parents, size_t n, struct gv_buf *out)
{
    if (!n)
        return;
    gv_buf_adds(out, ",\n\t\t\"parents\": [");
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(out, "%s\n\t\t\t{\"ulid\": \"%s\", \"minTime\": %" PRId64 ", \"maxTime\": %" PRId64 "}",
                      i ? "," : "", parents[i]->ulid, parents[i]->min_time, parents[i]->max_time);
    gv_buf_adds(out, "\n\t\t]");
}

void block_meta_print(const struct block_meta *m, const struct block_meta *const *parents, size_t n_parents,
                      struct gv_buf *out)
{
    gv_buf_printf(out,
                  "{\n\t\"ulid\": \"%s\",\n\t\"minTime\": %" PRId64 ",\n\t\"maxTime\": %" PRId64
                  ",\n\t\"stats\": {\n\t\t\"numSamples\": %" PRIu64 ",\n\t\t\"numSeries\": %" PRIu64
                  ",\n\t\t\"numChunks\": %" PRIu64
                  "\n\t},\n\t\"compaction\": {\n\t\t\"level\": %u,\n\t\t\"sources\": [",
                  m->ulid, m->min_time, m->max_time, m->samples, m->series, m->chunks, m->level);
    for (size_t i = 0; i < m->n_sources; i++)
        gv_buf_printf(out, "%s\n\t\t\t\"%s\"", i ? "," : "", m->sources[i]);
    gv_buf_adds(out, "\n\t\t]");
    print_parents(parents, n_parents, out);
    gv_buf_printf(out, "\n\t},\n\t\"version\": %d,\n", BLOCK_META_VERSION);
    uint32_t crc = gv_crc32c(0, out->p, out->n);
    gv_buf_printf(out, "\t\"checksum\": \"%08" PRIx32 "\"\n}\n", crc);
}

/* ---- Reading ---- */

static bool take_sources(struct block_meta *m, const json_t *sources)
{
    m->n_sources = json_array_size(sources);
    m->sources = calloc(m->n_sources + 1, sizeof *m->sources);
    if (!m->sources)
        gv_die("out of memory");
    for (size_t i = 0; i < m->n_sources; i++) {
        const char *ulid = json_string_value(json_array_get(sources, i));
        if (!ulid || !ulid_is(ulid))
            return false;
        memcpy(m->sources[i], ulid, BLOCK_ULID_MAX);
    }
    return true;
}

static uint64_t count_of(const json_t *stats, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(stats, key));
    return v > 0 ? (uint64_t)v : 0;
}

static bool take_members(struct block_meta *m, const json_t *root)
{
    const json_t *stats = json_object_get(root, "stats"), *compaction = json_object_get(root, "compaction");
    const json_t *min_time = json_object_get(root, "minTime"), *max_time = json_object_get(root, "maxTime");
    const char *ulid = json_string_value(json_object_get(root, "ulid"));
    if (!ulid || !ulid_is(ulid) || !json_is_integer(min_time) || !json_is_integer(max_time))
        return false;
    memcpy(m->ulid, ulid, BLOCK_ULID_MAX);
    m->min_time = json_integer_value(min_time);
    m->max_time = json_integer_value(max_time);
    m->samples = count_of(stats, "numSamples");
    m->series = count_of(stats, "numSeries");
    m->chunks = count_of(stats, "numChunks");
    m->level = (unsigned)count_of(compaction, "level");
    return m->min_time < m->max_time && take_sources(m, json_object_get(compaction, "sources"));
}

static bool check_sum(struct gv_slice text, const char *path, const json_t *checksum, struct gv_err *err)
{
    char *end;
    const char *hex = json_string_value(checksum);
    if (!checksum)
        return true;
    const char *member = memmem(text.p, text.n, "\t\"checksum\": ", strlen("\t\"checksum\": "));
    unsigned long said = hex ? strtoul(hex, &end, 16) : 0;
    return (hex && strlen(hex) == 8 && !*end && member && gv_crc32c(0, text.p, (size_t)(member - text.p)) == said) ||
           gv_fail(err, GV_INTERNAL, "%s: damaged: the checksum is wrong", path);
}

bool block_meta_parse(struct block_meta *m, struct gv_slice text, const char *path, struct gv_err *err)
{
    struct gv_arena a;
    struct gv_err why = {0};
    *m = (struct block_meta){.n_sources = 0};
    gv_arena_init(&a, NULL);
    const json_t *root = gv_json_parse(&a, text, &why);
    bool ok = root || gv_fail(err, GV_INTERNAL, "%s: damaged: %s", path, why.msg);
    ok = ok && check_sum(text, path, json_object_get(root, "checksum"), err);
    if (ok && json_integer_value(json_object_get(root, "version")) != BLOCK_META_VERSION)
        ok = gv_fail(err, GV_INTERNAL, "%s: version %lld, only %d can be read", path,
                     (long long)json_integer_value(json_object_get(root, "version")), BLOCK_META_VERSION);
    ok = ok && (take_members(m, root) || gv_fail(err, GV_INTERNAL, "%s: damaged: no ULID or times", path));
    gv_arena_fini(&a);
    if (!ok)
        block_meta_fini(m);
    return ok;
}

void block_meta_fini(struct block_meta *m)
{
    free(m->sources);
    m->sources = NULL;
    m->n_sources = 0;
}
