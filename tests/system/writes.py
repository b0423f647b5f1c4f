"""A client of remote write, 1.0 and 2.0: series as plain Python data become requests."""
import http.client
import contextlib

from remote import double, field, number, snappy, varint, zigzag

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def labels_of(labels):
    return b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))


def points(samples):
    """[(milliseconds, value)]; a value may be its eight bytes."""
    return b"".join(field(2, double(1, v) + number(2, t)) for t, v in samples)


def exemplar_1(labels, value, ms):
    return field(3, labels_of(labels) + double(2, value) + number(3, ms))


def request_1(*series, metadata=()):
    """series: (labels, [(ms, value)], further fields); metadata: (metric, type number, help, unit)."""
    out = [field(1, labels_of(labels) + points(samples) + b"".join(rest)) for labels, samples, *rest in series]
    out += [field(3, number(1, kind) + field(2, metric.encode()) + field(4, text.encode()) + field(5, unit.encode()))
            for metric, kind, text, unit in metadata]
    return snappy(b"".join(out))


class Request2:
    """Texts are interned as they come."""

    def __init__(self):
        self.symbols, self.series = [""], b""

    def ref(self, text):
        if text not in self.symbols:
            self.symbols.append(text)
        return self.symbols.index(text)

    def refs(self, labels):
        return field(1, b"".join(varint(self.ref(t)) for pair in sorted(labels.items()) for t in pair))

    def exemplar(self, labels, value, ms):
        return field(4, self.refs(labels) + double(2, value) + number(3, ms))

    def metadata(self, kind, text, unit):
        return field(5, number(1, kind) + number(3, self.ref(text)) + number(4, self.ref(unit)))

    def add(self, labels, samples, *rest):
        self.series += field(5, self.refs(labels) + points(samples) + b"".join(rest))
        return self

    def body(self):
        return snappy(b"".join(field(4, s.encode("utf-8", "surrogateescape")) for s in self.symbols) + self.series)


def request_2(*series):
    request = Request2()
    for labels, samples, *rest in series:
        request.add(labels, samples, *rest)
    return request.body()


def histogram(field_number, ms, count=6, total=4.0, schema=1):
    """Integers: 1 in the zero bucket, 2 and 3 in two others."""
    return field(field_number, number(1, count) + double(3, total) + varint(4 << 3) + zigzag(schema) + double(5, 0.001)
                 + number(6, 1) + field(11, number(2, 2)) + field(12, zigzag(2) + zigzag(1)) + number(15, ms))


def post(program, body, path="/api/v1/write", kind=V1, headers=None):
    return program.request("POST", path, body, {"Content-Encoding": "snappy", "Content-Type": kind, **(headers or {})})


@contextlib.contextmanager
def connection(program):
    """Kept open over several requests."""
    c = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
    try:
        yield c
    finally:
        c.close()
