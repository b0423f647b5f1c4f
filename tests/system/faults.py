"""A backend that misbehaves on demand: it speaks enough of Prometheus's API to be asked, and answers queries with the
fault of the moment. Import it, or run it: python3 faults.py --fault reset_at:100 [--port 9091]

    backend.fault = faults.reset_at(100)      every query from now on; faults.good() ends it

A fault is a function of one exchange; true keeps the connection open. Health probes (/api/v1/status/*) are answered as a
healthy Prometheus 3 would, unless the fault is of the whole backend (down, blackhole)."""
import argparse
import contextlib
import gzip
import http.client
import json
import socket
import struct
import threading
import time
import zlib


def vector(*labels, value="1", at=1700000000):
    """The reply to an instant query: one series for each dictionary of labels."""
    series = [{"metric": one, "value": [at, value]} for one in labels]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}}).encode()


ANSWER = vector({"__name__": "up", "job": "faulty", "instance": "a:1"}, {"__name__": "up", "job": "faulty", "instance": "b:1"})
JSON = "application/json"


def head(status, *fields):
    return "\r\n".join([f"HTTP/1.1 {status} X", *fields, "", ""]).encode()


def whole(body, status=200, content_type=JSON, *fields):
    return head(status, f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *fields) + body


class Exchange:
    """One request: `send` writes, `hang` waits for the client to leave, `reset` ends the connection with a RST."""

    def __init__(self, backend, connection, request, fields):
        self.backend, self.connection, self.request = backend, connection, request
        self.fields = fields  # of the header, names in small letters

    def send(self, data):
        self.connection.sendall(data)

    def hang(self):
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass
        self.backend.count("closed")
        return False

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


# --- faults ---

def good(body=ANSWER):
    def answer(x):
        x.send(whole(body))
        return True
    return answer


def raw(data):
    """These bytes, header and all, and then the end of the connection."""
    def answer(x):
        x.send(data)
        return False
    return answer


def garbage(seed=1, n=1000):
    return raw(bytes((seed * 31 + i * i * 7) & 0xFF for i in range(n)))


def beginning(n, body, content_type=JSON):
    """The header, and n bytes of the body that it promises."""
    reply = whole(body, 200, content_type)
    return reply[:len(reply) - len(body) + n]


def reset_at(n, body=ANSWER, content_type=JSON):
    """A RST after n bytes of the body."""
    def answer(x):
        x.send(beginning(n, body, content_type))
        return x.reset()
    return answer


def cut_length(n, body=ANSWER, content_type=JSON):
    """Content-Length promises the body; only n bytes of it come."""
    return raw(beginning(n, body, content_type))


def chunked(body, size=50):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return (head(200, f"Content-Type: {JSON}", "Transfer-Encoding: chunked")
            + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n")


def cut_chunked(n, body=ANSWER):
    """The chunked reply ends after n bytes of all of it, header included."""
    return raw(chunked(body)[:n])


def hang():
    return lambda x: x.hang()


def hang_at(n, body=ANSWER, content_type=JSON):
    """n bytes of the body, and then nothing."""
    def answer(x):
        x.send(beginning(n, body, content_type))
        return x.hang()
    return answer


def slow(seconds, body=ANSWER, content_type=JSON):
    def answer(x):
        x.backend.stopping.wait(seconds)
        x.send(whole(body, 200, content_type))
        return True
    return answer


def drip(bytes_a_second=1, body=ANSWER):
    def answer(x):
        x.send(whole(body)[:-len(body)])
        for i in range(len(body)):
            x.send(body[i:i + 1])
            if x.backend.stopping.wait(1 / bytes_a_second):
                return False
        return True
    return answer


def status(code, message=None, error_type="internal", body=b"", *fields):
    """An error status; with the error envelope of Prometheus where there is a message."""
    if message is not None:
        body = json.dumps({"status": "error", "errorType": error_type, "error": message}).encode()
    def answer(x):
        x.send(whole(body, code, JSON if message is not None else "text/plain", *fields))
        return True
    return answer


def redirect(url):
    return status(302, None, "", b"", f"Location: {url}")


def wrong_type(content_type="text/html", body=b"<html>please log in</html>"):
    def answer(x):
        x.send(whole(body, 200, content_type))
        return True
    return answer


def gzip_bomb(unpacked=1 << 30):
    """A valid vector, but for a small part of its size on the wire: the same series again and again."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    one = b'{"metric":{"__name__":"up","pad":"%s"},"value":[1700000000,"1"]},' % (b"x" * 900)
    block = one * 1000
    data = pack.compress(b'{"status":"success","data":{"resultType":"vector","result":[')
    data += b"".join(pack.compress(block) for _ in range(unpacked // len(block) + 1))
    data += pack.compress(one[:-1] + b"]}}") + pack.flush()
    def answer(x):
        x.send(head(200, f"Content-Type: {JSON}", "Content-Encoding: gzip", f"Content-Length: {len(data)}") + data)
        return True
    return answer


def zipped(body=ANSWER, n=None, content_type=JSON):
    """The body as gzip; n: so many bytes of that alone, as if they were all."""
    data = gzip.compress(body)[:n]
    def answer(x):
        x.send(whole(data, 200, content_type, "Content-Encoding: gzip"))
        return True
    return answer


def large(n):
    """A well-formed vector of about n bytes, made while it is sent."""
    first = b'{"status":"success","data":{"resultType":"vector","result":['
    one = lambda i: b'{"metric":{"__name__":"up","i":"%d","pad":"%s"},"value":[1700000000,"1"]}' % (i, b"x" * 900)
    def answer(x):
        x.send(head(200, f"Content-Type: {JSON}", "Transfer-Encoding: chunked"))
        sent, i = 0, 0
        while sent < n:
            block = (first if i == 0 else b",") + b",".join(one(i + k) for k in range(200))
            i += 200
            sent += len(block)
            x.send(b"%x\r\n%s\r\n" % (len(block), block))
        x.send(b"3\r\n]}}\r\n0\r\n\r\n")
        return True
    return answer


def relay(url):
    """What the server there answers. Counted by path."""
    def answer(x):
        method, target, body = x.request
        x.backend.count(target.partition("?")[0])
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        with contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)) as server:
            server.request(method, target, body, form)
            reply = server.getresponse()
            x.send(whole(reply.read(), reply.status, reply.headers["Content-Type"]))
        return True
    return answer


# --- the backend ---

PAGES = {
    "buildinfo": {"version": "3.5.0", "revision": "r", "branch": "b", "goVersion": "go1.24"},
    "flags": {"query.lookback-delta": "5m", "enable-feature": ""},
    "config": {"yaml": "global:\n  scrape_interval: 15s\n"},
    "runtimeinfo": {"storageRetention": "15d"},
}


class Backend:
    def __init__(self, fault=None, port=0):
        self.fault = fault or good()
        self.counts, self.lock = {}, threading.Lock()
        self.pages = dict(PAGES)
        self.stopping = threading.Event()
        self.connections = set()
        self.listener, self.port = None, port
        self.wrap = None  # of accepted connections, on their own thread: TLS
        self.up()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def counted(self, what):
        """accepted: connections; queries: requests but for probes; closed: clients that left while they waited."""
        with self.lock:
            return self.counts.get(what, 0)

    def up(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def down(self):
        """Connections are refused, and those that stood are gone."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            standing = list(self.connections)
        for c in standing:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.stopping.set()
        try:
            self.down()
        except OSError:
            pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.count("accepted")
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection = self.wrap(connection) if self.wrap else connection
            with connection, connection.makefile("rb") as reader:
                while self._exchange(connection, reader):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)

    def _exchange(self, connection, reader):
        line = reader.readline().decode("latin-1")
        if not line:
            return False
        fields = {}
        while (field := reader.readline().decode("latin-1").strip()):
            name, _, value = field.partition(":")
            fields[name.lower()] = value.strip()
        body = reader.read(int(fields.get("content-length", 0)))
        method, target, _ = line.split(" ", 2)
        page = target.partition("?")[0].rpartition("/api/v1/status/")[2]
        if page in self.pages:
            connection.sendall(whole(json.dumps({"status": "success", "data": self.pages[page]}).encode()))
            return True
        self.count("queries")
        return self.fault(Exchange(self, connection, (method, target, body), fields))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


class Blackhole:
    """An address that takes no connection and refuses none: its backlog is full, and nobody accepts."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fill = []
        for _ in range(8):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.fill.append(s)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        for s in [self.listener, *self.fill]:
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


FAULTS = {f.__name__: f for f in (good, garbage, reset_at, cut_length, cut_chunked, hang, hang_at, slow, drip, status,
                                  redirect, wrong_type, gzip_bomb, zipped, large)}


def main():
    parser = argparse.ArgumentParser(description="A backend that misbehaves.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", default="good", help="name[:argument], of: " + ", ".join(FAULTS))
    options = parser.parse_args()
    name, _, argument = options.fault.partition(":")
    values = [int(argument) if argument.isdigit() else argument] if argument else []
    backend = Backend(FAULTS[name](*values), options.port)
    print(backend.url, flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        backend.stop()


if __name__ == "__main__":
    main()
