"""Blocks beside Prometheus's own tools: what we write, promtool and a real Prometheus read as it was meant; what they
write, we read."""
import json
import math
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

from program import TOOLS_DIR, eventually
from prometheus import PROMTOOL, Prometheus, openmetrics
from remote import float_histogram, histogram, series, write

RANGE = 7200  # seconds of a block
START = 1_700_006_400 // RANGE * RANGE
STEP = 15
COUNT = RANGE // STEP  # samples of a series in a block


def gauge(k, i):
    return math.sin(k * (i + 1)) * 10 ** (i % 7 - 3)


def floats(first, n=COUNT):
    """{labels: [(ms, value)]} of one block that begins at `first` seconds."""
    times = [(first + STEP * k) * 1000 for k in range(n)]
    at = first // STEP
    data = {("temperature", ("instance", f"host-{i}"), ("job", f"j{i % 3}")): [(t, gauge(at + k, i))
                                                                               for k, t in enumerate(times)]
            for i in range(40)}
    data |= {("work_total", ("instance", str(i))): [(t, float((at + k) * (i + 1) % 3000)) for k, t in enumerate(times)]
             for i in range(5)}
    data["sparse", ("größe", "世界")] = [(t, 1.0) for k, t in enumerate(times) if k // 50 % 2]
    # Names that sort before and behind __name__, values short and long.
    data |= {("sorted", *sorted([(label, "x"), ("job", j)])): [(times[0], float(i))]
             for i, label in enumerate(("A", "Z9", "_", "__", "a", "zz")) for j in ("a", "b" * 300, "c" * 3000)}
    data["special", ("q", 'a "quoted" \\ value')] = [(times[0], math.inf), (times[1], -math.inf), (times[2], 5e-324)]
    return data


def native(k):
    """A native histogram as the tool reads it, and as Prometheus answers it."""
    counts, zero = [k + 1, 2 * k + 2, 3 * k + 3], k
    total = sum(counts) + zero
    bounds = ["0.5", "1", "2", "4"]
    buckets = [[3, "-0.001", "0.001", str(zero)]] * (zero > 0)
    buckets += [[0, low, high, str(n)] for low, high, n in zip(bounds, bounds[1:], counts)]
    text = f"schema:0 count:{total} sum:{k * 2.5!r} zero:{zero} threshold:0.001 buckets:[{' '.join(map(str, counts))}]"
    return text, {"count": str(total), "sum": f"{k * 2.5:g}", "buckets": buckets}


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def metric_text(labels):
    name, *rest = labels
    return "{" + ",".join(f"{quoted(k)}={quoted(v)}" for k, v in [("__name__", name), *rest]) + "}"


def description(data):
    lines = []
    for labels, points in data.items():
        lines += [metric_text(labels), *(f"{t} {v if isinstance(v, str) else repr(v)}" for t, v in points)]
    return "\n".join(lines) + "\n"


def named(data, name):
    return {labels: points for labels, points in data.items() if labels[0] == name}


def labels_of(metric):
    rest = {k: v for k, v in metric.items() if k != "__name__"}
    return metric.get("__name__", ""), *sorted(rest.items())


def number(text):
    return float(text.replace("Inf", "inf"))


class Blocks(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-blocks-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "wal").mkdir()  # promtool asks for one

    # ---- Our tool, theirs, a server

    def tool(self, *args, text=""):
        done = subprocess.run([TOOLS_DIR / "blocktool", *map(str, args)], input=text, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def write(self, data, first, *segment_size):
        return self.folder / self.tool("write", self.folder, first * 1000, (first + RANGE) * 1000, *segment_size,
                                       text=description(data)).strip()

    def read(self, block, selector='{__name__=~".+"}', start=0, end=10**16):
        lines = self.tool("read", block, start, end, selector).splitlines()
        return {labels_of(s["metric"]): [(t, v if isinstance(v, dict) else number(v)) for t, v in s["values"]]
                for s in map(json.loads, lines)}

    def promtool(self, *args):
        done = subprocess.run([PROMTOOL, "tsdb", *map(str, args)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), args)
        return done.stdout

    def dump(self):
        """What promtool reads of the floats of all blocks."""
        found = {}
        for line in self.promtool("dump", self.folder).splitlines():
            text, value, time = re.fullmatch(r"\{(.*)\} (\S+) (\d+)", line).groups()
            pairs = dict((k, json.loads(v)) for k, v in re.findall(r'([^=, ]+)=("(?:[^"\\]|\\.)*")', text))
            found.setdefault(labels_of(pairs), []).append((int(time), number(value)))
        return found

    def server(self, blocks=None, **options):
        blocks = blocks or [p for p in self.folder.iterdir() if len(p.name) == 26]
        server = Prometheus(blocks=blocks, flags=["--enable-feature=native-histograms", "--web.enable-admin-api",
                                                  "--web.enable-remote-write-receiver"], **options)
        self.addCleanup(server.stop)
        return server

    def ask(self, server, query, at):
        """{labels: samples} of a range of a server's, histograms too."""
        status, reply = server.get("/api/v1/query", query=query, time=at)
        self.assertEqual(status, 200, reply)
        return {labels_of(s["metric"]): [(round(t * 1000), number(v)) for t, v in s.get("values", [])] +
                [(round(t * 1000), v) for t, v in s.get("histograms", [])] for s in reply["data"]["result"]}

    def assert_same(self, got, expected):
        self.assertEqual(sorted(got), sorted(expected))
        for labels, points in expected.items():
            self.assertEqual(got[labels], points, labels)

    # ---- What we write

    def test_promtool_reads_what_we_write(self):
        first, second = floats(START), floats(START + RANGE, 100)
        blocks = [self.write(first, START, 20000), self.write(second, START + RANGE)]
        self.assertGreater(len(list((blocks[0] / "chunks").iterdir())), 3)
        listed = self.promtool("list", self.folder)
        samples = sum(map(len, first.values()))
        self.assertRegex(listed, rf"{blocks[0].name} +{START * 1000} +{(START + RANGE) * 1000} +2h0m0s +{samples} ")
        self.assertRegex(listed, rf"{blocks[1].name} ")
        analyzed = self.promtool("analyze", self.folder, blocks[0].name)
        self.assertIn(f"Series: {len(first)}\n", analyzed)
        self.assertIn(f"Label names: {len({name for k in first for name, _ in k[1:]}) + 1}\n", analyzed)
        pairs = {pair for k in first for pair in (("__name__", k[0]), *k[1:])}
        self.assertIn(f"Postings (unique label pairs): {len(pairs)}\n", analyzed)
        self.assert_same(self.dump(), {k: first[k] + second[k] for k in first})

    def test_promtool_reads_what_we_compact(self):
        data = [floats(START + RANGE * i) for i in range(3)]
        blocks = [self.write(d, START + RANGE * i) for i, d in enumerate(data)]
        late = {k: [(t + 7000, v + 1) for t, v in points[10:50]] for k, points in named(data[1], "work_total").items()}
        blocks.append(self.write(late, START + RANGE))
        made = self.tool("compact", self.folder, START * 1000, (START + 3 * RANGE) * 1000, *blocks).strip()
        for block in blocks:
            shutil.rmtree(block)
        self.assertIn(made, self.promtool("list", self.folder))
        expected = {k: sorted(data[0][k] + data[1][k] + data[2][k] + late.get(k, [])) for k in data[0]}
        self.assert_same(self.dump(), expected)
        self.assert_same(self.read(self.folder / made), expected)

    def test_a_server_answers_from_what_we_write(self):
        data = floats(START)
        whole = {("latency", ("job", "a")): [((START + STEP * k) * 1000, native(k)) for k in range(COUNT)]}
        block = self.write(data | {k: [(t, h[0]) for t, h in points] for k, points in whole.items()}, START)
        server, end = self.server(), START + RANGE
        for name in "temperature", "work_total", "sparse":
            self.assert_same(self.ask(server, f"{name}[{RANGE + 1}s]", end), named(data, name))
        expected = {k: [(t, h[1]) for t, h in points] for k, points in whole.items()}
        self.assert_same(self.ask(server, f"latency[{RANGE + 1}s]", end), expected)
        self.assert_same(self.read(block, "latency"), expected)
        for matchers, wanted in {'job="j1"': lambda k: ("job", "j1") in k,
                                 'job!="j1"': lambda k: ("job", "j1") not in k,
                                 'instance=~"host-[12].?"': lambda k: re.match("host-[12]", k[1][1]),
                                 'instance!~"host-1|host-2"': lambda k: k[1][1] not in ("host-1", "host-2"),
                                 'job=~"j1|j2",instance!=""': lambda k: k[2][1] != "j0"}.items():
            got = self.ask(server, f"temperature{{{matchers}}}[100s]", START + 100)
            self.assertEqual(sorted(got), sorted(k for k in named(data, "temperature") if wanted(k)), matchers)
            self.assert_same(self.read(block, f"temperature{{{matchers}}}", START * 1000, (START + 100) * 1000), got)

        def value(query):
            reply = server.get("/api/v1/query", query=query, time=end - STEP)[1]
            return number(reply["data"]["result"][0]["value"][1])

        last = [v[-1][1] for v in named(data, "temperature").values()]
        self.assertAlmostEqual(value("sum(temperature)"), sum(last))
        self.assertEqual(value("histogram_count(latency)"), 7 * (COUNT - 1) + 6)
        self.assertEqual(value("histogram_sum(latency)"), 2.5 * (COUNT - 1))
        where = {"start": START, "end": end}
        jobs = sorted({v for k in [*data, *whole] for name, v in k[1:] if name == "job"})
        self.assertEqual(server.get("/api/v1/label/job/values", **where)[1]["data"], jobs)
        self.assertEqual(len(server.get("/api/v1/series", **{"match[]": '{job=~"j.+"}'}, **where)[1]["data"]), 40)

    def test_a_server_leaves_out_what_we_delete(self):
        data = floats(START)
        block = self.write(data, START)
        self.tool("delete", block, (START + 600) * 1000, (START + 1200) * 1000, 'temperature{job="j1"}')
        self.tool("delete", block, 0, 10**15, "sparse")
        gone = lambda k, t: k[0] == "sparse" or ("job", "j1") in k and START + 600 <= t / 1000 <= START + 1200
        expected = {k: kept for k, points in data.items() if (kept := [p for p in points if not gone(k, p[0])])}
        self.assert_same(self.dump(), expected)
        self.assert_same(self.read(block), expected)
        server = self.server()
        self.assert_same(self.ask(server, f"temperature[{RANGE + 1}s]", START + RANGE),
                         named(expected, "temperature"))
        made = self.tool("compact", self.folder, START * 1000, (START + RANGE) * 1000, block).strip()
        self.assertFalse((self.folder / made / "tombstones").exists())
        self.assert_same(self.read(self.folder / made), expected)

    def test_a_server_compacts_what_we_write(self):
        """It does so a minute after its start: what it makes of our chunks and our order is what they are."""
        first, expected = START // (3 * RANGE) * 3 * RANGE, {}
        for i in range(5):
            data = floats(first + RANGE * i)
            latency = [((first + RANGE * i + STEP * k) * 1000, native(COUNT * i + k)) for k in range(COUNT)]
            self.write(data | {("latency", ("job", "a")): [(t, h[0]) for t, h in latency]}, first + RANGE * i)
            for labels, points in (data | {("latency", ("job", "a")): [(t, h[1]) for t, h in latency]}).items():
                expected.setdefault(labels, []).extend(points)
        server, got = self.server(), {}
        blocks = lambda: sorted(p for p in server.data.iterdir() if len(p.name) == 26)
        eventually(lambda: len(blocks()) == 3, "the first three blocks are one", 150)
        server.end()
        metas = [json.loads((b / "meta.json").read_text()) for b in blocks()]
        self.assertEqual([m["compaction"]["level"] for m in metas], [1, 1, 2])
        for block in blocks()[2:] + blocks()[:2]:
            for labels, points in self.read(block).items():
                got.setdefault(labels, []).extend(points)
        self.assert_same(got, expected)

    # ---- What they write

    def test_we_read_what_promtool_writes(self):
        data = {k: v for k, v in floats(START, 2 * COUNT).items() if k[0] in ("temperature", "work_total")}
        text = openmetrics({
            name: (kind, [(",".join(f'{l}="{v}"' for l, v in k[1:]), [(t / 1000, v) for t, v in points])
                          for k, points in data.items() if k[0] == name])
            for name, kind in (("temperature", "gauge"), ("work_total", "counter"))})
        (self.folder / "input.om").write_text(text)
        made = self.folder / "made"
        self.promtool("create-blocks-from", "openmetrics", self.folder / "input.om", made)
        got = {}
        blocks = sorted(p for p in made.iterdir() if len(p.name) == 26)
        self.assertGreaterEqual(len(blocks), 2)
        for block in blocks:
            for labels, points in self.read(block).items():
                got.setdefault(labels, []).extend(points)
        self.assert_same({k: sorted(v) for k, v in got.items()}, data)

    def test_we_read_what_a_server_writes(self):
        server = self.server(blocks=[self.write(floats(START), START)])
        now = START + 10 * RANGE
        times = range(now, now + 1800, 15)
        write(server.url,
              series({"__name__": "latency", "job": "a"}, *(histogram(t, 1 + i % 90) for i, t in enumerate(times))),
              series({"__name__": "latency", "job": "b"}, *(float_histogram(t, 1 + i) for i, t in enumerate(times))))
        self.post(server, "delete_series",
                  {"match[]": 'temperature{job="j1"}', "start": START + 600, "end": START + 1200})
        snapshot = server.data / "snapshots" / self.post(server, "snapshot")["name"]
        got = {}
        for block in snapshot.iterdir():
            got |= self.read(block)
        gone = lambda k, t: ("job", "j1") in k and START + 600 <= t / 1000 <= START + 1200
        expected = {k: [p for p in points if not gone(k, p[0])] for k, points in floats(START).items()}
        expected |= self.ask(server, "latency[1h]", now + 1800)
        self.assertEqual(len(expected["latency", ("job", "a")]), len(times))
        self.assert_same(got, expected)

    def post(self, server, what, params=()):
        query = urllib.parse.urlencode(params)
        request = urllib.request.Request(f"{server.url}/api/v1/admin/tsdb/{what}?{query}", b"", method="POST")
        with urllib.request.urlopen(request, timeout=30) as reply:
            body = reply.read()
            return json.loads(body)["data"] if body else None


if __name__ == "__main__":
    unittest.main()
