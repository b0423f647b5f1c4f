"""The promise: queries over three real Prometheus servers are answered as a fourth answers them that holds everything,
injected labels included. The queries stand in queries/*.txt, by the rule that they try."""
import os
import pathlib
import random
import sys
import unittest
import urllib.request

import random_queries
from compare import difference
from differential import Case, Differential, at, over
from program import Program, eventually
from worlds import FINE, INSTANTS, LAYOUTS, RANGES, T, Cluster, World, server

SEED = os.environ.get("GV_SEED", "1")  # of the random queries; "random": another one each time
if SEED == "random":
    SEED = str(random.SystemRandom().randrange(1 << 32))
RANDOM_QUERIES = int(os.environ.get("GV_RANDOM_QUERIES", "2500"))  # in each layout
FOLDER = pathlib.Path(__file__).resolve().parent / "queries"
SHOWN = 10  # findings of a failed test
WORLDS = {}

# How clusters may be asked. pushed down: the default, each is sent the largest part that it can answer alone; raw: samples
# come by remote read, all is evaluated here; some of both: one cluster so, the others so; stored: two of them are not
# asked at all, they push what they have into the embedded store.
PROGRAMS = {
    "pushed down": {},
    "raw": {"every": "    pushdown: never\n"},
    "some of both": {"more": {"c2": "    pushdown: never\n"}},
    "stored": {"stored": ("c2", "c3")},
}


def sections():
    """[(file and section, [(mark or "", query)])]. Marks: `empty: `, `error: `."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for line in path.read_text().splitlines():
            if line.startswith("== "):
                found.append((f"{path.stem}: {line[3:]}", []))
            elif line and not line.startswith("#"):
                mark, _, query = line.partition(": ") if line.startswith(("empty: ", "error: ")) else ("", "", line)
                found[-1][1].append((mark, query))
    return found


def forms(query, section=""):
    ranges = RANGES + (FINE,) * section.startswith("large")
    return [Case(query, at(t)) for t in INSTANTS] + [Case(query, over(*r)) for r in ranges]


def setUpModule():
    for layout in LAYOUTS:
        WORLDS[layout] = World(layout)
        unittest.addModuleCleanup(WORLDS[layout].stop)


def start(test, world, **how):
    """A program over the world's clusters, which knows already what they can do."""
    program = Program(world.config(**how))
    test.addClassCleanup(program.stop)

    def known():
        clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
        return all(c["abilities"].get("remoteRead") or c["pushed"] for c in clusters)
    eventually(known, "what the backends can do is known")
    for name in how.get("stored", ()):
        world.push(program.url, name)
    return program


class GlobalView:
    """Every query to every endpoint, against a reference."""
    layout = None

    @classmethod
    def endpoints(cls):
        """{what it is: URL}."""
        cls.programs = {kind: start(cls, cls.world, **how) for kind, how in PROGRAMS.items()}
        return {kind: program.url for kind, program in cls.programs.items()}

    @classmethod
    def reference(cls):
        return cls.world.reference.url

    @classmethod
    def setUpClass(cls):
        cls.world = WORLDS[cls.layout]
        cls.base = Differential(None, cls.reference())
        cls.differentials = {kind: cls.base.another(url) for kind, url in cls.endpoints().items()}
        for differential in (cls.base, *cls.differentials.values()):
            cls.addClassCleanup(differential.close)

    def expect_none(self, differential, findings, of):
        shown = [differential.explain(f) for f in findings[:SHOWN]]
        self.assertEqual(len(findings), 0, f"of {of} queries:\n\n" + "\n".join(shown))

    def test_queries(self):
        for kind, differential in self.differentials.items():
            for name, queries in sections():
                with self.subTest(name, kind=kind):
                    cases = [case for _, query in queries for case in forms(query, name)]
                    self.expect_none(differential, differential.run(cases), len(cases))

    def test_steps_that_are_no_whole_seconds(self):
        """33.3 as a number of seconds is 33.299 to Prometheus, with a unit it is exact."""
        ranges = [over(T + 613, T + 1500, step) for step in (33.3, 4.1, "33s300ms", "68s100ms")]
        cases = [Case(q, times) for q in ("limits", "sum(limits)", "avg by (job) (rate(requests_total[2m]))") for times in ranges]
        cases += [Case(f"max_over_time({q}[5m:{step}])", at(T + 1203)) for q in ("temperature", "sum(temperature)")
                  for step in ("4s100ms", "33s300ms", "1s1ms")]
        for kind, differential in self.differentials.items():
            with self.subTest(kind=kind):
                self.expect_none(differential, differential.run(cases), len(cases))

    def test_random_queries(self):
        print(f"GV_SEED={SEED}", file=sys.stderr)
        pairs = random_queries.Generator(SEED).cases(RANDOM_QUERIES)
        nodes = {case.query: node for node, case in pairs}
        for kind, strict in self.differentials.items():
            differential = strict.another(strict.tested, may_miss_errors=random_queries.may_miss_errors)
            findings = differential.run(case for _, case in pairs)
            smallest = [self.shrunk(differential, f, nodes[f.case.query]) for f in findings[:SHOWN]]
            with self.subTest(kind=kind, seed=SEED):
                self.expect_none(differential, smallest, len(pairs))

    def shrunk(self, differential, finding, node):
        """A smaller query at the same times that differs too."""
        def check(text):
            return differential.check(finding.case._replace(query=text))
        smallest = random_queries.shrink(node, lambda text: check(text) is not None)
        return finding._replace(case=finding.case._replace(query=smallest), text=check(smallest))


class Queries(unittest.TestCase):
    def test_they_say_something(self):
        """Each has an answer that is not empty, at some time in some layout, but for those that are marked."""
        references = [Differential(None, world.reference.url) for world in WORLDS.values()]
        for one in references:
            self.addCleanup(one.close)
        wrong = {}
        for name, queries in sections():
            for mark, query in queries:
                answers = [(d.expected(case)[0], d.is_empty(case)) for d in references for case in forms(query)]
                found = ("" if any(status == 200 and not empty for status, empty in answers)
                         else "empty" if any(status == 200 for status, _ in answers) else "error")
                if found != mark:
                    wrong[query] = f"{found or 'something'}, marked {mark or 'as saying something'}, in {name}"
        self.assertEqual(wrong, {})


class Spread(GlobalView, unittest.TestCase):
    layout = "spread"

    def test_functions_that_the_backends_do_not_know_yet(self):
        """first_over_time() of what only grows is its minimum; 2.42 has no such function and is asked for samples."""
        for query in ("sum(first_over_time(latency_bucket[5m]))", "first_over_time(latency_sum[5m]) * 1",
                      "sum by (cluster) (first_over_time(latency_sum[5m])) / sum by (cluster) (latency_count)"):
            for case in forms(query):
                known = case._replace(query=query.replace("first_over_time", "min_over_time"))
                for kind, differential in self.differentials.items():
                    with self.subTest(query, times=case.times, kind=kind):
                        status, got = differential.tested.ask(case)
                        self.assertEqual((status, got.get("warnings")), (200, None), got)
                        self.assertIsNone(difference(got["data"], differential.expected(known)[1]["data"]))

    def test_samples_come_by_remote_read(self):
        query = "sum(rate(requests_total[5m]))"
        stats = self.programs["raw"].query(query, time=T + 1203, stats="all").json["data"]["stats"]
        self.assertTrue(all(c["samples"] > 20 for c in stats["clusters"]), stats)
        for backend in self.world.backends.values():
            metrics = urllib.request.urlopen(backend.url + "/metrics", timeout=10).read().decode()
            self.assertRegex(metrics, r'prometheus_http_requests_total{code="200",handler="/api/v1/read"} [1-9]')


class Same(GlobalView, unittest.TestCase):
    layout = "same"

    def test_labels_of_series_that_are_external_ones_too(self):
        """Remote read adds external labels, and which a series has itself cannot be told."""
        servers = {name: server(*Cluster(name, self.layout).series, external_labels={"job": "a", "replica": "r"})
                   for name in self.world.backends}
        for one in servers.values():
            self.addCleanup(one.stop)
        program = Program(self.world.config({name: one.url for name, one in servers.items()}, "    pushdown: never\n"))
        self.addCleanup(program.stop)

        def are_read():
            clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
            return [c["abilities"]["remoteRead"] for c in clusters if "remoteRead" in c["abilities"]]
        eventually(lambda: len(are_read()) == len(servers), "what the backends can do is known")
        self.assertEqual(are_read(), [False] * len(servers))
        differential = self.base.another(program.url)
        self.addCleanup(differential.close)
        cases = [case for query in ("temperature", "owned", "sum by (job) (rate(requests_total[2m]))", 'count(state{job="a"})')
                 for case in forms(query)]
        self.expect_none(differential, differential.run(cases), len(cases))


class OneOfThem(GlobalView, unittest.TestCase):
    """/cluster/<name>/: one Prometheus with its injected labels."""
    layout = "same"

    @classmethod
    def reference(cls):
        alone = server(*Cluster("c3", cls.layout).everywhere())
        cls.addClassCleanup(alone.stop)
        return alone.url

    @classmethod
    def endpoints(cls):
        return {"by its path": start(cls, cls.world).url + "/cluster/c3"}


class OverAnother(GlobalView, unittest.TestCase):
    """A global view over another one, which holds two of the clusters and carries their labels itself."""
    layout = "spread"

    @classmethod
    def endpoints(cls):
        inner = start(cls, cls.world, names=("c1", "c3"))
        config = cls.world.config(names=("c2",))
        config += f"  - name: others\n    endpoints: [{inner.url}]\n    cluster_label_from: backend\n"
        outer = Program(config)
        cls.addClassCleanup(outer.stop)
        return {"over another": outer.url}


if __name__ == "__main__":
    unittest.main()
