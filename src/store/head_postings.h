/* For every label pair the numbers of the series that have it, ascending; for every name its values. One lock of the
 * owner's, for reading or for changes.
 *
 * Numbers are kept in 32 bits each, above a base of their list's own, for as long as that is enough. */
#pragma once
#include "store/head_symbols.h"

struct postings_list {
    uint32_t name, value; /* symbols; POSTINGS_VALUES: the list is of values' symbols, in no order */
    uint32_t n, cap;
    uint32_t position; /* of value in the list of its name's values, of name in the list of names */
    bool is_wide;
    union {
        uint64_t one; /* n is 1 and cap 0 */
        struct postings_numbers *many;
    };
};
enum { POSTINGS_VALUES = SYMBOL_NONE };

struct postings {
    struct postings_list *places; /* open addressing; n 0: empty */
    uint32_t mask, in_use;
    struct postings_list all; /* every series */
    uint64_t pairs;           /* label pairs that are there */
    size_t numbers_bytes;
};

void postings_init(struct postings *p);
void postings_fini(struct postings *p);
/* labels: pairs of symbols, 2 * n of them. series is above all that were added before. */
void postings_add(struct postings *p, uint64_t series, const uint32_t *labels, uint32_t n);
/* Takes the series (ascending) out of one pair's list; the pair and name go with their last series. */
void postings_remove(struct postings *p, uint32_t name, uint32_t value, const uint64_t *series, size_t n);
void postings_remove_all(struct postings *p, const uint64_t *series, size_t n); /* out of the list of every series */

/* NULL: no series has it. Good until the next change. */
const struct postings_list *postings_find(const struct postings *p, uint32_t name, uint32_t value);
static inline const struct postings_list *postings_values(const struct postings *p, uint32_t name)
{
    return postings_find(p, name, POSTINGS_VALUES);
}
static inline const struct postings_list *postings_names(const struct postings *p)
{
    return postings_find(p, POSTINGS_VALUES, POSTINGS_VALUES);
}
void postings_copy(const struct postings_list *l, uint32_t n, uint64_t *to); /* the first n of them */
uint64_t postings_at(const struct postings_list *l, uint32_t i);
size_t postings_memory(const struct postings *p); /* bytes in all */
