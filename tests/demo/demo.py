#!/usr/bin/env python3
"""The demo: two clusters running bookinfo, a real Prometheus in each, one globalview over both.

Starts everything on this machine, prints what to try, and ends all of it on Ctrl-C. The system test of the same
scenario (tests/system/test_demo.py) uses the Demo class with free ports.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bookinfo  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEWAY_SPLIT = ('sum by (destination_workload) (rate(istio_requests_total{reporter="source",'
                 'source_workload="istio-ingressgateway"}[15s]))')
REVIEWS_EDGES = ('sum by (source_workload, destination_workload) (rate(istio_requests_total{reporter="source",'
                 'destination_service_name="reviews"}[15s])) > 0')


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def port_or_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return port
        except OSError:
            return free_port()


def wait_for(what, check, seconds=60.0):
    """Polls until check() gives something true; says what was waited for when the time is over."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            found = check()
            if found:
                return found
        except (OSError, ValueError, KeyError, IndexError) as e:
            last = e
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {seconds:g} s" + (f" (last: {last})" if last else ""))


class Demo:
    def __init__(self, fixed_ports=False, program=None, interval="1s"):
        pick = port_or_free if fixed_ports else lambda port: free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-demo-"))
        self.program = program or os.environ.get("GLOBALVIEW_BIN") or str(ROOT / "build/release/globalview")
        self.interval = interval
        self.prometheus_ports = {"cluster1": pick(9091), "cluster2": pick(9092)}
        self.port = pick(9490)
        self.children = []
        self.simulator = bookinfo.Server(pick(9095))
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulator_url = f"http://127.0.0.1:{self.simulator.port}"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        threading.Thread(target=self.simulator.serve_forever, daemon=True).start()
        for cluster in bookinfo.CLUSTERS:
            self.start_prometheus(cluster)
        config = self.folder / "globalview.yml"
        config.write_text("clusters:\n" + "".join(
            f"  - name: {cluster}\n    endpoints: [http://127.0.0.1:{port}]\n"
            for cluster, port in self.prometheus_ports.items()))
        self.spawn("globalview", [self.program, "serve", f"--config.file={config}",
                                  f"--web.listen-address=127.0.0.1:{self.port}"])
        wait_for("globalview ready", lambda: self.fetch("/-/ready"))

    def start_prometheus(self, cluster):
        folder = self.folder / cluster
        folder.mkdir()
        (folder / "prometheus.yml").write_text(
            bookinfo.scrape_config(cluster, f"127.0.0.1:{self.simulator.port}", self.interval))
        port = self.prometheus_ports[cluster]
        self.spawn(cluster, [shutil.which("prometheus") or "/usr/bin/prometheus",
                             f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"])
        wait_for(f"the Prometheus of {cluster} ready",
                 lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).status == 200)

    def spawn(self, name, command):
        log = open(self.folder / f"{name}.log", "wb")
        self.children.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        log.close()

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.simulator.shutdown()
        self.simulator.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fetch(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return reply.read()

    def query(self, text):
        """{label set as a frozenset of pairs: value} of an instant query."""
        reply = json.loads(self.fetch("/api/v1/query?" + urllib.parse.urlencode({"query": text})))
        return {frozenset(s["metric"].items()): float(s["value"][1]) for s in reply["data"]["result"]}

    def failover(self, on):
        request = urllib.request.Request(f"{self.simulator_url}/{'failover' if on else 'recover'}", method="POST")
        urllib.request.urlopen(request, timeout=5).read()


def curl(demo, query):
    return f"  curl -sG {demo.url}/api/v1/query --data-urlencode 'query={query}'"


def main():
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
    print("starting two Prometheus servers and globalview ...", flush=True)
    with Demo(fixed_ports=True, interval="2s") as demo:
        print(f"""
globalview     {demo.url}   (one endpoint for both clusters; point Grafana or Kiali here)
cluster1       http://127.0.0.1:{demo.prometheus_ports['cluster1']}   its Prometheus
cluster2       http://127.0.0.1:{demo.prometheus_ports['cluster2']}   its Prometheus

The gateway's 80/20 split (give it 20 seconds of data):
{curl(demo, GATEWAY_SPLIT)}

Who calls reviews, and where:
{curl(demo, REVIEWS_EDGES)}

Scale reviews in cluster1 to zero; productpage-cluster1 goes over to reviews-cluster2, as the line above then shows:
  curl -X POST {demo.simulator_url}/failover
And back:
  curl -X POST {demo.simulator_url}/recover

Ctrl-C ends all of it.""", flush=True)
        try:
            while all(child.poll() is None for child in demo.children):
                time.sleep(0.5)
            print("one of the programs ended by itself; its log:", file=sys.stderr)
            for log in sorted(demo.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-2000:]}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nending", flush=True)
            return 0


if __name__ == "__main__":
    sys.exit(main())
