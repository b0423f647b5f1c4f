"""The PromQL engine over series held as XOR chunks in memory, and a real Prometheus with the same series.

bench_eval holds the data and answers on one thread; bench_remote_write sends the same data to a Prometheus, which
answers the same range queries over HTTP. Per query: CPU of the evaluation and of writing the reply as JSON, CPU of the
Prometheus process, and whether both replies are the same (bench_same: a part in 10^9). CPU is the median of some
rounds. BENCH_SERIES: how many series each metric has (10000).
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from bench_query import free_port, wait_http
from process import Process

PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "build/release/bench"
SERIES = int(os.environ.get("BENCH_SERIES", "10000"))
ROUNDS = 5
LENGTH, STEP = 6 * 3600, 60  # s, as in dataset.h
LEAST_CPU, MOST_MEMORY = 5, 0.25  # targets
QUERIES = [
    "sum by (l) (rate(m[5m]))",
    "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
    "quantile by (l) (0.9, m)",
    "a / on (i) group_left b_one",
    "max_over_time(m[1h])",
    "topk(10, m)",
]


class Prometheus(Process):
    def __init__(self, folder):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = folder / "prometheus.yml"
        config.write_text("global: {}\n")
        self.log = open(folder / "prometheus.log", "w")
        super().__init__(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                          "--storage.tsdb.retention.time=30d", "--web.enable-remote-write-receiver",
                          f"--web.listen-address={self.url[7:]}", "--log.level=warn"], stderr=self.log)
        wait_http(self.url + "/-/ready")

    def wait_quiet(self, seconds=180):
        """Until its compactions are over."""
        end, quiet = time.monotonic() + seconds, 0
        while quiet < 3 and time.monotonic() < end:
            before = self.cpu_seconds()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu_seconds() - before < 0.02 else 0

    def ask(self, query, end, to):
        form = urllib.parse.urlencode({"query": query, "start": end - LENGTH, "end": end, "step": STEP})
        with urllib.request.urlopen(f"{self.url}/api/v1/query_range", form.encode(), timeout=300) as reply:
            with open(to, "wb") as file:
                shutil.copyfileobj(reply, file, 1 << 20)

    def cpu_of(self, query, end):
        before = self.cpu_seconds()
        self.ask(query, end, os.devnull)
        return self.cpu_seconds() - before

    def stop(self):
        super().stop()
        self.log.close()


def run(program, *arguments, **options):
    return subprocess.run([str(PROGRAMS / program), *map(str, arguments)], **options)


def load(prometheus, end):
    began = time.monotonic()
    run("bench_remote_write", prometheus.url + "/api/v1/write", end * 1000, SERIES, check=True)
    prometheus.wait_quiet()
    print(f"loaded {3 * SERIES + 100} series of {LENGTH // 15 + 1} samples into Prometheus "
          f"in {time.monotonic() - began:.0f} s", flush=True)


def measure_ours(folder, end):
    run("bench_eval", "-e", end * 1000, "-o", folder, SERIES, 1, *QUERIES, check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "figures.json").read_text())


def compare(prometheus, folder, end, i):
    theirs, ours = folder / "prometheus.json", folder / f"{i}.json"
    prometheus.ask(QUERIES[i], end, theirs)
    found = run("bench_same", (end - LENGTH) * 1000, end * 1000, STEP * 1000, ours, theirs,
                capture_output=True, text=True)
    ours.unlink()
    theirs.unlink()
    return found.returncode == 0, (found.stdout + found.stderr).strip()


def verdict(met):
    return "met" if met else "MISSED"


def row(ours, theirs, note):
    eval_ms, reply_ms = ours["eval"] * 1e3, ours["reply"] * 1e3
    ratio = theirs * 1e3 / (eval_ms + reply_ms)
    print(f"{ours['query']:<52}{eval_ms:>8.1f}{reply_ms:>8.1f}{eval_ms * 1e6 / ours['read']:>8.1f}"
          f"{theirs * 1e3:>12.0f}{theirs * 1e3 / eval_ms:>8.1f}{ratio:>8.1f}  {verdict(ratio >= LEAST_CPU):<7} {note}",
          flush=True)


def show_memory(figures, prometheus):
    ours, theirs = figures["peak_rss"] / 2**20, prometheus.peak_mib()
    print(f"peak RSS: {ours:.0f} MiB, Prometheus {theirs:.0f} MiB (now {prometheus.status('VmRSS') / 1024:.0f}, of it "
          f"{prometheus.status('RssFile') / 1024:.0f} mapped files): {ours / theirs:.2f} of it, "
          f"target at most {MOST_MEMORY}: {verdict(ours <= theirs * MOST_MEMORY)}")


def bench(folder, prometheus):
    end = (int(time.time()) - 120) // STEP * STEP
    load(prometheus, end)
    figures = measure_ours(folder, end)
    print(f"{'CPU ms of a query, one thread':<52}{'eval':>8}{'reply':>8}{'ns/smpl':>8}{'Prometheus':>12}{'/eval':>8}"
          f"{'/both':>8}  at least {LEAST_CPU}; replies")
    equal = True
    for i, query in enumerate(QUERIES):
        same, note = compare(prometheus, folder, end, i)
        equal &= same
        row(figures["queries"][i], statistics.median(prometheus.cpu_of(query, end) for _ in range(ROUNDS)), note)
    show_memory(figures, prometheus)
    print("all replies are the same" if equal else "NOT ALL REPLIES ARE THE SAME")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-bench-"))
    prometheus = Prometheus(folder)
    try:
        bench(folder, prometheus)
    finally:
        prometheus.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
