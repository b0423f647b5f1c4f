"""Just enough of the remote write and remote read protocols to put series, histograms and stale markers into a server,
and to change a read request on its way."""
import struct
import urllib.request

STALE = struct.pack("<Q", 0x7FF0000000000002)


# ---- Protobuf and snappy

def varint(v):
    out, v = b"", v & 0xFFFFFFFFFFFFFFFF
    while v >= 0x80:
        out, v = out + bytes([v & 0x7F | 0x80]), v >> 7
    return out + bytes([v])


def zigzag(v):
    return varint((v << 1) ^ (v >> 63))


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(number, v):
    return varint(number << 3) + varint(v)


def double(number, v):
    return varint(number << 3 | 1) + (v if isinstance(v, bytes) else struct.pack("<d", v))


def read_varint(data, at):
    v = shift = 0
    while True:
        v |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return v, at


def snappy(data):
    """One block of literals."""
    out = [varint(len(data))]
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += [bytes([61 << 2]), struct.pack("<H", len(piece) - 1), piece]
    return b"".join(out)


def unsnappy(data):
    """What a block holds: literals and copies of what came before."""
    n, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag, at = data[at], at + 1
        kind, length = tag & 3, (tag >> 2) + 1
        if kind == 0:
            if length > 60:
                wide = length - 60
                length, at = int.from_bytes(data[at:at + wide], "little") + 1, at + wide
            out, at = out + data[at:at + length], at + length
            continue
        if kind == 1:
            length, back, at = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at], at + 1
        else:
            wide = 2 if kind == 2 else 4
            back, at = int.from_bytes(data[at:at + wide], "little"), at + wide
        for _ in range(length):
            out.append(out[-back])
    assert len(out) == n
    return bytes(out)


# ---- Remote write

def series(labels, *points):
    return field(1, b"".join([field(1, field(1, k.encode()) + field(2, v.encode()))
                              for k, v in sorted(labels.items())] + list(points)))


def sample(seconds, v):
    return field(2, double(1, v) + number(2, round(seconds * 1000)))


def exemplar(seconds, v, **labels):
    return field(3, b"".join(field(1, field(1, k.encode()) + field(2, x.encode())) for k, x in sorted(labels.items()))
                 + double(2, v) + number(3, round(seconds * 1000)))


def histogram(seconds, factor):
    """Integer counts in buckets of schema 1, with a gap between the spans."""
    span = varint(8)
    return field(4, number(1, 15 * factor) + double(3, 18.4 * factor) + varint(4 << 3) + zigzag(1) + double(5, 0.001)
                 + number(6, 2 * factor) + field(8, span + zigzag(0) + number(2, 1)) + field(9, zigzag(3 * factor))
                 + field(11, span + zigzag(0) + number(2, 2)) + field(11, span + zigzag(2) + number(2, 1))
                 + field(12, zigzag(factor) + zigzag(2 * factor) + zigzag(3 * factor)) + number(15, seconds * 1000))


def float_histogram(seconds, factor):
    return field(4, double(2, 4.5 * factor) + double(3, 3.25) + varint(4 << 3) + zigzag(0) + double(7, 0.5)
                 + field(11, varint(8) + zigzag(1) + number(2, 2)) + field(13, struct.pack("<dd", 1.5, 2.5 * factor))
                 + number(15, seconds * 1000))


def write(url, *all_series):
    """Puts series into a server that was started with --web.enable-remote-write-receiver."""
    request = urllib.request.Request(url + "/api/v1/write", snappy(b"".join(all_series)), {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0"})
    urllib.request.urlopen(request, timeout=30).close()


# ---- Remote read

def read_request_for_samples(body):
    """The same read request by a client that takes nothing but SAMPLES."""
    data, out, at = unsnappy(body), b"", 0
    while at < len(data):
        begin = at
        key, at = read_varint(data, at)
        if key & 7 == 2:
            length, at = read_varint(data, at)
            at += length
        else:
            _, at = read_varint(data, at)
        if key >> 3 != 2:  # accepted_response_types
            out += data[begin:at]
    return snappy(out)
