"""Label names, label values, series and exemplars over three clusters: what a Prometheus that holds everything answers,
injected labels included. An injected label is there where its cluster has a matching series."""
import unittest

import remote
from program import Program, wait_until_known
from prometheus import Prometheus
from worlds import CLUSTERS, INJECTED, LAYOUTS, T, World

ALL = "{__name__=~'.+'}"
# match[] of the label APIs; None: none.
MATCHES = (
    None, ["requests_total"], ["only_two"], ["nothing"], ['{cluster="c1"}'], ['{cluster!="c1"}'], ['{cluster=~"c[23]"}'],
    ['{cluster="nope"}'], ['requests_total{cluster="c2"}', 'limits{cluster="c3"}'], ['{region="eu",job="a"}'],
    ['limits{region=""}'], ['limits{zone!=""}'], ['limits{zone="",region=""}'], ['{exported_cluster="own"}'],
    ['{exported_cluster!=""}'], ['{exported_cluster="",__name__="owned"}'], ['{exported_exported_cluster="older"}'],
    ['{cluster="own"}'], ['owned{exported_region="mine"}', 'nothing{cluster="c1"}'], ['{zone="there"}'],
    ['{exported_zone="there"}'], ['{exported_zone="there",cluster="c1"}'], ['lonely{cluster=~"c1|c2"}'],
    ['{job="a",cluster=~".*"}'], ['{cluster=~".+"}'], ['only_two{cluster!="c2"}'], ['odd{text="a b"}'], [ALL],
    ['{__name__=~"limits|only_two",cluster!~"c3"}'], ['{__name__!="",region=~"e.|"}'],
    ['{__name__="sparse",job="c"}'], ['{instance=~"c1-.*|i.*"}'])
NAMES = ("cluster", "region", "zone", "exported_cluster", "exported_region", "exported_zone", "exported_exported_cluster",
         "job", "instance", "__name__", "id", "le", "text", "nope")
TIMES = ({}, {"start": T, "end": T + 3600}, {"start": T + 600, "end": T + 700}, {"start": T - 90000, "end": T - 80000},
         {"end": T + 300})


class Metadata:
    layout, stored = None, ()  # stored: clusters that push

    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.layout)
        cls.addClassCleanup(cls.world.stop)
        cls.program = Program(cls.world.config(stored=cls.stored))
        cls.addClassCleanup(cls.program.stop)
        for name in cls.stored:
            cls.world.push(cls.program.url, name)
        wait_until_known(cls.program)

    def compare(self, path, **params):
        """The same list, in the same order; gives it."""
        params = {k: v for k, v in params.items() if v is not None}
        got = self.program.get("/api/v1/" + path, **params)
        status, wanted = self.world.reference.get("/api/v1/" + path, **params)
        self.assertEqual(got.status, status, got.text)
        self.assertEqual(got.json, wanted, f"{path} {params}")
        return wanted.get("data")

    def test_label_names(self):
        for match in MATCHES:
            for times in TIMES:
                with self.subTest(match, times=times):
                    self.compare("labels", **{"match[]": match, **times})

    def test_label_values(self):
        for name in NAMES:
            for match in MATCHES:
                with self.subTest(name, match=match):
                    self.compare(f"label/{name}/values", **{"match[]": match})
            for times in TIMES:
                with self.subTest(name, times=times):
                    self.compare(f"label/{name}/values", **times)
                    self.compare(f"label/{name}/values", **{"match[]": ["limits"], **times})

    def test_series(self):
        found = 0
        for match in MATCHES[1:]:
            for times in TIMES:
                with self.subTest(match, times=times):
                    found += len(self.compare("series", **{"match[]": match, **times}) or ())
        self.assertGreater(found, 500)

    def test_one_cluster(self):
        """Under /cluster/<name>/ the answer is that of the cluster's own series."""
        for name in CLUSTERS:
            for label in NAMES:
                got = self.program.get(f"/cluster/{name}/api/v1/label/{label}/values").json
                self.assertEqual(got, self.world.reference.get(
                    f"/api/v1/label/{label}/values", **{"match[]": f'{{cluster="{name}"}}'})[1])


class Spread(Metadata, unittest.TestCase):
    layout = "spread"


class Same(Metadata, unittest.TestCase):
    layout = "same"


class Stored(Metadata, unittest.TestCase):
    layout, stored = "spread", ("c1", "c3")


class Empty(unittest.TestCase):
    def test_a_cluster_without_series(self):
        """It has no label values: a dashboard's list of clusters shows those that have something to show."""
        servers = [Prometheus(flags=["--web.enable-remote-write-receiver"]) for _ in range(2)]
        for server in servers:
            self.addCleanup(server.stop)
        remote.write(servers[0].url, remote.series({"__name__": "x"}, remote.sample(T, 1)))
        text = "clusters:\n" + "".join(f"  - {{name: c{i}, endpoints: ['{s.url}']}}\n" for i, s in enumerate(servers, 1))
        with Program(text) as program:
            wait_until_known(program)
            for params in {}, {"match[]": "x"}, {"start": T, "end": T + 1}:
                self.assertEqual(program.get("/api/v1/label/cluster/values", **params).json["data"], ["c1"], params)
            self.assertEqual(program.get("/api/v1/label/cluster/values", start=T - 9000, end=T - 8000).json["data"], [])
            self.assertEqual(program.get("/cluster/c2/api/v1/labels").json["data"], [])


class Exemplars(unittest.TestCase):
    """Three servers with exemplars, a fourth with all of them."""
    stored = ()

    @classmethod
    def setUpClass(cls):
        *cls.backends, cls.reference = [Prometheus(flags=["--web.enable-remote-write-receiver",
                                                          "--enable-feature=exemplar-storage"]) for _ in range(4)]
        for server in (*cls.backends, cls.reference):
            cls.addClassCleanup(server.stop)
        pushed = []
        for k, (name, backend) in enumerate(zip(CLUSTERS, cls.backends), 1):
            own = [{"__name__": "h_bucket", "le": le, "job": job} for job in "ab" for le in ("1", "+Inf")]
            own += [{"__name__": "owned_total", "cluster": "own"}, {"__name__": f"only_{k}_total"}]
            for n, labels in enumerate(own):
                points = [remote.sample(T + 15 * i, i) for i in range(20)]
                points += [remote.exemplar(T + 15 * i, k + n + i / 8, trace_id=f"{name}-{n}-{i}") for i in range(0, 20, 4)]
                remote.write(backend.url, remote.series(labels, *points))
                pushed += [(name, remote.series(labels, *points))]
                there = {("exported_cluster" if key == "cluster" else key): v for key, v in labels.items()}
                remote.write(cls.reference.url, remote.series({**there, **INJECTED[name]}, *points))
        cls.program = Program("storage: {}\ningest: {}\nclusters:\n" + "".join(
            f"  - name: {name}\n" + f"    endpoints: [{b.url}]\n" * (name not in cls.stored) + "    labels: {"
            + ", ".join(f"{k}: {v}" for k, v in INJECTED[name].items() if k != "cluster") + "}\n"
            for name, b in zip(CLUSTERS, cls.backends)))
        cls.addClassCleanup(cls.program.stop)
        for name, series in pushed:
            if name in cls.stored:
                remote.write(f"{cls.program.url}/cluster/{name}", series)

    def test_exemplars(self):
        found = 0
        by = lambda series: sorted((sorted(s["seriesLabels"].items()), s["exemplars"]) for s in series)
        for query in ("h_bucket", "rate(h_bucket[5m])", 'h_bucket{cluster="c2"}', 'h_bucket{cluster!="c2",job="a"}',
                      'h_bucket{region="eu"}', 'h_bucket{region=""}', 'h_bucket{zone!=""}', "nothing",
                      'h_bucket{cluster="nope"}', 'owned_total{exported_cluster="own"}', 'owned_total{cluster="own"}',
                      'owned_total{exported_cluster=""}', '{cluster="c1"}', '{__name__=~"only.*",cluster!="c1"}',
                      'h_bucket{cluster="c1",job="a"} / on (le) group_left () h_bucket{cluster="c2",job="a"}',
                      'histogram_quantile(0.9, sum by (le, cluster) (rate(h_bucket{zone="z3"}[5m]))) > bool only_1_total',
                      'h_bucket{job="a"} or h_bucket{job="b",cluster="c3"}', "sum(only_2_total) - 1"):
            for times in {"start": T, "end": T + 300}, {"start": T + 60, "end": T + 120}, {"start": T - 60, "end": T - 1}:
                with self.subTest(query, times=times):
                    got = self.program.get("/api/v1/query_exemplars", query=query, **times)
                    status, wanted = self.reference.get("/api/v1/query_exemplars", query=query, **times)
                    self.assertEqual(got.status, status, got.text)
                    self.assertEqual(by(got.json["data"]), by(wanted["data"] or []))
                    found += len(got.json["data"])
        self.assertGreater(found, 50)
        self.assertEqual(self.program.get("/api/v1/query_exemplars", query="1 + 1", start=T, end=T + 1).json["data"], [])


class StoredExemplars(Exemplars):
    stored = ("c1", "c2")


if __name__ == "__main__":
    unittest.main()
