/* Source text goes from the piece into blocks of the arena, once: no buffer is ever doubled and copied. Blocks are
 * shared by the texts of many series; a text that crosses from one block into the next is a list of two. */
#include "codec/result_decoder_impl.h"

enum { LARGEST_BLOCK = (32 << 10) - 16 };

/* Less than half of an arena's block is cut from one, and the arena's blocks grow and are used again. */
static bool open_block(struct gv_result_decoder *d, struct gv_err *err)
{
    struct keeper *k = &d->keeper;
    size_t half = d->arena->block_size / 2 - 16, size = half < LARGEST_BLOCK ? half : LARGEST_BLOCK;
    k->at = gv_arena_try(d->arena, size, err);
    if (!k->at)
        return false;
    k->end = k->at + size;
    return true;
}

static void append(struct gv_result_decoder *d, const char *p, size_t n)
{
    struct keeper *k = &d->keeper;
    memcpy(k->at, p, n);
    if (k->last && k->last->p + k->last->n == k->at) {
        k->last->n += n;
    } else {
        struct gv_text *text = gv_arena_new(d->arena, struct gv_text);
        *text = (struct gv_text){k->at, n, NULL};
        if (k->last)
            k->last->next = text;
        else
            k->first = text;
        k->last = text;
    }
    k->at += n;
}

static bool keep(struct gv_result_decoder *d, const char *p, const char *end, struct gv_err *err)
{
    while (p < end) {
        struct keeper *k = &d->keeper;
        if (k->at == k->end && !open_block(d, err))
            return false;
        size_t room = (size_t)(k->end - k->at), left = (size_t)(end - p), n = left < room ? left : room;
        append(d, p, n);
        p += n;
    }
    return true;
}

void keep_from(struct gv_result_decoder *d, const char *from)
{
    d->keeper.on = true;
    d->keeper.from = from;
    d->keeper.first = d->keeper.last = NULL;
}

bool keep_until(struct gv_result_decoder *d, const char *until, const struct gv_text **kept, struct gv_err *err)
{
    d->keeper.on = false;
    if (!keep(d, d->keeper.from, until, err))
        return false;
    *kept = d->keeper.first;
    return true;
}

void keep_from_piece(struct gv_result_decoder *d, const char *piece)
{
    d->keeper.from = piece;
}

bool keep_piece(struct gv_result_decoder *d, struct gv_err *err)
{
    return !d->keeper.on || keep(d, d->keeper.from, d->json.end, err);
}
