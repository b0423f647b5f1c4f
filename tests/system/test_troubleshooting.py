"""docs/troubleshooting.md says what the program says: each message of its tables is provoked here."""
import contextlib
import pathlib
import random
import re
import resource
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error

import faults
import remote
import writes
from program import SOURCE_DIR, TOOLS_DIR, Program, eventually, free_port, run, wait_until_known

PAGE = SOURCE_DIR / "docs/troubleshooting.md"
T = 1_700_000_000
ENDPOINT = "endpoints: ['http://127.0.0.1:1']"


def messages():
    """Every message of the page: what stands in back quotes in the first column of its tables."""
    rows = re.findall(r"^\| (`.*?`) \| ", PAGE.read_text(), re.M)
    return [m for row in rows for m in re.findall(r"`(.*?)`", row)]


def says(text, message):
    """The parts around each `...` stand in the text, in their order."""
    return re.search(".*".join(map(re.escape, message.split("..."))), text, re.S) is not None


class Troubleshooting(unittest.TestCase):
    heard = None  # everything that the program said, in all tests of this class

    @classmethod
    def setUpClass(cls):
        cls.heard = []

    @classmethod
    def tearDownClass(cls):
        missing = [m for m in messages() if not any(says(text, m) for text in cls.heard)]
        assert not missing, "nobody says: " + "\n".join(missing)

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def hear(self, text):
        self.heard.append(text)

    def folder(self):
        return pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="globalview-test-")))

    def backend(self, fault=None):
        return self.stack.enter_context(faults.Backend(fault))

    def program(self, *urls, cluster="", top="", flags=()):
        text = top + "\nclusters:\n" + "".join(
            f"  - name: c{i}\n    endpoints: ['{url}']\n    {cluster}\n" for i, url in enumerate(urls, 1))
        return self.stack.enter_context(Program(text, *flags))

    def ask(self, program, query="up", path="/api/v1/query", **params):
        reply = program.get(path, query=query, **params)
        for text in [reply.json.get("error"), *reply.json.get("warnings", [])]:
            if text:
                self.hear(text)
        return reply

    # --- at start ---

    def test_configurations_that_are_refused(self):
        folder = self.folder()
        for text in (f"clusters:\n  - name: c1\n    {ENDPOINT}\n\n    timout: 3s\n", "{}\n",
                     f"clusters:\n  - name: c1\n    {ENDPOINT}\n  - name: c1\n    {ENDPOINT}\n",
                     "clusters:\n  - name: c1\n    endpoints: ['10.0.0.2:9090']\n",
                     f"clusters:\n  - name: '${{NOT_THERE}}'\n    {ENDPOINT}\n",
                     f"clusters:\n  - name: c1\n    {ENDPOINT}\n    tls_config: {{ca_file: none.pem}}\n",
                     "storage: {}\nremote_write: [{url: 'http://h'}]\n",
                     "ingest: {}\nremote_write: [{url: 'http://h'}]\n", f"ingest:\nclusters:\n  - name: c1\n    {ENDPOINT}\n"):
            (folder / "globalview.yml").write_text(text)
            self.hear(run("check-config", "globalview.yml", cwd=folder).stderr)
        (folder / "globalview.yml").unlink()
        self.hear(run(cwd=folder).stderr)

    def test_flags_and_ports_that_are_refused(self):
        folder = self.folder()
        (folder / "globalview.yml").write_text(f"clusters:\n  - name: c1\n    {ENDPOINT}\n")
        taken = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.hear(run(f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}", cwd=folder).stderr)
        self.hear(run("--web.config.file=web.yml", cwd=folder).stderr)
        self.hear(run("--storage.path=data", cwd=folder).stderr)

    # --- of writes ---

    def test_writes_that_are_refused(self):
        storage = "storage:\nclusters: [{name: asked, endpoints: ['http://127.0.0.1:1']}]\n"
        program = self.stack.enter_context(Program(storage))
        ok = {"__name__": "a", "cluster": "c"}
        now = int(time.time() * 1000)

        def post(*series, **options):
            self.hear(writes.post(program, writes.request_1(*series), **options).text)
        post((ok, [(now, 1)]))
        program.config.write_text(storage + "ingest: {max_labels: 3, max_labels_size: 300B, max_decoded_size: 2MiB, "
                                  "max_inflight_bytes: 1MiB}\n")
        program.reload()
        program.wait_for_log("configuration reloaded")
        post(*[({"__name__": "a"}, [(now, 1)])] * 20)
        post(({**ok, "cluster": "asked"}, [(now, 1)]), ({**ok, "b": "1", "c": "2"}, [(now, 1)]),
             ({**ok, "b": "x" * 400}, [(now, 1)]), (ok, [(now - 1, 1), (now, 1), (now + 3600_000, 1)]),
             (ok, [], writes.histogram(4, now + 1, count=9)))
        post((ok, [(now - 5, 1), (now, 2)]))
        post(*[({"__name__": "a", "cluster": f"c{i}"}, [(now, 1)]) for i in range(1024)])
        for body in (b"\x05nonsense", remote.snappy(b"\x0a\x7f\x01"), remote.varint(3 << 20) + bytes(3 << 17)):
            self.hear(writes.post(program, body).text)
        request = writes.Request2()
        request.add({"cluster": "c"}, [(now, 1)]).add({"__name__": "a", "cluster": "c", "b": "\udcff"}, [(now, 1)])
        request.series += remote.field(5, request.refs(ok) + request.refs({"cluster": "c"}) + writes.points([(now, 1)]))
        self.hear(writes.post(program, request.body(), kind=writes.V2).text)
        self.hear(writes.post(program, b"", headers={"Content-Encoding": "gzip"}).text)
        self.hear(writes.post(program, b"", kind="text/plain").text)
        self.hear(program.log)

    def test_writes_beyond_the_memory(self):
        program = self.stack.enter_context(Program("storage:\ningest: {max_inflight_bytes: 1MiB, max_body_size: 10MiB, "
                                                   "out_of_order_window: 1m}\n"))
        self.hear(writes.post(program, remote.varint(2 << 20) + bytes(3 << 15)).text)
        with writes.connection(program) as other:
            other.putrequest("POST", "/api/v1/write")
            other.putheader("Content-Length", str(1 << 20))
            other.endheaders()
            eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 1 << 20, "the header has come")
            self.hear(writes.post(program, b"abc").text)
        eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")
        now, ok = int(time.time() * 1000), {"__name__": "a", "cluster": "c"}
        self.hear(writes.post(program, writes.request_1((ok, [(now, 1)]))).text)
        self.hear(writes.post(program, writes.request_1((ok, [(now - 3600_000, 1)]))).text)

    # --- of the store ---

    def test_the_store(self):
        folder = self.folder()
        config = f"storage: {{path: {folder}/data}}\ningest: {{}}\n"
        with Program(config) as program:
            remote.write(program.url, remote.series({"__name__": "up", "cluster": "c1"}, remote.sample(T, 1)))
            (folder / "globalview.yml").write_text(config)
            self.hear(run("--config.file=globalview.yml", "--web.listen-address=127.0.0.1:0", cwd=folder).stderr)
        block = folder / "data/01HF0000000000000000000000"
        block.mkdir()
        (block / "meta.json").write_text("{")
        with sorted((folder / "data/log").iterdir())[-1].open("ab") as segment:
            segment.write(b"torn")
        with Program(config) as program:
            self.hear(program.log)
            self.assertEqual(program.query("up", time=T).json["data"]["result"][0]["value"][1], "1")
            self.assertFalse(block.exists())
        program = self.program("http://127.0.0.1:1", flags=["--web.enable-admin-api"])
        self.hear(program.post("/api/v1/admin/tsdb/clean_tombstones").json["error"])

    def test_a_block_that_lost_a_byte(self):
        data, start = self.folder() / "data", T - T % 7200
        data.mkdir()

        def block(*names):
            lines = [line for name in names for line in (f'{name}{{cluster="c"}}', f"{T}000 {ord(name)}")]
            made = subprocess.run(
                [TOOLS_DIR / "blocktool", "write", data, f"{start}000", f"{start + 7200}000"],
                input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
            return data / made.stdout.strip()

        with (block("a", "b") / "chunks/000001").open("r+b") as chunks:
            chunks.seek(20)
            chunks.write(b"?")
        block("c")  # of the same time: the two are to be made one
        with Program(f"storage: {{path: {data}}}\n", "--web.enable-admin-api") as program:
            program.wait_for_log("a block lost bytes")
            self.hear(program.query("a", time=T).text)

            def values(name):
                return [float(s["value"][1]) for s in program.query(name, time=T).json["data"]["result"]]

            self.assertEqual(values("b") + values("c"), [98, 99])
            admin = "/api/v1/admin/tsdb/"
            self.assertEqual(program.post(admin + "clean_tombstones").status, 204)
            self.assertEqual(program.post(admin + "delete_series", **{"match[]": "a"}).status, 204)
            self.assertEqual(program.post(admin + "clean_tombstones").status, 204)
            self.assertEqual(values("a") + values("b") + values("c"), [98, 99])
            self.hear(program.log)

    def test_a_store_that_is_late(self):
        with Program("storage: {}\ningest: {}\n") as program:
            samples = [((T + k) * 1000, k) for k in range(3600)]
            some = [({"__name__": "up", "cluster": "c1", "i": str(i)}, samples) for i in range(50)]
            self.assertEqual(writes.post(program, writes.request_1(*some)).status, 204)
            self.ask(program, "max_over_time(quantile_over_time(0.4, up[1h])[1h:1s])", time=T + 3600, timeout="0.1")

    # --- of forwarding ---

    def test_endpoints_of_remote_write(self):
        endpoint = self.backend()
        config = f"""
ingest: {{}}
remote_write:
  - {{url: '{endpoint.url}/w', name: one, queue_path: {self.folder()}/q, max_queue_size: 1MiB,
     protobuf_message: io.prometheus.write.v2.Request, metadata_config: {{send_interval: 100ms}}, queue_config: {{max_backoff: 50ms, batch_send_deadline: 1ms}}}}
  - {{url: '{endpoint.url}/w', name: two, queue_path: {self.folder()}/q2, queue_config: {{sample_age_limit: 1h}}}}
"""
        program = self.stack.enter_context(Program(config))

        def push(status, message, *series):
            endpoint.fault = faults.raw(faults.head(status, "Content-Length: 0") if status else b"")
            remote.write(program.url, *(series or [remote.series({"__name__": "up", "cluster": "c1"},
                                                                 remote.sample(T, 1))]))
            program.wait_for_log(message)

        push(400, "refused samples; they are dropped")
        program.wait_for_log("are older than sample_age_limit; they are dropped")
        push(204, "does not know remote write 2.0")
        writes.post(program, writes.request_1(metadata=[("up", 2, "Is it up?", "")]))
        push(500, "does not take samples; they wait in its queue")
        program.wait_for_log("does not take metadata")
        noise = random.Random(1)
        for i in range(4):
            many = [remote.series({"__name__": "up", "cluster": "c1", "noise": noise.randbytes(400).hex()},
                                  remote.sample(T + i, 1)) for _ in range(1000)]
            remote.write(program.url, *many)
        program.wait_for_log("its oldest samples are dropped")
        writes.post(program, writes.request_1(metadata=[(f"m{i}", 2, "", "") for i in range(100001)]))
        program.wait_for_log("metadata of too many metrics has come")
        self.hear(run(f"--config.file={program.config}", "--web.listen-address=127.0.0.1:0", cwd=program.folder).stderr)
        program.config.write_text(config.replace("1MiB", "2MiB"))
        program.reload()
        program.wait_for_log("remote_write changes at the next start only")
        self.hear(program.log)

    def test_a_disk_that_is_full(self):
        program = self.stack.enter_context(Program("storage: {path: data}\ningest: {}\n"))
        series = remote.series({"__name__": "up", "cluster": "c1"}, remote.sample(T, 1))
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (4, resource.RLIM_INFINITY))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            remote.write(program.url, series)
        with refused.exception as reply:
            self.assertEqual(reply.code, 503)
            self.hear(reply.read().decode())
        program.wait_for_log("the log cannot be written")
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        program.wait_for_log("the log is written again")
        remote.write(program.url, series)
        self.hear(program.log)

    # --- of clusters ---

    def test_a_backend_that_misbehaves(self):
        backend = self.backend()
        program = self.program(backend.url, cluster="max_response_size: 1MiB")
        for fault in (faults.hang_at(10), faults.status(401), faults.status(404), faults.redirect("http://127.0.0.2:9/"),
                      faults.large(2 << 20), faults.reset_at(10), faults.wrong_type(), faults.good(b'{"status":5}'),
                      faults.good(faults.vector({"__name__": "up"}, {"__name__": "up"}))):
            backend.fault = fault
            self.ask(program, timeout="300ms")
            backend.fault = faults.good()
            eventually(lambda: self.ask(program).status == 200, "it is asked again")
        for body in (b"<html>", b'{"status":"success","data":{}}'):
            backend.fault = faults.good(body)
            self.ask(program, path="/api/v1/labels")

    def test_backends_that_cannot_be_reached(self):
        program = self.program(f"http://127.0.0.1:{free_port()}", "http://nobody.invalid:9090")
        for _ in range(4):
            self.ask(program)
        hole = self.stack.enter_context(faults.Blackhole())
        self.ask(self.program(hole.url), timeout="6s")
        slow = self.backend(faults.hang())
        self.ask(self.program(slow.url, cluster="timeout: 100ms"))
        self.ask(self.program(slow.url), timeout="100ms")
        self.ask(self.program(hole.url), timeout="200ms")

    def test_a_cluster_that_is_away_for_a_while(self):
        backend = self.backend()
        program = self.program(backend.url)
        backend.down()
        for _ in range(4):
            self.ask(program)
        program.wait_for_log("an endpoint of a cluster does not answer")
        backend.up()
        eventually(lambda: "warnings" not in self.ask(program).json, "the cluster is asked again")
        program.wait_for_log("an endpoint of a cluster answers again")
        self.hear(program.log)

    def test_certificates(self):
        folder = self.folder()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=other.example", "-days", "2",
                        "-addext", "subjectAltName=DNS:other.example"], cwd=folder, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        backend = self.backend()
        backend.wrap = lambda c: context.wrap_socket(c, server_side=True)
        url = backend.url.replace("http", "https")
        self.ask(self.program(url))
        self.ask(self.program(self.program(self.backend().url).url.replace("http", "https")))
        self.ask(self.program(url, cluster=f"tls_config: {{ca_file: {folder}/cert.pem}}"))

    def test_two_sources_of_one_cluster(self):
        one, two = self.backend(), self.backend()
        text = (f"clusters:\n- {{name: c1, endpoints: ['{one.url}'], cluster_label_from: backend}}\n"
                f"- {{name: c2, endpoints: ['{two.url}'], cluster_label_from: backend}}\n")
        self.ask(self.stack.enter_context(Program(text)))

    def test_replicas(self):
        there, secretive = self.backend(), self.backend(faults.good(
            b'{"status":"success","data":{"resultType":"matrix","result":[]}}'))
        del secretive.pages["config"]  # it does not say its external labels: queries take the place of remote reads
        self.ask(self.program(f"{secretive.url}', 'http://127.0.0.1:{free_port()}", cluster="replicas: merge"))
        program = self.program(f"{there.url}', '{secretive.url}", cluster="pushdown: never")
        def known():
            replicas = program.get("/api/v1/status/clusters").json["data"]["clusters"][0]["replicas"]
            return "externalLabels" in replicas[0] and replicas[1]["health"] == "up"
        eventually(known, "both have been probed")
        there.fault = faults.status(500)
        self.ask(program)

    # --- limits ---

    def test_limits(self):
        backend, other = self.backend(faults.large(8 << 20)), self.backend(faults.status(500))
        self.ask(self.program(backend.url, top="global: {max_query_memory: 1MiB}"))
        self.ask(self.program(backend.url, top="global: {max_total_query_memory: 2MiB}"))
        self.ask(self.program(backend.url, top="global: {max_samples: 10}"))
        backend.fault = faults.status(500)
        self.ask(self.program(backend.url, other.url))

    def test_places(self):
        backend = self.backend(faults.hang())
        program = self.program(backend.url, top="global: {max_concurrent_queries: 1}")
        def waits():
            s = self.stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", program.port))))
            s.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n")
        waits()
        eventually(lambda: backend.counted("queries"), "one runs")
        self.ask(program, timeout="100ms")
        for _ in range(16):
            waits()
        eventually(lambda: program.metric("globalview_queries_waiting") == 16, "the queue is full")
        self.ask(program)

    def test_remote_reads(self):
        every = remote.snappy(remote.field(1, remote.number(1, 0) + remote.number(2, 60000)))
        answer = remote.field(1, remote.series({"__name__": "up"}, *(remote.sample(t, 1) for t in range(20))))
        backend = self.backend(faults.raw(faults.whole(remote.snappy(answer), 200, "application/x-protobuf")))
        program = self.program(backend.url, flags=["--storage.remote.read-sample-limit=10",
                                                   "--storage.remote.read-request-limit=60B",
                                                   "--storage.remote.read-concurrent-limit=1"])
        read = lambda body: program.request("POST", "/api/v1/read", body)
        wait_until_known(program)
        self.hear(read(every).text)
        self.hear(read(remote.snappy(b" " * 100)[:50]).text)
        backend.fault = faults.hang()
        for _ in range(17):
            s = self.stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", program.port))))
            s.sendall(b"POST /api/v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(every) + every)
        eventually(lambda: program.metric("globalview_remote_reads_waiting") == 16, "the queue is full")
        self.hear(read(every).text)

    def test_histograms_without_remote_read(self):
        backend = self.backend(faults.good(b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},'
                                           b'"histograms":[[1,{"count":"1","sum":"1"}]]}]}}'))
        backend.pages["config"] = {}
        every = remote.snappy(remote.field(1, remote.number(1, 0) + remote.number(2, 60000)))
        self.hear(self.program(backend.url).request("POST", "/api/v1/read", every).text)

    def test_parameters(self):
        program = self.program(self.backend().url)
        self.ask(program, query="up{")
        self.ask(program, timeout="0")
        self.hear(program.query("up" + " " * 600000).text.replace('\\"', '"'))
        self.ask(program, path="/api/v1/query_range", start=0, end=20000, step=1)
        self.ask(program, path="/cluster/nope/api/v1/query")

    # --- the server ---

    def test_the_server(self):
        url = self.backend().url
        program = self.program(url)
        self.hear(program.post("/-/reload").text)
        good = program.config.read_text()
        for text in ("clusters: 5\n", "global: {max_total_query_memory: 1GiB}\n" + good):
            lines = len(program.lines)
            program.config.write_text(text)
            program.reload()
            eventually(lambda: any("reloaded" in line for line in program.lines[lines:]), "the reload is over")
        self.hear(program.log)
        self.hear(program.post("/api/v1/query", query="x" * (3 << 20)).text)
        self.hear(program.get("/-/healthy", headers={"X-Long": "x" * 40000}).text)
        self.hear(program.get("/-/healthy", headers={f"X-{i}": "x" for i in range(200)}).text)
        with contextlib.closing(socket.create_connection(("127.0.0.1", program.port))) as s:
            s.sendall(b"GET /-/healthy HTTP/1.1\r\n")
            self.hear(s.recv(4096).decode())  # after 10 s

    def test_connections(self):
        program = self.program(self.backend().url, flags=["--web.max-connections=1"])
        with contextlib.closing(socket.create_connection(("127.0.0.1", program.port))):
            self.hear(eventually(lambda: (r := program.get("/-/healthy")).status == 503 and r.text, "one too many"))


if __name__ == "__main__":
    unittest.main()
