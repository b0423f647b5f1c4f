"""Queries through globalview over canned backends.

Bodies are files that nginx serves, so the backends cost little; wrk drives. What is printed per case: queries/s, CPU
milliseconds of globalview per query (all threads, from the scheduler's count), p50 and p99, peak RSS; and the same
bodies fetched from nginx directly, which is what the machine can do at all.
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

from process import Process

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = os.environ.get("GLOBALVIEW_BIN") or str(ROOT / "build/release/globalview")
CLUSTERS = 4
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
TARGETS = {"instant": "target <= 0.15 ms CPU", "range": "target <= 45 ms CPU, <= 56 MiB"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def labels(i):
    return {"__name__": "istio_requests_total", "instance": f"10.0.{i // 250}.{i % 250}:15020", "job": "kubernetes-pods",
            "namespace": "bookinfo", "pod": f"reviews-v2-5d8c7f9b6-{i:05d}"}


def body(kind, series, points):
    start, result = 1795400000, []
    for i in range(series):
        if kind == "vector":
            result.append({"metric": labels(i), "value": [start, f"{i * 1.25:.3f}"]})
        else:
            values = [[start + 15 * k, f"{1000 + i + k * 0.125:.3f}"] for k in range(points)]
            result.append({"metric": labels(i), "values": values})
    data = {"status": "success", "data": {"resultType": kind, "result": result}}
    return json.dumps(data, separators=(",", ":"))


class Backends:
    """One nginx; every port serves the same files at the API's paths, for GET and POST alike."""

    def __init__(self, folder, ports):
        self.ports = ports
        buildinfo = '{"status":"success","data":{"version":"3.5.0"}}'
        (folder / "www/api/v1/status").mkdir(parents=True)
        (folder / "www/api/v1/status/buildinfo").write_text(buildinfo)
        (folder / "www/api/v1/query").write_text(body("vector", 10, 1))
        (folder / "www/api/v1/query_range").write_text(body("matrix", 1000, 241))
        listens = "\n".join(f"listen 127.0.0.1:{port};" for port in ports)
        (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600s;
  default_type application/json; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  open_file_cache max=100; open_file_cache_valid 600s;
  server {{ {listens} root {folder}/www; error_page 405 =200 $uri; }}
}}""")
        os.chmod(folder, 0o755)
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf")],
                                        stderr=subprocess.DEVNULL)
        wait_http(f"http://127.0.0.1:{ports[0]}/api/v1/query")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wait_http(url, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Globalview(Process):
    def __init__(self, folder, endpoints, flags=(), cluster_options=""):
        self.port = free_port()
        config = folder / f"globalview-{self.port}.yml"
        config.write_text("clusters:\n" + "".join(
            f"  - {{name: c{i}, endpoints: ['{url}']{cluster_options}}}\n" for i, url in enumerate(endpoints)))
        super().__init__([PROGRAM, "serve", f"--config.file={config}", "--log.level=error",
                          f"--web.listen-address=127.0.0.1:{self.port}", *flags])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_http(self.url + "/-/ready")


def wrk(url, connections, seconds=SECONDS):
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "--latency", url],
                         capture_output=True, text=True, check=True).stdout
    found = {"requests": int(re.search(r"(\d+) requests in", out).group(1)),
             "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
             "p50": re.search(r"^\s+50%\s+(\S+)", out, re.M).group(1), "p99": re.search(r"^\s+99%\s+(\S+)", out, re.M).group(1)}
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if bad:
        raise SystemExit(f"bench: {bad.group(1)} of {found['requests']} replies from {url} were errors:\n{out}")
    return found


def row(name, found, cpu_ms=None, rss=None, note=""):
    cpu = f"{cpu_ms:9.3f}" if cpu_ms is not None else " " * 9
    mib = f"{rss:8.1f}" if rss is not None else " " * 8
    print(f"{name:<34}{found['rate']:>10.1f}{cpu}{found['p50']:>10}{found['p99']:>10}{mib}  {note}", flush=True)


def case(folder, backends, name, path, connections):
    direct = wrk(f"http://127.0.0.1:{backends.ports[0]}{path.split('?')[0]}", connections)
    row(f"{name}: one body from nginx", direct)
    view = Globalview(folder, [f"http://127.0.0.1:{port}" for port in backends.ports[:CLUSTERS]])
    try:
        wrk(view.url + path, connections, 1)  # warm: connections pooled, allocator settled
        before = view.cpu_seconds()
        found = wrk(view.url + path, connections)
        cpu = (view.cpu_seconds() - before) / found["requests"] * 1000
        row(f"{name}: globalview over {CLUSTERS}", found, cpu, view.peak_mib(), TARGETS[name])
    finally:
        view.stop()


def many_clusters(folder, backends, n=1000):
    for kind, host in (("addresses", "127.0.0.1"), ("names", "localhost")):
        ports = backends.ports
        view = Globalview(folder, [f"http://{host}:{ports[i % len(ports)]}" for i in range(n)])
        try:
            time.sleep(2)
            before, began = view.cpu_seconds(), time.monotonic()
            time.sleep(5)
            idle = (view.cpu_seconds() - before) / (time.monotonic() - began) * 100
            began = time.monotonic()
            reply = json.loads(wait_http(view.url + "/api/v1/query?query=up&time=1795400000", 60))
            print(f"{n} clusters by {kind:<10} idle {idle:.2f} % of a core, {view.status('VmRSS') / 1024:.1f} MiB, "
                  f"{view.status('Threads')} threads; first query {(time.monotonic() - began) * 1000:.0f} ms, "
                  f"{len(reply['data']['result'])} series, {len(reply.get('warnings', []))} warnings", flush=True)
        finally:
            view.stop()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-bench-"))
    backends = Backends(folder, [free_port() for _ in range(16)])
    try:
        print(f"{'':<34}{'queries/s':>10}{'CPU ms':>9}{'p50':>10}{'p99':>10}{'peak MiB':>8}")
        case(folder, backends, "instant", "/api/v1/query?query=up&time=1795400000", 8)
        case(folder, backends, "range", "/api/v1/query_range?query=up&start=1795400000&end=1795403600&step=15", 1)
        many_clusters(folder, backends)
    finally:
        backends.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
