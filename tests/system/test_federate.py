"""/federate: the same bytes as a Prometheus that holds everything would give, as text and as protobuf; and real servers
that federate from us."""
import contextlib
import http.client
import time
import unittest
import urllib.parse
import urllib.request

import faults
import remote
from program import Program, eventually, wait_until_known
from prometheus import Prometheus

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
TYPE_TEXT = "text/plain; version=0.0.4; charset=utf-8"
TYPE_PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
JOB = "federation"  # what series without a job get
FLAGS = ["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"]
ALL = '{__name__=~".+"}'


def config(*urls, more=""):
    return "clusters:\n" + "".join(f"  - name: c{i}\n    endpoints: ['{url}']\n{more}" for i, url in enumerate(urls, 1))


def series(k, now, extra):
    """Of cluster k: floats of all kinds, some ended or too old, histograms, and one name of both."""
    one = lambda name, *points, **labels: remote.series({"__name__": name, **labels, **extra}, *points)
    at = lambda age, v: remote.sample(now - age, v)
    return [one("plain", at(40, 1), at(20 + k, k + .5), job="a"),
            one("plain", at(20, 1e-7 * k), job="b", instance="i:1"),
            one("plain", at(20, 1e21), job="c\\\"\n"),
            one("odd", at(20, float("nan")), kind="nan"), one("odd", at(20, float("inf")), kind="inf"),
            one("odd", at(20, -1234567.0), kind="large"), one("odd", at(20, 0.0), kind="zero"),
            one("ended", at(40, 1), at(20, remote.STALE)),
            one("back", at(60, remote.STALE), at(20, 3)),
            one("recent", at(150, 7)), one("old", at(330, 7)),
            one("latency", remote.histogram(now - 40, 1), remote.histogram(now - 20, 1 + k), job="a"),
            one("latency", remote.float_histogram(now - 20, k), job="b"),
            one("both", at(20, 1), job="a"), one("both", remote.histogram(now - 20, k), job="b"),
            one("both", at(20, 2), job="c"),
            one("turned", at(40, 1), remote.histogram(now - 20, 1)),
            one("only_" + "xyz"[k - 1], at(20, k))]


class Federation(unittest.TestCase):
    """Three servers behind us, and one that has all their series."""

    @classmethod
    def setUpClass(cls):
        *cls.backends, cls.reference = [Prometheus(flags=FLAGS) for _ in range(4)]
        for server in (*cls.backends, cls.reference):
            cls.addClassCleanup(server.stop)
        cls.now = now = int(time.time())
        for k, backend in enumerate(cls.backends, 1):
            remote.write(backend.url, *series(k, now, {}))
            remote.write(cls.reference.url, *series(k, now, {"cluster": f"c{k}"}))
        cls.program = Program(config(*(b.url for b in cls.backends)))
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)

    def get(self, accept, *match, url=None, more=""):
        query = urllib.parse.urlencode([("match[]", m) for m in match]) + more
        request = urllib.request.Request(f"{url or self.program.url}/federate?{query}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.headers["Content-Type"], reply.read()

    def same(self, accept, *match):
        got, wanted = self.get(accept, *match), self.get(accept, *match, url=self.reference.url)
        self.assertEqual(got, wanted)
        return got

    def test_text(self):
        content_type, body = self.same("text/plain", ALL)
        self.assertEqual(content_type, TYPE_TEXT)
        text = body.decode()
        self.assertEqual(text.count("\nplain{"), 9)
        for name, there in (("recent", True), ("back", True), ("old", False), ("ended", False), ("latency", False),
                            ("turned", False)):
            self.assertEqual(f"\n{name}{{" in text, there, name)

    def test_protobuf(self):
        content_type, body = self.same(PROTOBUF, ALL)
        self.assertEqual(content_type, TYPE_PROTOBUF)
        for name in b"latency", b"turned", b"plain":
            self.assertIn(name, body)

    def test_selections(self):
        for match in (['plain'], ['plain', 'plain{job="a"}'], ['odd{cluster="c2"}', 'both'], ['{cluster!="c1",job="a"}'],
                      ['{cluster=~"c[13]",__name__=~"only.*"}'], ['{job=~".*"}'], ['{cluster=~".*",kind=""}'],
                      ["nothing"], ['plain{cluster="nope"}'], []):
            for accept in "text/plain", PROTOBUF:
                with self.subTest(match, accept=accept):
                    self.same(accept, *match)

    def test_what_is_accepted(self):
        for accept in ("*/*", PROTOBUF + ";q=0.3,text/plain;version=0.0.4;q=0.5", "text/plain;q=0.3," + PROTOBUF,
                       "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/json"):
            self.same(accept, "plain")

    def test_errors(self):
        for match in "plain{", "", "rate(plain[5m])":
            for accept in "text/plain", PROTOBUF:
                reply = self.program.request("GET", "/federate?" + urllib.parse.urlencode({"match[]": match}),
                                             headers={"Accept": accept})
                self.assertEqual((reply.status, reply.headers["Content-Type"]), (400, "text/plain; charset=utf-8"))
                self.assertIn("parse error", reply.text)

    def test_a_cluster_that_pushes(self):
        """Its series are in the store."""
        with Program("storage: {}\ningest: {}\n" + config(*(b.url for b in self.backends[:2]))) as program:
            remote.write(program.url, *series(3, self.now, {"cluster": "c3"}))
            wait_until_known(program)
            for accept in "text/plain", PROTOBUF:
                for match in ALL, '{cluster!="c1",job="a"}', '{cluster="c3"}':
                    self.assertEqual(self.get(accept, match, url=program.url),
                                     self.get(accept, match, url=self.reference.url))

    def test_one_cluster(self):
        _, body = self.get("text/plain", "plain", url=self.program.url + "/cluster/c2")
        self.assertEqual(body, self.get("text/plain", 'plain{cluster="c2"}', url=self.reference.url)[1])

    def test_without_remote_read(self):
        """Samples then come as matrices, and what shows that series ended is asked for beside them."""
        with contextlib.ExitStack() as stack:
            backends = [stack.enter_context(faults.Backend(faults.relay(b.url))) for b in self.backends]
            for backend in backends:
                backend.pages["config"] = {}  # which tells no external labels
            program = stack.enter_context(Program(config(*(b.url for b in backends))))
            for match in ("plain", "odd", "ended", "back", "recent", "both", "turned", '{job="a",__name__="plain"}',
                          '{job=~".*"}', ALL):
                with self.subTest(match):
                    self.assertEqual(self.get("text/plain", match, url=program.url),
                                     self.get("text/plain", match, url=self.reference.url))
            self.assertEqual(self.get(PROTOBUF, "odd", url=program.url), self.get(PROTOBUF, "odd", url=self.reference.url))
            refused = program.request("GET", "/federate?match[]=latency", headers={"Accept": PROTOBUF})
            self.assertEqual(refused.status, 503)
            self.assertIn("native histograms can be had by remote read alone", refused.text)
            self.assertTrue(all(b.counted("/api/v1/query") for b in backends))
            self.assertFalse(any(b.counted("/api/v1/read") for b in backends))

    def test_nothing_is_left_behind(self):
        self.get(PROTOBUF, ALL)
        for gauge in "globalview_query_memory_bytes", "globalview_queries_running":
            eventually(lambda: self.program.metric(gauge) == 0, gauge)

    def federating(self, *flags):
        target = self.program.url.removeprefix("http://")
        server = Prometheus(config="scrape_configs: [{job_name: %s, scrape_interval: 1s, honor_labels: true, metrics_path: "
                            "/federate, params: {'match[]': ['%s']}, static_configs: [{targets: ['%s']}]}]\n"
                            % (JOB, ALL, target), flags=flags)
        self.addCleanup(server.stop)
        return server

    def compare(self, server, query):
        at = int(time.time())
        found = {}
        for where in server, self.reference:
            result = where.get("/api/v1/query", query=query, time=at)[1]["data"]["result"]
            found[where] = {tuple(sorted((k, v) for k, v in s["metric"].items() if (k, v) != ("job", JOB))):
                            (s.get("value") or s.get("histogram"))[1] for s in result}
        return found[server] == found[self.reference] and found[server]

    def test_a_prometheus_federates_text(self):
        server = self.federating()
        eventually(lambda: self.compare(server, '{__name__=~"plain|odd|back",kind!="nan"}'), "all floats have arrived")
        self.assertEqual(server.get("/api/v1/query", query="latency")[1]["data"]["result"], [])

    def test_a_prometheus_federates_histograms(self):
        """It asks for protobuf."""
        server = self.federating("--enable-feature=native-histograms")
        eventually(lambda: self.compare(server, '{__name__=~"plain|odd|back",kind!="nan"}'), "all floats have arrived")
        eventually(lambda: self.compare(server, 'latency{job="a"}'), "histograms of integers have arrived")
        eventually(lambda: self.compare(server, 'latency{job="b"}'), "histograms of floats have arrived")
        eventually(lambda: self.compare(server, "both"), "both have arrived")


class Failing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.alive = Prometheus(flags=FLAGS)
        cls.addClassCleanup(cls.alive.stop)
        now = int(time.time())
        remote.write(cls.alive.url, *series(1, now, {}))

    def setUp(self):
        self.bad = faults.Backend()
        self.addCleanup(self.bad.stop)
        self.program = Program(config(self.alive.url, self.bad.url))
        self.addCleanup(self.program.stop)
        wait_until_known(self.program)

    def get(self, **params):
        return self.program.get("/federate", {"Accept": PROTOBUF}, **{"match[]": "plain"}, **params)

    def test_a_cluster_that_fails(self):
        for fault in (faults.status(500), faults.reset_at(0), faults.raw(faults.head(
                200, "Content-Type: application/x-streamed-protobuf", "Content-Length: 500") + b"\x05aaaa")):
            self.bad.fault = fault
            reply = self.get()
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (503, "text/plain; charset=utf-8"))
            self.assertTrue(reply.text.startswith('cluster "c2": '), reply.text)
            some = self.get(partial_response="true")
            self.assertEqual((some.status, some.headers["Content-Type"]), (200, TYPE_PROTOBUF))
            self.assertIn(b"plain", some.body)

    def test_a_client_that_goes_away(self):
        self.bad.fault = faults.hang()
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=30)
        connection.request("GET", "/federate?match[]=plain")
        eventually(lambda: self.bad.counted("queries") == 1, "the cluster is asked")
        connection.close()
        eventually(lambda: self.bad.counted("closed") == 1, "the ask is canceled")
        eventually(lambda: self.program.metric("globalview_query_memory_bytes") == 0, "all memory is given back")


if __name__ == "__main__":
    unittest.main()
