"""./run bench ingest: remote write into globalview, with both policies of its log, beside Prometheus and VictoriaMetrics.

The same bodies, made before the clock starts (bench_ingest_send), over two connections, as fast as each takes them:
100,000 series, 40 scrapes, 10,000 series a body; then 1,000,000 series, 10 scrapes. CPU time is that of the receiving
program alone, from its start's end to the last answer and, for what it does later, two seconds more."""
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from process import Process

ROOT = pathlib.Path(__file__).resolve().parents[1]
SENDER = ROOT / "build/release/bench/bench_ingest_send"
PER_BODY, CONNECTIONS, INTERVAL = 10_000, 2, 15
QUERIES = ["sum by (namespace) (rate(container_counter_00_total[2m]))", "max(container_gauge_01_bytes)",
           "topk(5, sum by (instance) (rate(container_counter_02_total[2m])))",
           'container_gauge_03_bytes{namespace="team-3"}', "count by (container) (container_gauge_05_bytes)"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    """A program that takes writes, in a folder of its own."""
    name, path, ready_path, snapshot = "", "/api/v1/write", "/-/ready", "/api/v1/admin/tsdb/snapshot"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-bench-"))
        self.port = free_port()

    def start(self):
        begin = time.monotonic()
        self.log = open(self.folder / "log", "a")
        self.process = Process(self.command(), stderr=self.log, stdout=self.log, cwd=self.folder)
        while True:
            try:
                if self.get(self.ready_path)[0] == 200:
                    return time.monotonic() - begin
            except (OSError, http.client.HTTPException):
                pass
            if self.process.process.poll() is not None:
                raise SystemExit(f"{self.name} ended: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)

    def get(self, path, method="GET", **params):
        data = urllib.parse.urlencode(params).encode() if params else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method="POST" if data else method)
        with urllib.request.urlopen(request, timeout=600) as reply:
            return reply.status, reply.read()

    def stop(self):
        self.process.stop()
        self.log.close()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def disk_bytes(self):
        """Of all samples as blocks, the head among them."""
        name = json.loads(self.get(self.snapshot, "POST")[1])["data"]["name"]
        return size_of(next(self.folder.rglob(f"snapshots/{name}")))


class Globalview(Receiver):
    def __init__(self, sync):
        super().__init__()
        self.name, self.sync = f"globalview, {sync}", sync
        (self.folder / "globalview.yml").write_text("storage: {path: data}\ningest:\n")

    def command(self):
        return [os.environ.get("GLOBALVIEW_BIN", ROOT / "build/release/globalview"), "--config.file=globalview.yml",
                f"--web.listen-address=127.0.0.1:{self.port}", f"--storage.wal-sync={self.sync}",
                "--web.enable-admin-api", "--log.level=warn"]


class Prometheus(Receiver):
    name = "prometheus"

    def __init__(self):
        super().__init__()
        (self.folder / "prometheus.yml").write_text("global: {}\n")

    def command(self):
        return [shutil.which("prometheus"), f"--config.file={self.folder}/prometheus.yml", "--web.enable-admin-api",
                f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-remote-write-receiver", "--log.level=warn"]


class VictoriaMetrics(Receiver):
    name, ready_path = "victoria-metrics", "/health"

    def command(self):
        return [shutil.which("victoria-metrics"), f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=1"]

    def disk_bytes(self):
        self.get("/internal/force_flush")
        time.sleep(3)  # merges
        return size_of(self.folder / "data")


def size_of(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def send(receiver, series, scrapes):
    """(samples, seconds): all of them taken."""
    start = int(time.time() - scrapes * INTERVAL) * 1000
    done = subprocess.run([SENDER, str(receiver.port), receiver.path, str(series), str(scrapes), str(PER_BODY),
                           str(CONNECTIONS), str(start)], check=True, capture_output=True, text=True)
    samples, seconds, refused = done.stdout.split()
    if int(refused):
        print(f"  {refused} bodies refused by {receiver.name}: {done.stderr[:500]}")
    return int(samples), float(seconds)


def ask(receiver):
    """CPU milliseconds of one query: every one ten times, over the time that was written."""
    end = int(time.time())
    before = receiver.process.cpu_seconds()
    for query in QUERIES:
        for _ in range(10):
            receiver.get("/api/v1/query_range", query=query, start=end - 600, end=end, step=15)
    return (receiver.process.cpu_seconds() - before) * 1000 / (10 * len(QUERIES))


def measure(receiver, series, scrapes):
    receiver.start()
    idle_kib = receiver.process.status("VmRSS")
    before = receiver.process.cpu_seconds()
    samples, seconds = send(receiver, series, scrapes)
    time.sleep(2)
    cpu = receiver.process.cpu_seconds() - before
    peak, resident = receiver.process.peak_mib(), receiver.process.status("VmRSS")
    asked = ask(receiver)
    bytes_per_sample = receiver.disk_bytes() / samples
    receiver.stop()
    restart = receiver.start()
    restart_cpu = receiver.process.cpu_seconds_since_start()
    receiver.stop()
    receiver.remove()
    print(f"  {receiver.name:22} {samples / cpu / 1e6:9.3f} {seconds:7.2f} {peak:9.0f} {(resident - idle_kib) * 1024 / series:9.0f}"
          f" {bytes_per_sample:8.2f} {restart * 1e7 / samples:9.2f} {restart_cpu * 1e7 / samples:8.2f} {asked:9.2f}", flush=True)


def main():
    rounds = [(int(os.environ.get("BENCH_SERIES", 100_000)), int(os.environ.get("BENCH_SCRAPES", 40)))]
    if "BENCH_SERIES" not in os.environ:
        rounds.append((1_000_000, 10))
    for series, scrapes in rounds:
        print(f"\n{series:,} series, {scrapes} scrapes, {PER_BODY:,} series a body, {CONNECTIONS} connections")
        print(f"  {'':22} M samples    wall peak RSS  bytes per bytes on    restart per 10 M   CPU ms")
        print(f"  {'':22} per CPU s       s       MiB     series disk/smp    wall s    CPU s  per query")
        others = [] if os.environ.get("BENCH_ALONE") else [Prometheus(), VictoriaMetrics()]
        for receiver in [Globalview("interval"), Globalview("always"), *others]:
            measure(receiver, series, scrapes)


if __name__ == "__main__":
    main()
