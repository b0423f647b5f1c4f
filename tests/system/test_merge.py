"""`replicas: merge`: clusters whose replicas have gaps of their own answer as one Prometheus without any, beside a
cluster that is asked in the ordinary way."""
import http.client
import http.server
import random
import signal
import socket
import threading
import time
import unittest
import urllib.parse
import urllib.request

import faults
import remote
import test_global_view as global_view
import test_read
from compare import by_labels
from differential import Case, Differential, at, over
from program import Program, eventually
from prometheus import Prometheus, openmetrics
from worlds import CLUSTERS, LAYOUTS, T, Cluster, World, server

REPLICAS = {"c1": 2, "c2": 3}  # c3 is an ordinary cluster
WORLDS = {}


def draw_holes(rng, n, replicas):
    """For each of n samples the one replica that misses it, or None: stretches, by turns, as of servers that are down."""
    missing, i = [None] * n, rng.randrange(4)
    while i < n:
        who, length = rng.randrange(replicas), rng.choice((1, 1, 2, 3, 5, 8, 20))
        missing[i:i + length] = [who] * len(missing[i:i + length])
        i += length + rng.randrange(1, 12)
    return missing


def with_gaps(all_series, replicas, seed):
    """What each replica has of [(labels, points)]: all miss stretches of whole scrapes, and of single series; some a
    series at all."""
    rng = random.Random(seed)
    parts = [[] for _ in range(replicas)]
    times = sorted({t for _, points in all_series for t, _ in points})
    down = dict(zip(times, draw_holes(rng, len(times), replicas)))
    for number, (labels, points) in enumerate(all_series):
        if labels["__name__"] == "sparse":  # of so few samples nobody can tell which are missing
            for part in parts:
                part.append((labels, points))
            continue
        own = draw_holes(rng, len(points), replicas) if number % 3 == 1 else [down[t] for t, _ in points]
        alone = rng.randrange(replicas) if number % 7 == 2 else None
        for who, part in enumerate(parts):
            kept = [p for p, missing in zip(points, own) if (missing != who if alone is None else alone == who)]
            if kept:
                part.append((labels, kept))
    return parts


class Replicated(World):
    """A world whose clusters have replicas with gaps."""

    def __init__(self, layout, seed):
        super().__init__(layout)
        self.replicas = {name: [server(*part, external_labels={"dc": "x", "replica": f"r{i}"}) for i, part in
                                enumerate(with_gaps(Cluster(name, layout).series, n, seed))]
                         for name, n in REPLICAS.items()}

    def urls(self):
        return {name: [s.url for s in servers] for name, servers in self.replicas.items()}

    def merging(self, urls=None):
        urls = urls or self.urls()
        return self.config({name: ", ".join(endpoints) for name, endpoints in urls.items()},
                           more={name: "    replicas: merge\n" for name in REPLICAS})

    def stop(self):
        super().stop()
        for servers in self.replicas.values():
            for one in servers:
                one.stop()


def setUpModule():
    for seed, layout in enumerate(LAYOUTS):
        WORLDS[layout] = Replicated(layout, seed)
        unittest.addModuleCleanup(WORLDS[layout].stop)


def replicas_of(program, cluster="c1"):
    clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
    return next(c for c in clusters if c["name"] == cluster)["replicas"]


def wait_until_known(program, clusters=CLUSTERS):
    """Every replica has said what labels it adds to samples."""
    eventually(lambda: all("externalLabels" in r for name in clusters for r in replicas_of(program, name)),
               "what the replicas can do is known")


COUNTS = """
count_over_time(requests_total[10m])
sum(count_over_time(temperature[1m]))
sum_over_time(memory_used[2m])
count_over_time({__name__=~".+",job="a"}[45s])
last_over_time(temperature[31s])
timestamp(requests_total)
timestamp({__name__=~"ended|begun|flapping|sparse"})
{__name__=~"ended|begun|flapping|sparse"}
count_over_time({__name__=~"ended|begun|flapping|sparse"}[4m])
changes(uneven[10m])
resets(requests_total[30m])
requests_total{replica=~".+"}
count by (replica, dc) (requests_total)
limits{dc="x"}
""".strip().splitlines()


class Merging:
    """Everything that is asked of the global view, and what shows that samples are missing or twice."""

    @classmethod
    def setUpClass(cls):
        cls.world = WORLDS[cls.layout]
        cls.program = Program(cls.world.merging())
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)
        cls.differential = Differential(cls.program.url, cls.world.reference.url)
        cls.addClassCleanup(cls.differential.close)

    def expect_none(self, cases):
        findings = self.differential.run(cases)
        self.assertEqual(len(findings), 0, "\n".join(map(self.differential.explain, findings[:5])))

    def test_queries(self):
        for name, queries in global_view.sections():
            with self.subTest(name):
                self.expect_none([case for _, query in queries for case in global_view.forms(query)])

    def test_samples_are_there_once(self):
        for query in COUNTS:
            with self.subTest(query):
                self.expect_none([Case(query, at(t)) for t in range(T + 303, T + 1900, 105)]
                                 + [Case(query, over(T + 3, T + 2103, 15))])
        self.expect_none([Case('{__name__=~"requests_total|flapping|ended|sparse"}[4m]', at(t))
                          for t in range(T + 3, T + 2103, 150)])


class Spread(Merging, unittest.TestCase):
    layout = "spread"

    def test_one_replica_alone_would_not_do(self):
        """The gaps are real: each server's own count differs from the truth."""
        case = Case("sum by (cluster) (count_over_time(requests_total[10m]))", at(T + 1203))
        wanted = by_labels(self.differential.expected(case)[1]["data"])[1]
        for name, servers in self.world.replicas.items():
            for one in servers:
                found = one.get("/api/v1/query", query="sum(count_over_time(requests_total[10m]))", time=T + 1203)[1]
                self.assertNotEqual(by_labels(found["data"])[1][()], wanted[(("cluster", name),)])

    def test_metadata_is_the_union(self):
        for path, params in (("labels", {}), ("label/instance/values", {}), ("label/job/values", {}),
                             ("label/__name__/values", {"match[]": '{cluster="c2"}'}), ("label/region/values", {}),
                             ("label/cluster/values", {"match[]": "only_two"}),
                             ("series", {"match[]": ["requests_total", 'temperature{cluster="c1"}']}),
                             ("series", {"match[]": "{__name__=~'.+'}"})):
            with self.subTest(path, params=params):
                got = self.program.get("/api/v1/" + path, start=T, end=T + 3600, **params)
                status, wanted = self.world.reference.get("/api/v1/" + path, start=T, end=T + 3600, **params)
                self.assertEqual((got.status, status), (200, 200), got.text)
                key = (lambda s: sorted(s.items())) if path == "series" else None
                self.assertEqual(sorted(got.json["data"], key=key), sorted(wanted["data"], key=key))
                self.assertNotIn("warnings", got.json)

    def test_what_is_shown(self):
        reply = self.program.get("/api/v1/query", query="sum(rate(requests_total[5m]))", time=T + 1203, stats="all")
        parts = reply.json["data"]["stats"]["clusters"]
        self.assertEqual([(c["name"], c["replica"], c["failed"]) for c in parts],
                         [(name, i, False) for name in CLUSTERS for i in range(REPLICAS.get(name, 1))])
        self.assertTrue(all(c["samples"] for c in parts))
        plan = self.program.get("/api/v1/query_explain", query="sum(requests_total)", time=T)
        self.assertEqual(plan.text.count('"kind":"samples"'), 2, plan.text)
        for replicas in REPLICAS.values():
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
        self.assertEqual(reply.json["data"]["result"][0]["value"][1], "12", reply.text)


class Same(Merging, unittest.TestCase):
    layout = "same"


class ReadThrough(test_read.ThroughUs):
    """Remote read is served of what is merged."""

    @classmethod
    def setUpClass(cls):
        cls.world = WORLDS["spread"]
        cls.program = Program(cls.world.merging())
        cls.addClassCleanup(cls.program.stop)
        wait_until_known(cls.program)
        cls.reader = test_read.reader_of(cls.program.url + "/api/v1/read")
        cls.addClassCleanup(cls.reader.stop)


class Federated(unittest.TestCase):
    def test_the_latest_samples(self):
        """One replica is down since a while, the other one came up only then."""
        now = int(time.time())
        times = range(now - 900, now - 9, 15)
        early, late = times[:-8], times[-12:]
        values = {t: i for i, t in enumerate(times)}

        def series(name, times, *more, **labels):
            return {"__name__": name, **labels}, [(t, values[t]) for t in times] + list(more)
        ended = (now - 40, remote.STALE)
        both = [[series("up", early, job="a"), series("gone", early, job="a"), series("ended", early)],
                [series("up", late, job="a"), series("new", late, job="b"), series("ended", late[:-3], ended)]]
        servers = [server(*part, external_labels={"replica": str(i)}) for i, part in enumerate(both)]
        servers.append(server(*(({**labels, "cluster": "m"}, points) for labels, points in (
            series("up", times, job="a"), series("gone", early, job="a"), series("new", late, job="b"),
            series("ended", times[:-3], ended)))))
        for one in servers:
            self.addCleanup(one.stop)
        with Program(f"clusters: [{{name: m, replicas: merge, endpoints: [{servers[0].url}, {servers[1].url}]}}]\n") as p:
            wait_until_known(p, ["m"])
            path = "/federate?" + urllib.parse.urlencode({"match[]": '{__name__=~".+"}'})
            wanted = urllib.request.urlopen(servers[2].url + path, timeout=30).read().decode()
            self.assertEqual(p.get(path).text, wanted)
            self.assertIn('new{', wanted)
            self.assertNotIn("ended", wanted)
            servers[0].end()  # now it is missing, which federation has no way to say
            self.assertEqual(p.get(path).status, 200)


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
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reticent)
    front.daemon_threads, front.backend = True, port
    threading.Thread(target=front.serve_forever, daemon=True).start()
    test.addCleanup(front.server_close)
    test.addCleanup(front.shutdown)
    return f"http://127.0.0.1:{front.server_port}"


class Matrices(unittest.TestCase):
    """What external labels the first replicas have is not known: their samples come as the matrices of instant queries,
    those of the others by remote read. Of series that end matrices do not say so."""

    def test_queries(self):
        world = WORLDS["spread"]
        urls = world.urls()
        for name in REPLICAS:
            urls[name][0] = reticent(self, world.replicas[name][0].port)
        program = Program(world.merging(urls))
        self.addCleanup(program.stop)
        eventually(lambda: all("externalLabels" in r or name in REPLICAS and not i for name in CLUSTERS
                               for i, r in enumerate(replicas_of(program, name))), "the others are known")
        eventually(lambda: all(r["health"] == "up" for name in CLUSTERS for r in replicas_of(program, name)), "all up")
        queries = [query for name, queries in global_view.sections() if name.startswith(("dashboards", "names"))
                   for _, query in queries] + [q for q in COUNTS if "ended" not in q]
        d = Differential(program.url, world.reference.url)
        self.addCleanup(d.close)
        findings = d.run([case for query in queries for case in global_view.forms(query)])
        self.assertEqual(len(findings), 0, "\n".join(map(d.explain, findings[:5])))


class Random(unittest.TestCase):
    """More gaps, and more of them: the same questions, seed by seed."""
    QUERIES = ("rate(x_total[3m])", "increase(x_total[7m])", "count_over_time(x_total[2m])", "sum(x_total)", "x_total",
               "resets(x_total[20m])", "max_over_time(x_total[5m]) - min_over_time(x_total[5m])", "sum_over_time(g[4m])",
               "avg(avg_over_time(g[50s]))", "changes(g[10m])", "quantile_over_time(0.3, g[10m])", "g offset 3m",
               "last_over_time(x_total[1m] @ 1700000700)", "deriv(g[5m])", "absent(g{i='1'})", "irate(x_total[1m])")

    def series(self, rng):
        found = []
        for i in range(6):
            value, points, times = rng.randrange(1000, 2000), [], [T + 7 + 15 * k for k in range(120)]
            for t in times:
                value = value // 2 if rng.random() < 0.02 else value + rng.randrange(50)  # it is set back now and then
                points.append((t, value))
            found.append(({"__name__": "x_total", "i": str(i)}, points))
            found.append(({"__name__": "g", "i": str(i)}, [(t, rng.randrange(1000)) for t in times]))
        return found

    def test_gaps_at_random(self):
        for seed in range(4):
            rng = random.Random(seed)
            series, replicas = self.series(rng), rng.randrange(2, 4)
            servers = [server(*part, external_labels={"replica": str(i)})
                       for i, part in enumerate(with_gaps(series, replicas, seed))]
            servers.append(server(*(({**labels, "cluster": "m"}, points) for labels, points in series)))
            for one in servers:
                self.addCleanup(one.stop)
            text = f"clusters: [{{name: m, replicas: merge, endpoints: [{', '.join(s.url for s in servers[:-1])}]}}]\n"
            with Program(text) as program:
                wait_until_known(program, ["m"])
                d = Differential(program.url, servers[-1].url)
                self.addCleanup(d.close)
                findings = d.run([Case(query, times) for query in self.QUERIES for times in (
                    at(T + 1000), at(T + 1790), at(T + 1900), over(T + 523, T + 1783, 45))])
                self.assertEqual(len(findings), 0, f"seed {seed}\n" + "\n".join(map(d.explain, findings[:5])))


class Failing(unittest.TestCase):
    """Replicas that fail: named in a warning as long as another one answers."""
    QUERY = "sum by (cluster) (requests_total)"

    def program(self, endpoints, *flags):
        program = Program(f"clusters: [{{name: c1, replicas: merge, timeout: 1s, endpoints: [{', '.join(endpoints)}]}}]\n",
                          *flags)
        self.addCleanup(program.stop)
        return program

    def replica(self):
        return Prometheus(openmetrics({"requests_total": ("counter", [(f'job="{j}"', [(T + 7 + 15 * i, i) for i in range(120)])
                                                              for j in "ab"])}), "global: {external_labels: {replica: own}}\n")

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
