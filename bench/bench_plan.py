"""Plans over many clusters: what a query costs here, beside the clusters' own time, and how that grows.

bench_backends answers every query after the same time, so what a query takes longer is ours (and the machine's: client,
globalview and backends share it). Clusters are other machines: backends and client have one CPU, globalview the others;
where they share one, each request that goes out lets its backend interrupt the sending of the next. Per query and number of clusters: how many asks it took, how many of them were under
way at once and how many clusters they went to, as the backends count them; latency beyond theirs, the least and the
median; CPU of globalview. The least is judged: whatever else the machine does only adds to it. A query for one cluster
must touch no other.
"""
import contextlib
import http.client
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.parse

from bench_query import Globalview
from process import Process

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "build/release/bench/bench_backends"
CLUSTERS = (2, 16, 128)
DELAY_MS = 20
TIME = 1795400000  # s
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "100"))
FEW_ASKS, FEW_MS, ASK_MS = 16, 2, 0.025  # target: so much for so many asks, and so much for each further one
# what, query, asks a cluster, pushdown
QUERIES = [
    ("nobody is asked", "vector(1)", 0, "auto"),
    ("union", "a", 1, "auto"),
    ("split sum", "sum by (l) (a)", 1, "auto"),
    ("split avg", "avg by (l) (a)", 2, "auto"),
    ("join", "a and on (l) b", 2, "auto"),
    ("raw samples", "sum(rate(a[5m]))", 1, "never"),
    ("one cluster", 'sum(rate(a{cluster="c1"}[5m]))', None, "auto"),
]


class Backends(Process):
    def __init__(self, n):
        super().__init__([PROGRAM, str(n), str(DELAY_MS), str(TIME)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
        self.urls = [f"http://127.0.0.1:{port}" for port in self.process.stdout.readline().split()]

    def counts(self):
        """Since the last time: queries, the backends they went to, how many were under way at once."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(n) for n in self.process.stdout.readline().split()]


def ask(connection, query):
    began = time.perf_counter()
    connection.request("GET", "/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": TIME}))
    reply = connection.getresponse()
    body = reply.read()
    took = time.perf_counter() - began
    if reply.status != 200 or b'"warnings"' in body or b'"value"' not in body:
        raise SystemExit(f"bench: {query}: {reply.status} {body[:300]}")
    return took * 1e3


def allowed_ms(asks):
    return FEW_MS + max(0, asks - FEW_ASKS) * ASK_MS


def verdict(met):
    return "met" if met else "MISSED"


def row(what, query, n, counts, times, cpu_ms, wanted):
    queries, touched, peak = counts
    asks = queries // ROUNDS
    delay = DELAY_MS if asks else 0
    least, median = min(times) - delay, statistics.median(times) - delay
    right = queries == wanted * ROUNDS and touched == (n if wanted > 1 else wanted) and peak == wanted
    print(f"{what:<16}{query:<34}{n:>9}{asks:>6}{peak:>9}{touched:>9}{least:>9.2f}{median:>9.2f}"
          f"{allowed_ms(asks):>9.2f}{cpu_ms:>9.3f}{cpu_ms / asks * 1e3 if asks else 0:>9.1f}  "
          f"{verdict(least <= allowed_ms(asks))}{'' if right else f'; NOT AS PLANNED: {wanted} asks at once'}", flush=True)


def measure(view, backends, n, what, query, asks):
    wanted = 1 if asks is None else asks * n
    connection = http.client.HTTPConnection("127.0.0.1", view.port)
    for _ in range(10):  # warm: connections pooled
        ask(connection, query)
    backends.counts()
    before = view.cpu_seconds()
    times = [ask(connection, query) for _ in range(ROUNDS)]
    cpu_ms = (view.cpu_seconds() - before) / ROUNDS * 1e3
    row(what, query, n, backends.counts(), times, cpu_ms, wanted)
    connection.close()


@contextlib.contextmanager
def on_cpus(cpus):
    """What is started runs on these; where there is but one for all: on any."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def bench(folder, n, pushdown):
    cpus = os.sched_getaffinity(0)
    others = {max(cpus)}
    with on_cpus(others):
        backends = Backends(n)
        with on_cpus(cpus - others):
            view = Globalview(folder, backends.urls, cluster_options=f", pushdown: {pushdown}")
        measure_all(view, backends, n, pushdown)


def measure_all(view, backends, n, pushdown):
    try:
        time.sleep(1)  # every backend is probed once, and not again for a while
        for what, query, asks, with_pushdown in QUERIES:
            if with_pushdown == pushdown:
                measure(view, backends, n, what, query, asks)
    finally:
        view.stop()
        backends.stop()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-bench-"))
    try:
        print(f"backends answer after {DELAY_MS} ms; at most {FEW_MS} ms more for up to {FEW_ASKS} asks, and "
              f"{ASK_MS * 1e3:g} us for each further one")
        print(f"{'':<50}{'clusters':>9}{'asks':>6}{'at once':>9}{'touched':>9}{'least ms':>9}{'median':>9}{'allowed':>9}"
              f"{'CPU ms':>9}{'us/ask':>9}")
        for n in CLUSTERS:
            for pushdown in ("auto", "never"):
                bench(folder, n, pushdown)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
