"""enable_http2: queries as streams of one connection, and a client that leaves ends its stream at once.

The backend speaks the little of HTTP/2 (RFC 9113) that is needed: it reads frames and no field, answers every stream
with the same header and body. Queries, which are POSTs, may hang; probes of the health job, which are GETs, never do."""
import contextlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest

import faults
from program import Program, eventually

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
# RFC 7541: ":status: 200" is entry 8 of the static table; "content-type" is the name of entry 31, its value literal
REPLY = b"\x88" + b"\x0f\x10" + bytes([len(faults.JSON)]) + faults.JSON.encode()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Backend:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="globalview-test-")
        self.certificate = f"{self.folder.name}/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-days", "2",
                        "-addext", "subjectAltName=IP:127.0.0.1"], cwd=self.folder.name, check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, f"{self.folder.name}/key.pem")
        self.tls.set_alpn_protocols(["h2"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock, self.connections, self.waiting, self.ended, self.hangs = threading.Lock(), 0, 0, 0, False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        open_streams = set()
        with contextlib.suppress(OSError), self.tls.wrap_socket(connection, server_side=True) as c:
            with c.makefile("rb") as reader:
                reader.read(24)  # the preface
                self.connections += 1
                c.sendall(frame(SETTINGS, 0, 0))
                while len(head := reader.read(9)) == 9:
                    payload = reader.read(int.from_bytes(head[:3], "big"))
                    self.take(c, open_streams, head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        with self.lock:
            self.ended += len(open_streams)

    def take(self, c, open_streams, kind, flags, stream, payload):
        if kind in (SETTINGS, PING) and not flags & ACK:
            c.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == RST_STREAM and stream in open_streams:
            open_streams.remove(stream)
            with self.lock:
                self.ended += 1
        elif kind in (HEADERS, DATA) and flags & END_STREAM:
            if self.hangs and kind == DATA:
                open_streams.add(stream)
                with self.lock:
                    self.waiting += 1
                return
            c.sendall(frame(HEADERS, END_HEADERS, stream, REPLY) + frame(DATA, END_STREAM, stream, faults.ANSWER))

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.folder.cleanup()


class Http2(unittest.TestCase):
    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.stop)
        self.program = Program(f"clusters:\n  - name: c1\n    endpoints: ['https://127.0.0.1:{self.backend.port}']\n"
                               f"    enable_http2: true\n    tls_config: {{ca_file: {self.backend.certificate}}}\n",
                               "--loops=1")
        self.addCleanup(self.program.stop)

    def test_queries_share_a_connection(self):
        replies = []
        users = [threading.Thread(target=lambda: replies.extend(self.program.query("up") for _ in range(10)))
                 for _ in range(4)]
        for u in users:
            u.start()
        for u in users:
            u.join()
        self.assertEqual([(r.status, len(r.json["data"]["result"])) for r in replies], [(200, 2)] * 40)
        self.assertLessEqual(self.backend.connections, 2)  # of the queries, and of the health job

    def ask_and_hang(self, n):
        """A client whose query is the n-th that the backend leaves without an answer."""
        client = socket.create_connection(("127.0.0.1", self.program.port))
        self.addCleanup(client.close)
        client.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: self.backend.waiting == n, "the backend is asked")
        return client

    def test_a_client_that_leaves_ends_its_stream(self):
        self.assertEqual(self.program.query("up").status, 200)
        self.backend.hangs = True
        self.ask_and_hang(1).close()
        eventually(lambda: self.backend.ended == 1, "the stream is ended")
        self.backend.hangs = False
        self.assertEqual(self.program.query("up").status, 200)

    def test_streams_end_one_by_one(self):
        self.backend.hangs = True
        clients = [self.ask_and_hang(n) for n in (1, 2, 3)]
        for n in (1, 2, 3):
            clients.pop().close()
            eventually(lambda: self.backend.ended == n, f"stream {n} is ended")
        self.assertLessEqual(self.backend.connections, 2)

    def test_a_stream_ends_at_its_deadline(self):
        self.backend.hangs = True
        other = self.ask_and_hang(1)
        for n in (1, 2):
            reply = self.program.query("up", timeout="200ms")
            self.assertIn(f"127.0.0.1:{self.backend.port}: deadline exceeded", reply.text)
            self.assertNotIn("resolve", reply.text)
            eventually(lambda: self.backend.ended == n, f"stream {n} is ended")
        other.close()
        eventually(lambda: self.backend.ended == 3, "the last stream is ended")


if __name__ == "__main__":
    unittest.main()
