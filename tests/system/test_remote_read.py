"""Remote read against a real Prometheus: queries evaluated here, on what it sends as samples and as chunks, answer as it
answers them itself."""
import json
import math
import subprocess
import unittest
import urllib.error
import urllib.request

from program import TOOLS_DIR
from prometheus import Prometheus, openmetrics
from remote import STALE, float_histogram, histogram, sample, series, write

START, STEP, COUNT = 1_700_000_000, 15, 500  # seconds; of the samples in blocks
END = START + STEP * (COUNT - 1)
NOW = END + 3600  # of what is written by remote write


def blocks():
    """Counters, values that do not compress, and a series with pauses."""
    gauges = [(f'instance="{i}",job="j{i % 3}"', [(START + STEP * k, math.sin(k * (i + 1)) * 10 ** (i % 7))
                                                  for k in range(COUNT)]) for i in range(40)]
    counters = [(f'instance="{i}"', [(START + STEP * k, k * (i + 1) % 3000) for k in range(COUNT)]) for i in range(5)]
    sparse = [('job="j"', [(START + STEP * k, k) for k in range(COUNT) if k // 50 % 2])]
    return openmetrics({"temperature": ("gauge", gauges), "work_total": ("counter", counters),
                        "sparse": ("gauge", sparse)})


class RemoteRead(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Prometheus(blocks(), "global: {external_labels: {dc: x, replica: '1'}}\n", flags=[
            "--web.enable-remote-write-receiver", "--enable-feature=native-histograms"])
        cls.addClassCleanup(cls.server.stop)
        times = range(NOW - 1800, NOW + 1, 15)
        write(
            cls.server.url,
            series({"__name__": "live", "job": "a"}, *(sample(t, t % 1000 / 8) for t in times)),
            series({"__name__": "ended", "job": "a"}, *(sample(t, 1) for t in times[:40]), sample(times[40], STALE)),
            series({"__name__": "latency", "job": "a"}, *(histogram(t, 1 + i % 90) for i, t in enumerate(times))),
            series({"__name__": "latency", "job": "b"}, *(float_histogram(t, 1 + i) for i, t in enumerate(times))),
            series({"__name__": "mixed"}, *(sample(t, 1) for t in times[:30]),
                   *(histogram(t, i + 1) for i, t in enumerate(times[30:60]))))

    def tool(self, *args, data=b""):
        return subprocess.run([TOOLS_DIR / "readtool", *map(str, args)], input=data, capture_output=True, timeout=60)

    def ask(self, kind, start, end, *selectors):
        """(Content-Type, body) of the server's reply."""
        request = self.tool("request", kind, start * 1000, end * 1000, *selectors)
        self.assertEqual((request.returncode, request.stderr), (0, b""))
        with urllib.request.urlopen(urllib.request.Request(self.server.url + "/api/v1/read", request.stdout, {
                "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Read-Version": "0.1.0"}), timeout=30) as reply:
            return reply.headers["Content-Type"], reply.read()

    def evaluate(self, kind, start, end, query, *selectors, external="dc=x,replica=1"):
        content_type, body = self.ask(kind, start, end, *selectors)
        self.assertEqual(content_type.startswith("application/x-streamed-protobuf"), kind == "streamed")
        done = self.tool("answer", content_type, start * 1000, end * 1000, external, query, *selectors, data=body)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)["data"]

    def check(self, query, *selectors, end=END, seconds=3600 * 3, at_least=1, kinds=("streamed", "samples")):
        """The same answer as the server's own. Ranges lie between samples: before 3.0 they are closed on the left."""
        status, reply = self.server.get("/api/v1/query", query=query, time=end)
        self.assertEqual(status, 200, reply)
        expected = reply["data"]
        by_labels = lambda s: json.dumps(s["metric"], sort_keys=True)
        expected["result"].sort(key=by_labels)
        self.assertGreaterEqual(len(expected["result"]), at_least)
        for kind in kinds:
            with self.subTest(query=query, kind=kind):
                got = self.evaluate(kind, end - seconds, end, query, *selectors)
                got["result"].sort(key=by_labels)
                self.assertEqual(got, expected)

    def test_samples_from_blocks(self):
        self.check("temperature[3h]", "temperature", at_least=40)
        self.check('work_total{instance="3"}[7199s]', 'work_total{instance="3"}')
        self.check("sparse[3h]", "sparse")

    def test_samples_from_the_head(self):
        self.check("live[1h]", "live", end=NOW)
        self.check("live", "live", end=NOW)

    def test_ended_series(self):
        self.check("ended[1h]", "ended", end=NOW)
        self.check("ended", "ended", end=NOW - 1800 + 39 * 15)
        self.check("ended", "ended", end=NOW - 1800 + 40 * 15, at_least=0)  # the marker ends it, the lookback does not

    def test_histograms(self):
        """As chunks only: Prometheus 2.42 leaves them out of samples."""
        chunks = {"end": NOW, "kinds": ["streamed"]}
        self.check('latency{job="a"}[1h]', 'latency{job="a"}', **chunks)
        self.check('latency{job="b"}[1h]', "latency", **chunks)
        self.check("mixed[1h]", "mixed", **chunks)
        self.check("histogram_count(latency)", "latency", at_least=2, **chunks)

    def test_functions(self):
        self.check("max by (job) (max_over_time(temperature[1199s]))", "temperature", at_least=3)
        self.check("count_over_time(temperature[1199s])", "temperature", at_least=40)
        self.check("resets(work_total[7199s])", "work_total", at_least=5)

    def test_several_selections_in_one_request(self):
        self.check("count(temperature) + scalar(sum(work_total))", "temperature", "work_total")
        self.check('max(temperature) - min(temperature{job="j1"})', "temperature", 'temperature{job="j1"}')

    def test_matchers(self):
        for matcher in 'job="j1"', 'job!="j1"', 'instance=~"1.?|20"', 'job!~"j[12]"', 'dc=""', 'dc!="x"':
            self.check(f"temperature{{{matcher}}}", f"temperature{{{matcher}}}", at_least=10)

    def test_external_labels_are_no_labels_of_series(self):
        self.check('temperature{dc="x"}', 'temperature{dc="x"}', at_least=0)
        kept = self.evaluate("streamed", END - 60, END, "temperature", "temperature", external="")
        self.assertEqual({s["metric"]["dc"] for s in kept["result"]}, {"x"})

    def test_nothing_found(self):
        self.check("nothing", "nothing", at_least=0)

    def test_a_reply_that_is_cut_is_an_error(self):
        for kind in "streamed", "samples":
            content_type, body = self.ask(kind, START, END, "temperature")
            self.assertGreater(len(body), 20000)
            for n in 1, 100, len(body) // 2, len(body) - 1:
                done = self.tool("answer", content_type, START * 1000, END * 1000, "", "temperature", "temperature",
                                 data=body[:n])
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(b"remote read: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
