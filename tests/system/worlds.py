"""Data over three clusters, in two layouts, and servers that hold it: each cluster's own, and a reference with everything
as a global view shows it. What stands here keeps off what Prometheus 2.42 does otherwise than 3.x:

  - samples lie at 12 s after multiples of 15 s, queries at 8 s (instant) and 3 s (range), the steps of subqueries at 0 s:
    no sample on the edge of a range of whole 15 s; ranges of subqueries in subqueries have odd seconds
  - counters start high and fall little: no rate is bounded by where a counter was zero
  - values are multiples of 1/64 of little size: sums of them are exact, in whatever order"""
import concurrent.futures
import math

import remote
from prometheus import Prometheus

T = 1_700_000_000
TIMES = [T + 7 + 15 * i for i in range(120)]
CLUSTERS = ("c1", "c2", "c3")
INJECTED = {"c1": {"cluster": "c1", "region": "eu"}, "c2": {"cluster": "c2", "region": "eu"},
            "c3": {"cluster": "c3", "zone": "z3"}}
LAYOUTS = ("spread", "same")  # of instances: each in one cluster, or the same ones in every cluster
TEXTS = ('"quoted"', "back\\slash", "ünïcode ☃", "a b", "{x=\"y\"},", "$1 ${1}", "two\nlines", "%41+&=#", "'")

# The same evaluation times in every test: instants, and (start, end, step).
INSTANTS = (T + 1203, T + 753, T + 1698)
RANGES = ((T + 613, T + 1500, 45), (T + 103, T + 1753, 105))
FINE = (T + 43, T + 1753, 15)


class Cluster:
    """The series of one cluster, as it has them itself: a list of (labels, [(seconds, value)])."""

    def __init__(self, name, layout):
        self.name, self.layout = name, layout
        self.number = CLUSTERS.index(name) + 1
        self.series, self.unique = [], 20 * (self.number - 1)
        self.add_counters()
        self.add_gauges()
        self.add_buckets()
        self.add_owners()
        self.add_gaps()
        self.add_odd()

    def instances(self):
        return [f"i{n}" if self.layout == "same" else f"{self.name}-{n}" for n in range(self.number % 2 + 2)]

    def add(self, name, labels, points):
        self.series.append(({"__name__": name, **labels}, list(points)))

    def fraction(self):
        """Another one at each call, in whatever cluster: no two values with different fractions are equal."""
        self.unique += 1
        return self.unique / 64

    def pairs(self):
        return [{"job": job, "instance": instance} for job in "ab" for instance in self.instances()]

    def add_counters(self):
        for n, labels in enumerate(self.pairs()):
            for code in ("200", "500"):
                step = self.number + 2 * n + (code == "200")
                fall = 53 if n == 2 else 1000  # the scrape after which it was set back, a little
                self.add("requests_total", {**labels, "code": code},
                         [(t, 5000 + 1000 * self.number + step * i + i * i // 16 - 150 * (i > fall))
                          for i, t in enumerate(TIMES)])

    def add_gauges(self):
        for n, labels in enumerate(self.pairs()):
            step, part = 3 + 2 * n + self.number, self.fraction()
            self.add("temperature", labels, [(t, i * step % 41 - 20 + part) for i, t in enumerate(TIMES)])
            self.add("memory_used", labels, [(t, 1 + i * step % 61) for i, t in enumerate(TIMES)])
            self.add("state", labels, [(t, (i // (5 + n) + self.number) % 3) for i, t in enumerate(TIMES)])
            if labels["job"] == "a":
                instance = {"instance": labels["instance"]}
                self.add("memory_total", instance, [(t, 64 + 64 * n) for t in TIMES])
                self.add("build_info", {**instance, "version": f"v{(n + self.number) % 2}"}, [(t, 1) for t in TIMES])
                self.add("started_seconds", instance, [(t, T - 1000 * n - self.number) for t in TIMES])
        for job in "ab":
            self.add("limits", {"job": job}, [(t, 100 * self.number + 10 * (job == "b")) for t in TIMES])
            self.add("constant", {"job": job}, [(t, 4) for t in TIMES])
            if self.name == "c2":
                self.add("only_two", {"job": job}, [(t, 1 + (job == "b")) for t in TIMES])
        if self.name != "c1":
            self.add("lonely", {}, [(t, 10 * self.number + i % 5) for i, t in enumerate(TIMES)])

    def add_buckets(self):
        bounds = ("0.1", "0.5", "1", "2.5", "+Inf") if self.name != "c3" else ("0.1", "0.25", "1", "+Inf")
        for n, labels in enumerate(self.pairs()[::2]):
            total = [9000 + (self.number + n) * i for i in range(120)]
            for k, le in enumerate(bounds):
                self.add("latency_bucket", {**labels, "le": le},
                         [(t, total[i] * (k + 1) // len(bounds)) for i, t in enumerate(TIMES)])
            self.add("latency_count", labels, zip(TIMES, total))
            self.add("latency_sum", labels, [(t, v / 4) for t, v in zip(TIMES, total)])

    def add_owners(self):
        """Series that carry labels of the names that are injected, in this cluster or another."""
        own = ({}, {"cluster": "own"}, {"region": "mine"}, {"exported_cluster": "older"},
               {"cluster": "own", "exported_cluster": "older"}, {"cluster": "own", "region": "mine", "zone": "there"},
               {"exported_region": "old"}, {"cluster": self.name})
        for n, labels in enumerate(own):
            part = self.fraction()
            self.add("owned", {"id": str(n), "job": "ab"[n % 2], **labels},
                     [(t, n + i % (7 + n) + part) for i, t in enumerate(TIMES)])

    def add_gaps(self):
        def some(name, labels, there):
            """there: of a scrape's number: True: a sample, None: a stale marker."""
            part = self.fraction()
            found = [(t, there(i), i) for i, t in enumerate(TIMES)]
            self.add(name, labels, [(t, remote.STALE if is_there is None else i % 9 + part)
                                    for t, is_there, i in found if is_there is not False])
        end = 35 + 5 * self.number
        some("ended", {"job": "a"}, lambda i: i < end or (None if i == end else False))
        some("ended", {"job": "b"}, lambda i: i < end + 10)
        some("begun", {"job": "a"}, lambda i: i > end)
        some("flapping", {"job": "a"}, lambda i: i % 20 < 11 or (None if i % 20 == 11 else False))
        some("flapping", {"job": "b"}, lambda i: i % 13 < 5 or (None if i % 13 == 5 else False))
        some("sparse", {"job": "a"}, lambda i: i % 16 == self.number)
        some("sparse", {"job": "b"}, lambda i: i % 26 == self.number)  # further apart than the lookback
        if self.name == "c1":
            some("sparse", {"job": "c"}, lambda i: i in (50, 83))
        self.add("uneven", {"job": "a"}, [(t + i * 37 % 1400 / 1000, i % 12 + self.number)
                                          for i, t in enumerate(TIMES)])

    def add_odd(self):
        for kind, value in (("nan", math.nan), ("inf", math.inf), ("neg", -math.inf), ("zero", 0.0), ("one", 1.0)):
            self.add("special", {"kind": kind}, [(t, value) for t in TIMES])
        self.add("special", {"kind": "turns"}, [(t, (math.nan, 1.0, math.inf)[i // 9 % 3]) for i, t in enumerate(TIMES)])
        self.add("huge", {}, [(t, 1.5e308) for t in TIMES])
        self.add("mixed", {"n": "1"}, [(t, math.nan if self.name == "c1" else 7.0 * self.number) for t in TIMES])
        for n, text in enumerate(TEXTS):
            self.add("odd", {"text": text}, [(t, n + self.number) for t in TIMES])

    def everywhere(self):
        """The same series as a global view shows them."""
        return self.shown(self.series)

    def shown(self, series):
        injected = INJECTED[self.name]

        def name(label):
            plain = label
            while plain not in injected and plain.startswith("exported_"):
                plain = plain[len("exported_"):]
            return "exported_" + label if plain in injected else label
        return [({**{name(k): v for k, v in labels.items()}, **injected}, points) for labels, points in series]

    def natives(self):
        """A series of native histograms, as what is to be written of them."""
        return [({"__name__": "native", "part": "whole"},
                 [remote.histogram(t, i + self.number) for i, t in enumerate(TIMES[20:100])])]


def encoded(all_series):
    return [remote.series(labels, *(p if isinstance(p, bytes) else remote.sample(*p) for p in points))
            for labels, points in all_series]


def server(*all_series, external_labels=None):
    config = f"global: {{scrape_interval: 15s, external_labels: {external_labels or {}}}}\n"
    started = Prometheus(None, config, flags=["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"])
    remote.write(started.url, *encoded(all_series))
    return started


class World:
    """Servers of one layout. `without`: names of clusters; for each a further reference that lacks it. `natives`: there
    are native histograms too."""

    def __init__(self, layout, without=(), natives=False):
        self.layout = layout
        clusters = {name: Cluster(name, layout) for name in CLUSTERS}
        series = self.series = {name: c.series + c.natives() * natives for name, c in clusters.items()}
        wanted = list(series.values())
        for missing in (None, *without):
            wanted.append([s for name, c in clusters.items() if name != missing for s in c.shown(series[name])])
        with concurrent.futures.ThreadPoolExecutor() as pool:
            started = list(pool.map(lambda one: server(*one), wanted))
        self.backends = dict(zip(CLUSTERS, started))
        self.reference = started[len(CLUSTERS)]
        self.without = dict(zip(without, started[len(CLUSTERS) + 1:]))

    def config(self, urls=None, every="", more=None, top="", names=CLUSTERS, stored=()):
        """urls: of endpoints, where not the servers' own; every, more: lines for all clusters, and by name; names: of
        those that are there. stored: names of clusters that push (`push`) and have no endpoints."""
        if stored:
            top += "storage: {}\ningest: {}\n"
        text = top + "clusters:\n"
        for name in names:
            others = {k: v for k, v in INJECTED[name].items() if k != "cluster"}
            labels = ", ".join(f"{k}: {v}" for k, v in others.items())
            endpoint = (urls or {}).get(name, self.backends[name].url)
            text += f"  - name: {name}\n    labels: {{{labels}}}\n"
            if name not in stored:
                text += f"    endpoints: [{endpoint}]\n" + every + (more or {}).get(name, "")
        return text

    def push(self, url, name):
        """Sends the cluster's own series to a program, as its Prometheus would."""
        remote.write(f"{url}/cluster/{name}", *encoded(self.series[name]))

    def stop(self):
        for one in (*self.backends.values(), self.reference, *self.without.values()):
            one.stop()
