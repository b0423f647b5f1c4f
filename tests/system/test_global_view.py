"""Queries over three real Prometheus servers equal those of a fourth that holds everything, labels included."""
import itertools
import math
import unittest
import urllib.request

from compare import compare
from program import Program, eventually
from prometheus import Prometheus, openmetrics

T = 1700000000
SHIFT = 7  # samples stay off the boundaries of ranges, where 2.42 differs from 3.x
NAMES = ("c1", "c2", "c3")
INJECTED = {"c1": 'cluster="c1",region="eu"', "c2": 'cluster="c2",region="eu"', "c3": 'cluster="c3"'}


def rows(cluster):
    """{metric: (type, [(labels, [(time, value)])])} of one cluster, without injected labels."""
    seed = NAMES.index(cluster) + 1
    times = [T + SHIFT + 15 * i for i in range(120)]
    requests, temperature, buckets = [], [], []
    for job, instance in itertools.product("ab", range(seed + 1)):
        labels = f'job="{job}",instance="i{instance}"'
        step = seed * (instance + 1) + (job == "b")
        requests.append((labels, [(t, 5000 * seed + step * i) for i, t in enumerate(times)]))
        temperature.append((labels, [(t, round(math.sin(i / 7 + step) * 10 * seed, 3)) for i, t in enumerate(times)]))
        for k, le in enumerate(("0.1", "0.5", "1", "+Inf")):
            buckets.append((labels + f',le="{le}"', [(t, 9000 + (k + 1) * step * i) for i, t in enumerate(times)]))
    found = {"requests_total": ("counter", requests), "temperature": ("gauge", temperature),
             "latency_bucket": ("gauge", buckets),
             "limits": ("gauge", [('job="a"', [(t, 100 * seed) for t in times])])}
    if cluster == "c2":
        found["only_two"] = ("gauge", [('job="a"', [(t, 1) for t in times])])
    return found


def everything():
    merged = {}
    for cluster in NAMES:
        for name, (kind, series) in rows(cluster).items():
            merged.setdefault(name, (kind, []))[1].extend((f"{labels},{INJECTED[cluster]}", points) for labels, points in series)
    return openmetrics(merged)


QUERIES = """
requests_total
{__name__=~"requests_total|limits"}
requests_total{cluster="c1"}
requests_total{cluster!="c1",job="a"}
requests_total{region="eu"}
requests_total{region=""}
requests_total{cluster=~"c[23]"}
requests_total{cluster="nope"}
rate(requests_total[5m])
sum(rate(requests_total[5m]))
sum by (job) (rate(requests_total[5m]))
sum by (cluster) (rate(requests_total[5m]))
sum by (cluster, job) (rate(requests_total[5m]))
sum by (region) (requests_total)
sum without (instance) (requests_total)
sum without (cluster) (requests_total)
sum without () (requests_total)
avg(temperature)
avg by (job) (temperature)
min by (job) (temperature)
max(temperature)
count(requests_total)
count by (region) (requests_total)
group by (job) (requests_total)
stddev(temperature)
stdvar by (job) (temperature)
quantile(0.9, temperature)
quantile by (job) (0.25, temperature)
topk(2, temperature)
bottomk by (job) (1, temperature)
count_values("v", limits)
count_values("cluster", limits)
count(sum by (cluster) (requests_total))
sum(sum by (cluster) (requests_total) > 16000)
histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))
histogram_quantile(0.5, sum by (le, cluster) (rate(latency_bucket[5m])))
histogram_quantile(0.5, rate(latency_bucket[5m]))
requests_total / on (cluster, job, instance) requests_total
requests_total / on (cluster, job) group_left limits
requests_total / on (cluster) group_left () limits
sum by (cluster, region) (requests_total) / sum by (cluster) (requests_total)
sum by (cluster) (requests_total) / on (cluster) sum by (cluster) (limits)
sum(requests_total) / sum(limits)
requests_total / ignoring (job, instance) group_left sum without (job, instance) (requests_total)
requests_total / scalar(sum(requests_total))
requests_total / on () group_left sum(requests_total)
sum by (job) (requests_total) / on (job) group_left () sum by (job) (limits)
requests_total{cluster="c1"} / on (job, instance) requests_total{cluster="c2"}
temperature > 0
temperature > bool 0
temperature > on (job) group_left () max by (job) (limits) - 90
requests_total and on (job) only_two
requests_total unless on (job) only_two
requests_total unless requests_total{cluster="c2"}
requests_total{cluster="c1"} or requests_total{cluster="c3"}
requests_total{cluster="c1"} or vector(0)
only_two or on () vector(7)
absent(requests_total)
absent(nope)
absent(nope{cluster="c1"})
absent(nope{cluster=~"c1"})
absent(requests_total{cluster="c1"})
absent_over_time(nope{job="x"}[5m])
absent(only_two{cluster="c1"})
scalar(only_two)
scalar(only_two{cluster="c2"})
scalar(limits)
vector(1)
1 + 1
time()
"text"
pi() * 2
hour()
timestamp(temperature)
timestamp(temperature{cluster="c3"}) - time()
abs(temperature)
-temperature
clamp(temperature, -1, 1)
round(temperature, 0.5)
sort(temperature)
sort_desc(limits)
label_replace(limits, "where", "$1", "cluster", "(.*)")
label_replace(limits, "cluster", "x-$1", "cluster", "(.*)")
label_join(limits, "both", "-", "cluster", "job")
label_replace(limits, "job", "z", "job", ".*")
sum by (job) (label_replace(limits, "job", "z", "cluster", "c1"))
max_over_time(temperature[10m])
sum(max_over_time(temperature[10m]))
quantile_over_time(0.5, temperature[10m])
max_over_time(sum(temperature)[10m:1m])
avg_over_time(rate(requests_total[2m])[10m:30s])
sum(avg_over_time(rate(requests_total[2m])[10m:30s]))
rate(sum(requests_total)[10m:1m])
requests_total offset 5m
sum(requests_total offset 5m)
requests_total @ 1700000600
sum(requests_total @ 1700000600)
sum(rate(requests_total[5m] @ end()))
changes(limits[5m])
resets(requests_total[5m])
deriv(temperature[5m])
predict_linear(temperature[5m], 600)
irate(requests_total[1m])
increase(requests_total[5m])
delta(temperature[5m])
day_of_week(limits)
sum by (exported_cluster) (requests_total)
sum(requests_total{exported_cluster=""})
count by (__name__) ({__name__=~"requests_total|limits"})
sum(only_two) / sum(requests_total)
sum(only_two + on (job, cluster) group_left () limits)
avg(sum by (cluster) (temperature))
max by (cluster) (avg by (cluster, job) (temperature))
topk(1, sum by (cluster) (requests_total))
sum(topk(1, requests_total))
count(topk by (cluster) (1, temperature))
(sum(requests_total) - sum(requests_total)) / 0
sum(requests_total * 0)
stddev(limits * 0)
min(requests_total) or max(requests_total)
sum(requests_total) by (job) > 100000
bool_like_name or limits
""".strip().splitlines()
FAILING = """
requests_total / on (job) requests_total
sum by (job) (requests_total) / on () limits
label_replace(requests_total, "instance", "", "instance", ".*")
label_replace(limits, "cluster", "same", "", "")
""".strip().splitlines()


BACKENDS, REFERENCE = [], []


def setUpModule():
    BACKENDS.extend(Prometheus(openmetrics(rows(name))) for name in NAMES)
    REFERENCE.append(Prometheus(everything()))
    for server in BACKENDS + REFERENCE:
        unittest.addModuleCleanup(server.stop)


class PushedDown(unittest.TestCase):
    """pushdown: auto, the default: each cluster is sent the largest part that it can answer alone."""
    MORE = ""

    @classmethod
    def setUpClass(cls):
        cls.reference = REFERENCE[0]
        cls.program = Program("clusters:\n" + "".join(
            f"  - name: {name}\n    endpoints: [{backend.url}]\n" + cls.MORE
            + ("    labels: {region: eu}\n" if name != "c3" else "") for name, backend in zip(NAMES, BACKENDS)))
        cls.addClassCleanup(cls.program.stop)
        cls.wait_until_known()

    @classmethod
    def wait_until_known(cls):
        def known():
            clusters = cls.program.get("/api/v1/status/clusters").json["data"]["clusters"]
            return all(c["abilities"].get("remoteRead") for c in clusters)
        eventually(known, "what the backends can do is known")

    def compare(self, path, query, params):
        compare(self, self.program, self.reference, path, query, params)

    def test_instant(self):
        for query in QUERIES:
            with self.subTest(query):
                self.compare("/api/v1/query", query, {"time": T + 1203})

    def test_range(self):
        for query in QUERIES:
            if query != '"text"' and not query.startswith("sort"):  # 3.x warns that sort is without effect there
                with self.subTest(query):
                    self.compare("/api/v1/query_range", query, {"start": T + 613, "end": T + 1500, "step": 45})

    def test_order_of_sorted_vectors(self):
        for query in ("sort(temperature)", "sort_desc(temperature)", "topk(3, temperature)", "bottomk(3, temperature)"):
            with self.subTest(query):
                got = self.program.get("/api/v1/query", query=query, time=T + 1203).json["data"]["result"]
                wanted = self.reference.get("/api/v1/query", query=query, time=T + 1203)[1]["data"]["result"]
                self.assertEqual([s["value"][1] for s in got], [s["value"][1] for s in wanted])

    def test_functions_that_the_backends_do_not_know_yet(self):
        """first_over_time() of what only grows is its minimum; 2.42 has no such function and is asked for samples."""
        for query in ("sum(first_over_time(requests_total[5m]))", "first_over_time(requests_total[5m]) * 1",
                      "sum by (cluster) (first_over_time(requests_total[5m])) / sum by (cluster) (requests_total)"):
            known = query.replace("first_over_time", "min_over_time")
            for path, params in (("/api/v1/query", {"time": T + 1203}),
                                 ("/api/v1/query_range", {"start": T + 613, "end": T + 1500, "step": 45})):
                with self.subTest(query, path=path):
                    reply = self.program.get(path, query=query, **params)
                    self.assertEqual(reply.status, 200, reply.text)
                    self.assertEqual(reply.json["data"], self.program.get(path, query=known, **params).json["data"])
                    self.assertNotIn("warnings", reply.json)

    def test_errors(self):
        for query in FAILING:
            with self.subTest(query):
                reply = self.program.get("/api/v1/query", query=query, time=T + 1203)
                status, wanted = self.reference.get("/api/v1/query", query=query, time=T + 1203)
                self.assertEqual((reply.status, reply.json.get("errorType")), (status, wanted.get("errorType")), reply.text)


class RawSamples(PushedDown):
    """pushdown: never: samples come by remote read, everything is evaluated here."""
    MORE = "    pushdown: never\n"

    def test_samples_came_by_remote_read(self):
        stats = self.program.query("sum(rate(requests_total[5m]))", time=T + 1203, stats="all").json["data"]["stats"]
        self.assertTrue(all(c["samples"] > 20 for c in stats["clusters"]), stats)
        for backend in BACKENDS:
            metrics = urllib.request.urlopen(backend.url + "/metrics", timeout=10).read().decode()
            self.assertRegex(metrics, r'prometheus_http_requests_total{code="200",handler="/api/v1/read"} [1-9]')


if __name__ == "__main__":
    unittest.main()
