"""What a topology tool (Kiali) asks, over the demo's two clusters: equal to one Prometheus with all the data.

The queries lie beside the project (../shared/clients/kiali_queries.tsv); without them the test says that it was skipped.
"""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "demo"))
import bookinfo  # noqa: E402
from compare import compare  # noqa: E402
from program import SOURCE_DIR, Program  # noqa: E402
from prometheus import Prometheus  # noqa: E402

QUERIES = SOURCE_DIR / "../shared/clients/kiali_queries.tsv"
START, SCRAPE, SCRAPES, SHIFT = 1700000000, 15, 100, 7
FAILOVER_AT = 50  # scrapes
SAMPLE = re.compile(r"^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$")


def scrape_labels(cluster, number, app, pod):
    return (f'job="kubernetes-pods",instance="10.0.0.{number}:15020",namespace="{bookinfo.namespace_of(app)}",pod="{pod}",'
            f'app="{app}",version="v1"')


def scraped():
    """{(metric, labels): ([(time, value)], cluster)} of all pods, the failover of reviews in the middle."""
    now = [float(START)]
    mesh, series = bookinfo.Mesh(clock=lambda: now[0]), {}
    for i in range(SCRAPES):
        now[0] = START + SHIFT + SCRAPE * i
        if i == FAILOVER_AT:
            mesh.set_reviews(False)
        for cluster in bookinfo.CLUSTERS:
            for number, (app, pod) in enumerate(bookinfo.pods(cluster), 1):
                for line in (mesh.metrics(app, cluster) or "").splitlines():
                    found = SAMPLE.match(line)
                    if found:
                        name, labels, value = found.groups()
                        key = (name, cluster, ",".join(filter(None, (labels, scrape_labels(cluster, number, app, pod)))))
                        series.setdefault(key, []).append((int(now[0]), value))
    return series


def text_of(series, clusters, inject):
    lines, last = [], None
    for (name, cluster, labels), points in sorted(series.items()):
        if cluster not in clusters:
            continue
        if name != last:
            lines.append(f"# TYPE {name} unknown")
            last = name
        labels += f',cluster="{cluster}"' if inject else ""
        lines += [f"{name}{{{labels}}} {value} {time}" for time, value in points]
    return "\n".join(lines + ["# EOF", ""])


@unittest.skipUnless(QUERIES.exists(), f"SKIPPED: no {QUERIES.name} beside the project")
class Kiali(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        series = scraped()
        backends = {c: Prometheus(text_of(series, [c], False)) for c in bookinfo.CLUSTERS}
        cls.reference = Prometheus(text_of(series, bookinfo.CLUSTERS, True))
        for server in (*backends.values(), cls.reference):
            cls.addClassCleanup(server.stop)
        cls.program = Program("clusters:\n" + "".join(
            f"- name: {name}\n  endpoints: [{backend.url}]\n" for name, backend in backends.items()))
        cls.addClassCleanup(cls.program.stop)

    def test_every_query(self):
        answered = 0
        for line in QUERIES.read_text().splitlines():
            name, kind, query = line.split("\t")
            with self.subTest(name):
                if kind == "instant":
                    path, times = "/api/v1/query", {"time": START + SCRAPE * SCRAPES}
                else:
                    path, times = "/api/v1/query_range", {"start": START + 603, "end": START + 1500, "step": 30}
                answered += compare(self, self.program, self.reference, path, query, times)
        self.assertGreater(answered, 30)  # shapes that find data in this mesh: HTTP only


if __name__ == "__main__":
    unittest.main()
