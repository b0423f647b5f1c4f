/* The body of a request. By length: so many bytes. In chunks (RFC 9112 section 7.1), byte by byte but for the data:
 *
 *   size [;extension] CR LF data CR LF ... 0 [;extension] CR LF (name: value CR LF)* CR LF */
#include "net/http_chars.h"
#include "net/http_parser.h"

enum { MAX_DIGITS = 15, MAX_LINE_EXTENSION = 256, MAX_EXTENSIONS = 16 << 10, MAX_TRAILERS = 8 << 10 };

enum state { LENGTH, SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, NAME, VALUE, VALUE_LF, END_LF, END, BAD };

void gv_http_body_init(struct gv_http_body *b, const struct gv_http_framing *f, int64_t max)
{
    *b = (struct gv_http_body){.state = f->chunked ? SIZE : LENGTH, .left = f->length, .max = max};
}

static enum state refuse(struct gv_http_body *b, int status, const char *reason)
{
    b->fault = (struct gv_http_fault){status, reason};
    return BAD;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum state take_size(struct gv_http_body *b, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (++b->digits > MAX_DIGITS)
            return refuse(b, 400, "chunk size too large");
        b->left = b->left << 4 | digit;
        return SIZE;
    }
    if (!b->digits || (c != '\r' && c != ';'))
        return refuse(b, 400, "malformed chunk size");
    b->digits = 0;
    return c == ';' ? EXTENSION : SIZE_LF;
}

static enum state take_extension(struct gv_http_body *b, char c)
{
    if (c == '\r') {
        b->digits = 0;
        return SIZE_LF;
    }
    if (!gv_http_text[(unsigned char)c])
        return refuse(b, 400, "control character in a chunk extension");
    b->digits++; /* of this line */
    if (b->digits > MAX_LINE_EXTENSION || ++b->extensions > MAX_EXTENSIONS)
        return refuse(b, 400, "chunk extensions too long");
    return EXTENSION;
}

static enum state begin_chunk(struct gv_http_body *b)
{
    if (b->left > b->max - b->total)
        return refuse(b, 413, "body too large");
    return b->left ? DATA : LINE;
}

static enum state take_trailer(struct gv_http_body *b, char c)
{
    bool in_value = b->state == VALUE;
    if (++b->trailers > MAX_TRAILERS)
        return refuse(b, 431, "trailers too large");
    if (b->state == LINE && c == '\r')
        return END_LF;
    if (in_value && c == '\r')
        return VALUE_LF;
    if (b->state == NAME && c == ':')
        return VALUE;
    if (in_value ? gv_http_text[(unsigned char)c] : gv_http_tchar[(unsigned char)c])
        return in_value ? VALUE : NAME;
    return refuse(b, 400, "malformed trailer");
}

static enum state expect(struct gv_http_body *b, char c, char expected, enum state next)
{
    return c == expected ? next : refuse(b, 400, "malformed chunk");
}

static enum state take(struct gv_http_body *b, char c)
{
    switch ((enum state)b->state) {
    case SIZE:
        return take_size(b, c);
    case EXTENSION:
        return take_extension(b, c);
    case SIZE_LF:
        return c == '\n' ? begin_chunk(b) : expect(b, c, '\n', DATA);
    case DATA_CR:
        return expect(b, c, '\r', DATA_LF);
    case DATA_LF:
        return expect(b, c, '\n', SIZE);
    case LINE:
    case NAME:
    case VALUE:
        return take_trailer(b, c);
    case VALUE_LF:
        return expect(b, c, '\n', LINE);
    case END_LF:
        return expect(b, c, '\n', END);
    default:
        return BAD;
    }
}

static struct gv_slice take_data(struct gv_http_body *b, const char *data, size_t n)
{
    struct gv_slice piece = {data, (int64_t)n < b->left ? n : (size_t)b->left};
    b->left -= (int64_t)piece.n;
    b->total += (int64_t)piece.n;
    return piece;
}

enum gv_http_verdict gv_http_body_feed(struct gv_http_body *b, const char *data, size_t n, size_t *used,
                                       struct gv_slice *piece)
{
    size_t at = 0;
    *piece = (struct gv_slice){NULL, 0};
    while (at < n && b->state != LENGTH && b->state != DATA && b->state != END && b->state != BAD)
        b->state = (int)take(b, data[at++]);
    if (b->state == LENGTH || b->state == DATA) {
        *piece = take_data(b, data + at, n - at);
        at += piece->n;
        if (!b->left)
            b->state = b->state == DATA ? DATA_CR : END;
    }
    *used = at;
    return b->state == END ? GV_HTTP_DONE : b->state == BAD ? GV_HTTP_BAD : GV_HTTP_MORE;
}

size_t gv_http_body_wants(const struct gv_http_body *b)
{
    return b->state == LENGTH ? (size_t)b->left : 0;
}

enum gv_http_verdict gv_http_body_took(struct gv_http_body *b, size_t n)
{
    b->left -= (int64_t)n;
    b->total += (int64_t)n;
    if (!b->left)
        b->state = END;
    return b->left ? GV_HTTP_MORE : GV_HTTP_DONE;
}
