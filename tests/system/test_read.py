"""Remote read through the program: a real Prometheus that reads from it answers as one that holds everything; and what a
client of either form of answer sees when clusters fail, leave off, or when it does not read itself."""
import contextlib
import http.client
import json
import math
import socket
import subprocess
import time
import unittest
import urllib.request

import faults
import remote
from compare import difference
from differential import Case, Differential, at, over
from program import TOOLS_DIR, Program, eventually, wait_until_known
from prometheus import Prometheus, openmetrics
from test_global_view import sections
from worlds import CLUSTERS, INJECTED, INSTANTS, RANGES, T, World

STREAMED = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
SAMPLES = "application/x-protobuf"
TYPES = {"streamed": STREAMED, "samples": SAMPLES}
HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
           "X-Prometheus-Remote-Read-Version": "0.1.0"}
END = T + 1800


def tool(*args, data=b""):
    return subprocess.run([TOOLS_DIR / "readtool", *map(str, args)], input=data, capture_output=True, timeout=60)


def request(kind, start, end, *selectors):
    """The body of a read request; times are seconds."""
    made = tool("request", kind, start * 1000, end * 1000, *selectors)
    assert made.returncode == 0, made.stderr
    return made.stdout


def evaluate(kind, body, start, end, query, *selectors):
    """The query's answer over the series of a reply, as /api/v1/query would give it."""
    done = tool("answer", TYPES[kind], start * 1000, end * 1000, "", query, *selectors, data=body)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def config(*urls):
    return "clusters:\n" + "".join(f"  - {{name: c{i}, endpoints: ['{url}']}}\n" for i, url in enumerate(urls, 1))


def reader_of(url):
    """A Prometheus without data of its own that reads from there, recent times too."""
    return Prometheus(config=f"remote_read: [{{url: '{url}', read_recent: true}}]\n")


def limits():
    return openmetrics({"limits": ("gauge", [('job="a"', [(T + 15 * i, i) for i in range(120)])])})


class Reading(unittest.TestCase):
    def ask(self, program, kind, start, end, *selectors):
        reply = program.request("POST", "/api/v1/read", request(kind, start, end, *selectors), HEADERS)
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(reply.headers["Content-Type"], TYPES[kind])
        self.assertEqual(reply.headers["Content-Encoding"], None if kind == "streamed" else "snappy")
        return reply.body


class ThroughUs(Reading):
    """Three servers behind us, a fourth with all their series, a fifth that reads through us."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("spread")
        cls.addClassCleanup(cls.world.stop)
        cls.program = Program(cls.world.config())
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)
        cls.reader = reader_of(cls.program.url + "/api/v1/read")
        cls.addClassCleanup(cls.reader.stop)

    def compare(self, reader, cases):
        differential = Differential(reader.url, self.world.reference.url)
        self.addCleanup(differential.close)
        for finding in differential.run(cases):
            if finding.text == "not in the order of labels":  # 2.42 does not sort the series of a subquery
                continue
            with self.subTest(finding.case.query, **finding.case.times):
                self.fail(finding.text)

    def test_queries_of_a_prometheus_that_reads_through_us(self):
        """Every fourth of those that we answer ourselves elsewhere, at one instant and over one range."""
        queries = [query for _, queries in sections() for _, query in queries][::4]
        self.assertGreater(len(queries), 200)
        self.compare(self.reader, [Case(q, at(INSTANTS[0])) for q in queries] + [Case(q, over(*RANGES[0])) for q in queries])

    def test_series_that_end(self):
        self.compare(self.reader, [Case(query, times) for query in ("ended", "flapping", "begun", "sparse", "uneven",
                                   "count(ended)", "count_over_time(flapping[4m])", "sum by (cluster) (flapping)")
                                   for times in (at(INSTANTS[1]), at(INSTANTS[2]), over(T + 3, END - 12, 15))])

    def test_one_cluster(self):
        reader = reader_of(self.program.url + "/cluster/c2/api/v1/read")
        self.addCleanup(reader.stop)
        time = INSTANTS[0]
        for query in "requests_total", 'requests_total{region="eu"}', 'owned{exported_cluster="own"}', 'limits{job="a"}':
            here = self.world.reference.get("/api/v1/query", query=query.replace("{", '{cluster="c2",')
                                            if "{" in query else query + '{cluster="c2"}', time=time)[1]["data"]
            self.assertGreater(len(here["result"]), 0)
            self.assertIsNone(difference(reader.get("/api/v1/query", query=query, time=time)[1]["data"], here))
        none = reader.get("/api/v1/query", query='limits{cluster="c1"}', time=time)[1]
        self.assertEqual(none["data"]["result"], [])

    def test_series_of_a_reading_prometheus(self):
        """Its label APIs read series through us."""
        for match in "limits", 'owned{cluster="c3"}', '{job="a",zone="z3"}':
            params = {"match[]": match, "start": T, "end": END}
            got, wanted = (p.get("/api/v1/series", **params)[1]["data"] for p in (self.reader, self.world.reference))
            self.assertGreater(len(wanted), 0)
            self.assertEqual(sorted(map(json.dumps, got)), sorted(map(json.dumps, wanted)))

    def test_times_that_have_no_end(self):
        """Prometheus asks so where it was given no times."""
        wanted = self.world.reference.get("/api/v1/series", **{"match[]": "limits", "start": T, "end": END})[1]["data"]
        got = self.reader.get("/api/v1/series", **{"match[]": "limits"})[1]["data"]
        self.assertEqual(sorted(map(json.dumps, got)), sorted(map(json.dumps, wanted)))
        for kind in TYPES:
            sizes = {len(self.ask(self.program, kind, start, end, "limits"))
                     for start, end in ((T, END), (0, 10 ** 10), (T, 10 ** 14), (-9 * 10 ** 15, 9 * 10 ** 15))}
            self.assertEqual(len(sizes), 1, f"{kind}: {sizes}")
            self.assertGreater(min(sizes), 200)

    def test_both_forms_of_answer(self):
        end = INSTANTS[0]
        for query, *selectors in (("requests_total[20m]", "requests_total"),
                                  ('requests_total{cluster="c2"}[20m]', 'requests_total{cluster="c2"}'),
                                  ('temperature{job="a",region=""}[9m]', 'temperature{job="a",region=""}'),
                                  ('owned{exported_cluster="own"}[5m]', 'owned{exported_cluster="own"}'),
                                  ("sum(limits) + sum(only_two)", "limits", "only_two"), ("special", "special"),
                                  ("flapping[20m]", "flapping"), ("odd", "odd"),
                                  ("nothing", "nothing"), ("x", 'x{cluster="nope"}')):
            wanted = self.world.reference.get("/api/v1/query", query=query, time=end)[1]["data"]
            for kind in TYPES:
                with self.subTest(query, kind=kind):
                    body = self.ask(self.program, kind, end - 1200, end, *selectors)
                    self.assertIsNone(difference(evaluate(kind, body, end - 1200, end, query, *selectors), wanted))

    def test_chunks_are_not_compressed_again(self):
        """Nor does Prometheus: its clients do not expect that."""
        for kind in TYPES:
            reply = self.program.request("POST", "/api/v1/read", request(kind, T, END, "limits"),
                                         {**HEADERS, "Accept-Encoding": "gzip"})
            self.assertEqual(reply.headers["Content-Encoding"], None if kind == "streamed" else "snappy")
            self.assertIn(b"limits", reply.body)

    def test_frames_are_sorted_by_labels(self):
        body, at, seen = self.ask(self.program, "streamed", T, END, '{job=~"a|b"}'), 0, []
        while at < len(body):
            length, at = remote.read_varint(body, at)
            frame, at = body[at + 4:at + 4 + length], at + 4 + length
            self.assertEqual(frame[0], 0x0a)
            series_length, inner = remote.read_varint(frame, 1)
            labels, end = [], inner + series_length
            while inner < end and frame[inner] == 0x0a:
                n, inner = remote.read_varint(frame, inner + 1)
                name_length = frame[inner + 1]
                labels.append((frame[inner + 2:inner + 2 + name_length], frame[inner + 4 + name_length:inner + n]))
                inner += n
            seen.append(labels)
        self.assertGreater(len(seen), 20)
        self.assertEqual(seen, sorted(seen))

    def test_what_is_no_request(self):
        post = lambda body, headers=HEADERS, path="/api/v1/read": self.program.request("POST", path, body, headers)
        for body, words in ((b"", "snappy"), (b"garbage", "snappy"), (remote.snappy(b"\x08\xff"), "ReadRequest"),
                            (b"\xff\xff\xff\xff\x0f\x00\x00", "524288 are the limit"),
                            (remote.snappy(remote.field(1, remote.field(3, remote.number(1, 2) + remote.field(2, b"a")
                                                                       + remote.field(3, b"(")))), "regex")):
            reply = post(body)
            self.assertEqual(reply.status, 413 if "limit" in words else 400, reply.text)
            self.assertEqual(reply.headers["Content-Type"], "text/plain; charset=utf-8")
            self.assertIn(words, reply.text)
        self.assertEqual(self.program.get("/api/v1/read").status, 405)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=30)) as connection:
            connection.putrequest("POST", "/api/v1/read")
            connection.putheader("Content-Length", str(1 << 20))
            connection.endheaders()
            self.assertEqual(connection.getresponse().status, 413)
        good = request("streamed", T, T + 60, "limits")
        self.assertEqual(post(good, path="/api/v1/read?partial_response=maybe").status, 400)
        self.assertEqual(post(good, path="/cluster/nope/api/v1/read").status, 404)
        self.assertEqual(post(good, path="/api/v1/read?timeout=0").status, 503)
        unknown = remote.snappy(remote.field(1, b"") + remote.number(2, 7))
        self.assertEqual(post(unknown).status, 400)

    def test_no_queries_and_no_matchers(self):
        empty = self.program.request("POST", "/api/v1/read", remote.snappy(b""), HEADERS)
        self.assertEqual((empty.status, remote.unsnappy(empty.body)), (200, b""))
        all_series = remote.snappy(remote.field(1, remote.number(1, T * 1000) + remote.number(2, (T + 60) * 1000)))
        reply = self.program.request("POST", "/api/v1/read", all_series, HEADERS)
        self.assertEqual(reply.status, 200)
        self.assertGreater(remote.unsnappy(reply.body).count(b"requests_total"), 10)

    def test_nothing_is_left_behind(self):
        self.ask(self.program, "streamed", T, END, '{job=~"a|b"}')
        for gauge in "globalview_query_memory_bytes", "globalview_remote_reads_running", "globalview_queries_running":
            eventually(lambda: self.program.metric(gauge) == 0, gauge)
        self.assertEqual(self.program.metric("globalview_remote_reads_max_concurrent"), 10)


class Histograms(Reading):
    """What text formats cannot say, in both forms of answer. A Prometheus 2.42 that reads sees no histograms, whomever it
    reads from; and it mixes up the histograms of several series in one matrix: one series a query."""

    @classmethod
    def setUpClass(cls):
        flags = ["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"]
        *backends, cls.reference = servers = [Prometheus(
            config=f"global: {{external_labels: {{dc: x, replica: r{i}}}}}\n", flags=flags) for i in range(4)]
        for server in servers:
            cls.addClassCleanup(server.stop)
        for i, backend in enumerate(backends, 1):
            remote.write(backend.url, *cls.series(i, {}))
            remote.write(cls.reference.url, *cls.series(i, {"cluster": f"c{i}"}))
        cls.program = Program(config(*(b.url for b in backends)))
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)

    @staticmethod
    def series(k, labels):
        times = range(T, END, 15)
        return [remote.series({"__name__": "ended", **labels}, *(remote.sample(t, k) for t in times[:30 * k]),
                              remote.sample(times[30 * k], remote.STALE)),
                remote.series({"__name__": "latency", "job": "a", **labels},
                              *(remote.histogram(t, 1 + (i * k) % 90) for i, t in enumerate(times))),
                remote.series({"__name__": "latency", "job": "b", **labels},
                              *(remote.float_histogram(t, k + i) for i, t in enumerate(times))),
                remote.series({"__name__": "mixed", **labels}, *(remote.sample(t, k) for t in times[:60]),
                              *(remote.histogram(t, i + 1) for i, t in enumerate(times[60:])))]

    def test_both_forms_of_answer(self):
        for selector in 'ended{cluster="c2"}', 'latency{cluster="c1",job="a"}', 'latency{cluster="c3",job="b"}', \
                'mixed{cluster="c2"}':
            query = selector + "[1799s]"
            wanted = self.reference.get("/api/v1/query", query=query, time=END)[1]["data"]
            self.assertEqual(len(wanted["result"]), 1)
            for kind in TYPES:
                with self.subTest(selector, kind=kind):
                    body = self.ask(self.program, kind, T, END, selector)
                    self.assertEqual(evaluate(kind, body, T, END, query, selector), wanted)

    def test_a_cluster_that_pushes(self):
        """Samples of the store, beside those of clusters that are asked."""
        now = int(time.time()) // 15 * 15
        times = range(now - 1800, now, 15)
        pushed = [remote.series({"__name__": "pushed", "job": "a"}, *(remote.sample(t, t - now) for t in times[:100]),
                                remote.sample(times[100], remote.STALE)),
                  remote.series({"__name__": "pushed", "job": "h"},
                                *(remote.histogram(t, i + 1) for i, t in enumerate(times)))]
        with Program("storage: {}\ningest: {default_cluster: c9}\n" + config(self.reference.url)) as program:
            remote.write(program.url, *pushed)
            wait_until_known(program)
            for kind in TYPES:
                body = self.ask(program, kind, now - 1800, now, '{cluster="c9"}', 'ended{exported_cluster="c1"}')
                read = lambda query: evaluate(kind, body, now - 1800, now, query, '{cluster="c9"}',
                                              'ended{exported_cluster="c1"}')["result"]
                self.assertEqual([(s["metric"], len(s.get("values", s.get("histograms"))))
                                  for s in read('{cluster="c9"}[1h]')],
                                 [({"__name__": "pushed", "cluster": "c9", "job": "a"}, 100),
                                  ({"__name__": "pushed", "cluster": "c9", "job": "h"}, 120)])
                self.assertEqual(read('pushed{job="h"}'), program.query('pushed{job="h"}', time=now).json["data"]["result"])

    def test_stale_markers_keep_their_bits(self):
        samples = remote.unsnappy(self.ask(self.program, "samples", T, END, "ended"))
        self.assertEqual(samples.count(remote.STALE), 3)


class Replicas(Reading):
    """replicas: merge: what a reader or a federating server gets has no hole where any replica has none."""

    def test_samples_of_both(self):
        now = int(time.time()) // 15 * 15
        times = [now - 15 * i for i in range(120, 0, -1)]
        halves = times[:70], times[50:]
        servers = [Prometheus(config=f"global: {{external_labels: {{replica: r{i}}}}}\n",
                              flags=["--web.enable-remote-write-receiver"]) for i in range(2)]
        for server, half in zip(servers, halves):
            self.addCleanup(server.stop)
            remote.write(server.url, remote.series({"__name__": "x", "job": "a"}, *(remote.sample(t, t - now) for t in half)))
        program = Program("clusters:\n  - name: c1\n    replicas: merge\n    endpoints: ["
                          + ", ".join(s.url for s in servers) + "]\n")
        self.addCleanup(program.stop)
        wait_until_known(program)
        for kind in TYPES:
            body = self.ask(program, kind, times[0], now, "x")
            result = evaluate(kind, body, times[0], now, "x[1h]", "x")["result"]
            self.assertEqual([s["metric"] for s in result], [{"__name__": "x", "cluster": "c1", "job": "a"}])
            self.assertEqual([t for t, _ in result[0]["values"]], times)
        self.assertEqual(program.get("/federate", **{"match[]": "x"}).text, "# TYPE x untyped\n"
                         f'x{{cluster="c1",job="a",instance=""}} -15 {times[-1] * 1000}\n')


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = Prometheus(limits())
        cls.addClassCleanup(cls.backend.stop)

    def start(self, *flags, more=""):
        program = Program(config(self.backend.url) + more, *flags)
        self.addCleanup(program.stop)
        wait_until_known(program)
        return program

    def post(self, program, kind):
        return program.request("POST", "/api/v1/read", request(kind, T, T + 1800, "limits"), HEADERS)

    def test_samples(self):
        program = self.start("--storage.remote.read-sample-limit=100")
        reply = self.post(program, "samples")
        self.assertEqual((reply.status, reply.text), (400, "exceeded sample limit (100)\n"))
        self.assertEqual(self.post(program, "streamed").status, 200)

    def test_request_size(self):
        program = self.start("--storage.remote.read-request-limit=10B")
        self.assertEqual(self.post(program, "samples").status, 413)

    def test_places(self):
        slow = faults.Backend(faults.hang())
        self.addCleanup(slow.stop)
        program = Program(config(slow.url), "--storage.remote.read-concurrent-limit=1")
        self.addCleanup(program.stop)
        body = request("streamed", T, T + 60, "x")
        held = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
        held.request("POST", "/api/v1/read", body, HEADERS)
        eventually(lambda: program.metric("globalview_remote_reads_running") == 1, "the first read runs")
        reply = program.request("POST", "/api/v1/read?timeout=0.2", body, HEADERS)
        self.assertEqual(reply.status, 503)
        self.assertIn("query timed out in the queue: --storage.remote.read-concurrent-limit is 1", reply.text)
        gone = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
        gone.request("POST", "/api/v1/read", body, HEADERS)
        eventually(lambda: program.metric("globalview_remote_reads_waiting") == 1, "another one waits")
        gone.close()
        eventually(lambda: program.metric("globalview_remote_reads_waiting") == 0, "it leaves the queue with its client")
        waiting = [http.client.HTTPConnection("127.0.0.1", program.port, timeout=30) for _ in range(16)]
        for connection in waiting:
            connection.request("POST", "/api/v1/read", body, HEADERS)
        eventually(lambda: program.metric("globalview_remote_reads_waiting") == 16, "the queue is full")
        reply = program.request("POST", "/api/v1/read", body, HEADERS)
        self.assertEqual(reply.status, 503)
        self.assertIn("too many remote reads: --storage.remote.read-concurrent-limit is 1", reply.text)
        for connection in [held, *waiting]:
            connection.close()
        eventually(lambda: program.metric("globalview_remote_reads_running") == 0, "no read is left")


class Faults(unittest.TestCase):
    def setUp(self):
        self.good = Prometheus(limits())
        self.addCleanup(self.good.stop)
        self.bad = faults.Backend()
        self.addCleanup(self.bad.stop)
        self.program = Program(config(self.good.url, self.bad.url))
        self.addCleanup(self.program.stop)

    def post(self, path="/api/v1/read", kind="streamed"):
        return self.program.request("POST", path, request(kind, T, T + 1800, "limits"), HEADERS)

    def test_a_cluster_that_is_down(self):
        self.bad.down()
        for kind in "streamed", "samples":
            reply = self.post(kind=kind)
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (503, "text/plain; charset=utf-8"))
            self.assertTrue(reply.text.startswith('cluster "c2": '), reply.text)
            some = self.post("/api/v1/read?partial_response=true", kind)
            self.assertEqual(some.status, 200)
            self.assertIn(b"limits", some.body)
            self.assertEqual(self.post("/cluster/c2/api/v1/read?partial_response=true", kind).status, 503)
            self.assertEqual(self.post("/cluster/c1/api/v1/read", kind).status, 200)

    def test_a_cluster_that_breaks_off(self):
        """At any byte: nothing of its answer is taken."""
        with urllib.request.urlopen(urllib.request.Request(
                self.good.url + "/api/v1/read", request("streamed", T, T + 1800, "limits"), HEADERS)) as reply:
            answer = reply.read()
        head = faults.head(200, f"Content-Type: {STREAMED}", f"Content-Length: {len(answer)}")

        def reset_at(n):
            def fault(x):
                x.send(head + answer[:n])
                return x.reset()
            return fault
        wait_until_known(self.program)
        for n in range(0, len(answer), 37):
            self.bad.fault = reset_at(n)
            for kind in "streamed", "samples":
                reply = self.post(kind=kind)
                self.assertEqual(reply.status, 503, n)
                self.assertIn('cluster "c2": ', reply.text)
        self.bad.fault = faults.raw(head + answer)

        def whole_answer():
            reply = self.post()
            return reply.status == 200 and reply.body
        body = eventually(whole_answer, "its breaker has closed again")
        self.assertEqual((body.count(b"limits"), body.count(b"c1"), body.count(b"c2")), (2, 1, 1))

    def test_a_client_that_goes_away(self):
        self.bad.fault = faults.hang()
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=30)
        connection.request("POST", "/api/v1/read", request("streamed", T, T + 60, "limits"), HEADERS)
        eventually(lambda: self.bad.counted("queries") == 1, "the cluster is asked")
        connection.close()
        eventually(lambda: self.bad.counted("closed") == 1, "the ask is canceled")
        eventually(lambda: self.program.metric("globalview_query_memory_bytes") == 0, "all memory is given back")


class SlowClients(unittest.TestCase):
    """A client that does not read its answer costs the answer's memory, once, and a buffer of bounded size."""

    @classmethod
    def setUpClass(cls):
        times = [T + 15 * i for i in range(1000)]
        text = openmetrics({"wave": ("gauge", [(f'i="{i}"', [(t, math.sin(t * (i + 1))) for t in times])
                                               for i in range(400)])})
        cls.backend = Prometheus(text)
        cls.addClassCleanup(cls.backend.stop)
        cls.program = Program(config(cls.backend.url))
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)

    def open(self, kind):
        body = request(kind, T, T + 15000, "wave")
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", self.program.port))
        head = "".join(f"{k}: {v}\r\n" for k, v in HEADERS.items())
        s.sendall(f"POST /api/v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body)
        return s

    def rss(self):
        with open(f"/proc/{self.program.process.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def test_it_gets_all_in_its_own_time(self):
        for kind in "streamed", "samples":
            with contextlib.closing(self.open(kind)) as s:
                eventually(lambda: self.program.metric("globalview_remote_reads_running") == 1, "the read runs")
                data = b""
                s.settimeout(30)
                while not data.endswith(b"0\r\n\r\n"):
                    piece = s.recv(65536)
                    self.assertTrue(piece, "the connection ended too early")
                    data += piece
                self.assertGreater(len(data), 3_000_000)
            eventually(lambda: self.program.metric("globalview_remote_reads_running") == 0, "the read ended")

    def test_an_answer_beyond_the_budget(self):
        with Program(config(self.backend.url) + "global: {max_query_memory: 1MiB}\n") as program:
            wait_until_known(program)
            for kind in "samples", "streamed":
                reply = program.request("POST", "/api/v1/read", request(kind, T, T + 15000, "wave"), HEADERS)
                self.assertEqual(reply.status, 422, reply.body)
                self.assertIn("out of memory budget: max_query_memory is", reply.text)

    def test_many_that_do_not_read(self):
        for _ in range(8):  # what this program needs once
            self.program.request("POST", "/api/v1/read", request("streamed", T, T + 15000, "wave"), HEADERS)
        before = self.rss()
        clients = [self.open("streamed") for _ in range(8)]
        try:
            eventually(lambda: self.program.metric("globalview_remote_reads_running") == 8, "all of them run")
            held = self.program.metric("globalview_query_memory_bytes")
            self.assertLess(held, 8 * 20_000_000)
            self.assertLess(self.rss() - before, held + 8 * 2_000_000)  # of answers of over 3 MB
        finally:
            for s in clients:
                s.close()
        eventually(lambda: self.program.metric("globalview_query_memory_bytes") == 0, "all memory is given back")


if __name__ == "__main__":
    unittest.main()
