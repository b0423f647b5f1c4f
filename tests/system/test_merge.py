"""`replicas: merge`: clusters whose replicas have gaps of their own answer as one Prometheus without any, beside a
cluster that is asked in the ordinary way."""
import http.client
import http.server
import itertools
import random
import signal
import socket
import threading
import unittest

import faults
import test_global_view as whole
from compare import by_labels, compare
from program import Program, eventually
from prometheus import Prometheus, openmetrics

T, SHIFT = whole.T, whole.SHIFT
REPLICAS = {"c1": 2, "c2": 3}  # c3 is an ordinary cluster
SERVERS, REFERENCE = {}, []


def draw_holes(rng, n, replicas):
    """For each of n samples the one replica that misses it, or None: stretches, by turns, as of servers that are down."""
    missing, at = [None] * n, rng.randrange(4)
    while at < n:
        who, length = rng.randrange(replicas), rng.choice((1, 1, 2, 3, 5, 8, 20))
        missing[at:at + length] = [who] * len(missing[at:at + length])
        at += length + rng.randrange(1, 12)
    return missing


def with_gaps(found, replicas, seed):
    """What each replica has: all of them miss stretches of whole scrapes, and of single series; some a series at all."""
    rng = random.Random(seed)
    parts = [{} for _ in range(replicas)]
    down = draw_holes(rng, 200, replicas)
    for name, (kind, series) in found.items():
        for part in parts:
            part[name] = (kind, [])
        for number, (labels, points) in enumerate(series):
            own = draw_holes(rng, len(points), replicas) if number % 3 == 1 else down
            alone = rng.randrange(replicas) if number % 5 == 2 else None
            for who, part in enumerate(parts):
                kept = [p for i, p in enumerate(points) if (own[i] != who if alone is None else alone == who)]
                if kept:
                    part[name][1].append((labels, kept))
    return [{name: rows for name, rows in part.items() if rows[1]} for part in parts]


def setUpModule():
    for number, name in enumerate(whole.NAMES):
        rows = whole.rows(name)
        parts = with_gaps(rows, REPLICAS[name], 7 + number) if name in REPLICAS else [rows]
        SERVERS[name] = [Prometheus(openmetrics(part), f"global: {{external_labels: {{dc: x, replica: r{i}}}}}\n")
                         for i, part in enumerate(parts)]
    REFERENCE.append(Prometheus(whole.everything()))
    for server in itertools.chain(*SERVERS.values(), REFERENCE):
        unittest.addModuleCleanup(server.stop)


def config(urls, more=""):
    """urls: {cluster: endpoints}"""
    text = "clusters:\n"
    for name, endpoints in urls.items():
        text += f"  - name: {name}\n    endpoints: [{', '.join(endpoints)}]\n"
        text += "    labels: {region: eu}\n" if name != "c3" else ""
        text += f"    replicas: merge\n{more}" if name in REPLICAS else ""
    return text


def urls():
    return {name: [s.url for s in servers] for name, servers in SERVERS.items()}


def replicas_of(program, cluster="c1"):
    clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
    return next(c for c in clusters if c["name"] == cluster)["replicas"]


def wait_until_known(program):
    """Every replica has said what labels it adds to samples."""
    eventually(lambda: all("externalLabels" in r for name in SERVERS for r in replicas_of(program, name)),
               "what the replicas can do is known")


class Merged(whole.PushedDown):
    """Everything that is asked of the global view."""

    @classmethod
    def setUpClass(cls):
        cls.reference = REFERENCE[0]
        cls.program = Program(config(urls()))
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)

    def test_one_replica_alone_would_not_do(self):
        """The gaps are real: what this file compares differs where a replica is asked alone."""
        wanted = self.reference.get("/api/v1/query", query="sum by (cluster) (count_over_time(requests_total[10m]))",
                                    time=T + 1203)[1]["data"]
        for name, servers in SERVERS.items():
            for server in servers:
                found = server.get("/api/v1/query", query="sum(count_over_time(requests_total[10m]))", time=T + 1203)[1]
                truth = by_labels(wanted)[1][(("cluster", name),)]
                same = by_labels(found["data"])[1][()][0][1] == truth[0][1]
                self.assertEqual(same, name not in REPLICAS, f"{name} {server.url}")

    def test_counts_of_samples(self):
        for query in ("count_over_time(requests_total[10m])", "sum(count_over_time(temperature[1m]))",
                      "sum_over_time(temperature[90s])", "count_over_time(requests_total{job='a'}[45s])",
                      "last_over_time(temperature[40s])", "timestamp(requests_total)", "requests_total[3m]"):
            with self.subTest(query):
                for t in range(T + 300, T + 1500, 7 * 15):
                    self.compare("/api/v1/query", query, {"time": t})
                if "]" != query[-1]:
                    self.compare("/api/v1/query_range", query, {"start": T, "end": T + 2000, "step": 15})

    def test_external_labels_are_no_labels_of_series(self):
        for query in ('requests_total{replica=~".+"}', 'count by (replica, dc) (requests_total)', 'limits{dc="x"}'):
            with self.subTest(query):
                self.compare("/api/v1/query", query, {"time": T + 1203})

    def test_metadata_is_the_union(self):
        for path, params in (("labels", {}), ("label/instance/values", {}), ("label/job/values", {}),
                             ("label/__name__/values", {"match[]": '{cluster="c2"}'}), ("label/region/values", {}),
                             ("label/cluster/values", {"match[]": "only_two"}),
                             ("series", {"match[]": ["requests_total", 'temperature{cluster="c1"}']}),
                             ("series", {"match[]": "{__name__=~'.+'}"})):
            with self.subTest(path, params=params):
                # the reference knows the injected labels as stored ones
                got = self.program.get("/api/v1/" + path, start=T, end=T + 3600, **params)
                status, wanted = self.reference.get("/api/v1/" + path, start=T, end=T + 3600, **params)
                self.assertEqual((got.status, status), (200, 200), got.text)
                key = (lambda s: sorted(s.items())) if path == "series" else None
                self.assertEqual(sorted(got.json["data"], key=key), sorted(wanted["data"], key=key))
                self.assertNotIn("warnings", got.json)

    def test_what_is_shown(self):
        reply = self.program.get("/api/v1/query", query="sum(rate(requests_total[5m]))", time=T + 1203, stats="all")
        parts = [(c["name"], c["replica"], c["failed"]) for c in reply.json["data"]["stats"]["clusters"]]
        self.assertEqual(parts, [(name, i, False) for name in SERVERS for i in range(len(SERVERS[name]))][:-1]
                         + [("c3", 0, False)])
        self.assertTrue(all(c["samples"] for c in reply.json["data"]["stats"]["clusters"]))
        plan = self.program.get("/api/v1/query_explain", query="sum(requests_total)", time=T)
        self.assertEqual(plan.text.count('"kind":"samples"'), 2, plan.text)
        for replicas in 2, 3:
            self.assertIn(f'"replicas":{replicas},"asks":[{{"kind":"samples","query":"requests_total[15m]"', plan.text)
        text = self.program.get("/api/v1/query_explain", {"Accept": "text/plain"}, query="sum(requests_total)", time=T).text
        self.assertIn("of 3 replicas, merged, adding", text)
        clusters = self.program.get("/api/v1/status/clusters").json["data"]["clusters"]
        self.assertEqual([c["replicaMode"] for c in clusters], ["merge", "merge", "failover"])
        self.assertEqual([r["externalLabels"] for r in clusters[1]["replicas"]],
                         [{"dc": "x", "replica": f"r{i}"} for i in range(3)])

    def test_one_cluster_alone(self):
        reply = self.program.get("/cluster/c1/api/v1/query", query="count(count_over_time(requests_total[10m]) == 40)",
                                 time=T + 1203)
        self.assertEqual(reply.json["data"]["result"][0]["value"][1], "4", reply.text)


class Reticent(http.server.BaseHTTPRequestHandler):
    """Stands before a Prometheus and does not show its configuration."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = http.client.HTTPConnection("127.0.0.1", self.server.backend, timeout=30)
        if self.path.startswith("/api/v1/status/config"):
            self.path = "/nothing"
        server.request(self.command, self.path, body, dict(self.headers))
        reply = server.getresponse()
        data = reply.read()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.headers["Content-Type"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        server.close()

    do_GET = do_POST = answer

    def log_message(self, *unused):
        pass


def reticent(test, port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reticent)
    server.daemon_threads, server.backend = True, port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addClassCleanup(server.server_close)
    test.addClassCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


class Matrices(whole.PushedDown):
    """What external labels the first replicas have is not known: their samples come as the matrices of instant queries,
    those of the others by remote read."""

    @classmethod
    def setUpClass(cls):
        cls.reference = REFERENCE[0]
        endpoints = urls()
        for name in REPLICAS:
            endpoints[name][0] = reticent(cls, SERVERS[name][0].port)
        cls.program = Program(config(endpoints))
        cls.addClassCleanup(cls.program.stop)
        eventually(lambda: all("externalLabels" in r or name in REPLICAS and not i for name in SERVERS
                               for i, r in enumerate(replicas_of(cls.program, name))), "the others are known")
        eventually(lambda: all(r["health"] == "up" for name in SERVERS for r in replicas_of(cls.program, name)), "all up")


class Random(unittest.TestCase):
    """More gaps, and more of them: the same questions, seed by seed."""
    QUERIES = ("rate(x_total[3m])", "increase(x_total[7m])", "count_over_time(x_total[2m])", "sum(x_total)", "x_total",
               "resets(x_total[20m])", "max_over_time(x_total[5m]) - min_over_time(x_total[5m])", "sum_over_time(g[4m])",
               "avg(avg_over_time(g[50s]))", "changes(g[10m])", "quantile_over_time(0.3, g[10m])", "g offset 3m",
               "last_over_time(x_total[1m] @ 1700000700)", "deriv(g[5m])", "absent(g{i='1'})", "irate(x_total[1m])")

    def rows(self, rng):
        times = [T + SHIFT + 15 * i for i in range(120)]
        counters, gauges = [], []
        for i in range(6):
            value, points = rng.randrange(100), []
            for t in times:
                value = 0 if rng.random() < 0.02 else value + rng.randrange(50)  # the process starts anew now and then
                points.append((t, value))
            counters.append((f'i="{i}"', points))
            gauges.append((f'i="{i}"', [(t, rng.randrange(1000)) for t in times]))
        return {"x_total": ("counter", counters), "g": ("gauge", gauges)}

    def test_gaps_at_random(self):
        for seed in (1, 2, 3):
            rng = random.Random(seed)
            rows, replicas = self.rows(rng), rng.randrange(2, 4)
            servers = [Prometheus(openmetrics(part), f"global: {{external_labels: {{replica: '{i}'}}}}\n")
                       for i, part in enumerate(with_gaps(rows, replicas, seed))]
            injected = {name: (kind, [(labels + ',cluster="m"', points) for labels, points in series])
                        for name, (kind, series) in rows.items()}
            servers.append(Prometheus(openmetrics(injected)))
            for server in servers:
                self.addCleanup(server.stop)
            text = f"clusters: [{{name: m, replicas: merge, endpoints: [{', '.join(s.url for s in servers[:-1])}]}}]\n"
            with Program(text) as program:
                eventually(lambda: all("externalLabels" in r for r in replicas_of(program, "m")), "labels are known")
                for query in self.QUERIES:
                    with self.subTest(query, seed=seed):
                        for path, params in (("/api/v1/query", {"time": T + 1000}), ("/api/v1/query", {"time": T + 1790}),
                                             ("/api/v1/query_range", {"start": T + 520, "end": T + 1780, "step": 45})):
                            compare(self, program, servers[-1], path, query, params)


class Failing(unittest.TestCase):
    """Replicas that fail: named in a warning as long as another one answers."""
    QUERY = "sum by (cluster) (requests_total)"

    def program(self, endpoints, *flags):
        program = Program(f"clusters: [{{name: c1, replicas: merge, timeout: 1s, endpoints: [{', '.join(endpoints)}]}}]\n",
                          *flags)
        self.addCleanup(program.stop)
        return program

    def replica(self):
        return Prometheus(openmetrics(whole.rows("c1")), "global: {external_labels: {replica: own}}\n")

    def test_a_replica_is_killed_and_comes_back(self):
        servers = [self.replica(), self.replica()]
        for server in servers:
            self.addCleanup(server.stop)
        program = self.program([s.url for s in servers])
        eventually(lambda: all("externalLabels" in r for r in replicas_of(program)), "the labels are known")

        def ask(**params):
            return program.query(self.QUERY, time=T + 1203, **params)
        wanted = ask()
        self.assertEqual(len(wanted.json["data"]["result"]), 1)
        self.assertNotIn("warnings", wanted.json)
        servers[1].process.send_signal(signal.SIGKILL)
        servers[1].process.wait(30)
        for _ in range(5):  # before and after its breaker opens
            reply = ask(partial_response="false")
            self.assertEqual(reply.json["data"], wanted.json["data"])
            self.assertEqual(len(reply.json["warnings"]), 1, reply.text)
            self.assertRegex(reply.json["warnings"][0], f'^cluster "c1": .*connect to 127.0.0.1:{servers[1].port}.*'
                             f'merged without the replica {servers[1].url}: there may be gaps')
        labels = program.get("/api/v1/label/job/values", start=T, end=T + 3600).json
        self.assertEqual((labels["data"], len(labels["warnings"])), (["a", "b"], 1))
        self.assertTrue(any(r["health"] == "down" for r in replicas_of(program)))
        servers[0].end()
        reply = ask()
        self.assertEqual((reply.status, reply.json["errorType"]), (503, "unavailable"), reply.text)
        for server in servers:
            self.assertIn(f"127.0.0.1:{server.port}", reply.json["error"])
        servers[1].start()
        reply = eventually(lambda: (r := ask()).status == 200 and r, "the one that came back answers")
        self.assertEqual(reply.json["data"], wanted.json["data"])

    def test_a_black_hole(self):
        server = self.replica()
        self.addCleanup(server.stop)
        with faults.Blackhole() as hole:
            program = self.program([server.url, hole.url])
            for _ in range(4):
                reply = program.query(self.QUERY, time=T + 1203)
                self.assertEqual((reply.status, len(reply.json["data"]["result"])), (200, 1), reply.text)
                self.assertIn(hole.url, reply.json["warnings"][0])

    def test_a_client_that_goes_away_ends_all_asks(self):
        backends = [faults.Backend(), faults.Backend()]
        for backend in backends:
            self.addCleanup(backend.stop)
            backend.fault = faults.hang()
        program = self.program([b.url for b in backends])
        with socket.create_connection(("127.0.0.1", program.port)) as client:
            client.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n")
            eventually(lambda: all(b.counted("queries") for b in backends), "both are asked")
        eventually(lambda: all(b.counted("closed") for b in backends), "both asks are ended")


if __name__ == "__main__":
    unittest.main()
