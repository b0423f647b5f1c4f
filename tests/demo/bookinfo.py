"""A simulator of bookinfo in two clusters: serves what the pods' proxies would, as Prometheus text.

The gateway in cluster1 sends 80 % of its traffic to productpage in cluster1 and 20 % to cluster2. Every service calls
its own cluster first. With `reviews` in cluster1 scaled to zero, productpage-cluster1 calls reviews-cluster2.

A source series lives at the caller, a destination series at the callee, as Istio's proxies report them.

  GET  /<cluster>/<pod>/metrics   one pod's metrics; 404 while the pod does not run
  POST /failover, POST /recover   scales reviews-cluster1 to zero, and back to one

Standard library only. Run directly: bookinfo.py [port]
"""
import http.server
import sys
import threading
import time

CLUSTERS = ("cluster1", "cluster2")
APPS = ("productpage", "details", "reviews", "ratings")
CALLS = {"productpage": ("details", "reviews"), "reviews": ("ratings",)}
GATEWAY = "istio-ingressgateway"
REQUESTS_PER_SECOND = 100.0
SPLIT = {"cluster1": 0.8, "cluster2": 0.2}
BUCKETS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000)
# milliseconds, spread evenly over this range, so that quantiles are known
LATENCY_MS = {"productpage": (20, 60), "details": (1, 5), "reviews": (5, 25), "ratings": (1, 5)}
BYTES = {"istio_request_bytes": (200, 600), "istio_response_bytes": (1000, 9000)}


def namespace_of(app):
    return "istio-system" if app == GATEWAY else "bookinfo"


def workload_of(app, cluster):
    return GATEWAY if app == GATEWAY else f"{app}-{cluster}"


def pod_of(app, cluster):
    return f"{workload_of(app, cluster)}-5d8c7f9b6-x7k2p"


def pods(cluster):
    """(app, pod) of everything that may run in a cluster."""
    apps = ((GATEWAY,) if cluster == "cluster1" else ()) + APPS
    return [(app, pod_of(app, cluster)) for app in apps]


def peer_labels(side, app, cluster):
    namespace = namespace_of(app)
    return {
        f"{side}_workload": workload_of(app, cluster),
        f"{side}_workload_namespace": namespace,
        f"{side}_principal": f"spiffe://cluster.local/ns/{namespace}/sa/{namespace}-{app}",
        f"{side}_app": app,
        f"{side}_version": "v1",
        f"{side}_canonical_service": app,
        f"{side}_canonical_revision": "v1",
        f"{side}_cluster": cluster,
    }


def edge_labels(reporter, source, destination):
    app = destination[0]
    namespace = namespace_of(app)
    return {
        "reporter": reporter,
        **peer_labels("source", *source),
        **peer_labels("destination", *destination),
        "destination_service": f"{app}.{namespace}.svc.cluster.local",
        "destination_service_name": app,
        "destination_service_namespace": namespace,
        "request_protocol": "http",
        "response_code": "200",
        "response_flags": "-",
        "connection_security_policy": "unknown" if reporter == "source" else "mutual_tls",
    }


def share_below(bound, low, high):
    return min(1.0, max(0.0, (bound - low) / (high - low)))


def text_of(labels):
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


class Mesh:
    """Counters of every edge (source, destination), each an (app, cluster); moved on by the time that passed."""

    def __init__(self, clock=time.time):
        self.clock = clock
        self.lock = threading.Lock()
        self.requests = {}
        self.reviews_runs = True
        self.started = self.moved = clock()

    def set_reviews(self, runs):
        with self.lock:
            self._move_on()
            self.reviews_runs = runs

    def runs(self, app, cluster):
        return self.reviews_runs or (app, cluster) != ("reviews", "cluster1")

    def _callee(self, app, cluster):
        other = CLUSTERS[1 - CLUSTERS.index(cluster)]
        return (app, cluster if self.runs(app, cluster) else other)

    def _send(self, source, destination, requests):
        self.requests[source, destination] = self.requests.get((source, destination), 0.0) + requests
        for app in CALLS.get(destination[0], ()):
            self._send(destination, self._callee(app, destination[1]), requests)

    def _move_on(self):
        now = self.clock()
        requests, self.moved = (now - self.moved) * REQUESTS_PER_SECOND, now
        for cluster, share in SPLIT.items():
            self._send((GATEWAY, "cluster1"), ("productpage", cluster), requests * share)

    def metrics(self, app, cluster):
        """The text of one pod, or None while it does not run."""
        with self.lock:
            self._move_on()
            if not self.runs(app, cluster):
                return None
            edges = list(self.requests.items())
        me, families = (app, cluster), {}
        for (source, destination), requests in edges:
            for reporter, peer in (("source", source), ("destination", destination)):
                if peer == me:
                    self._edge(families, edge_labels(reporter, source, destination), destination[0], requests)
        self._process(families, app)
        return "".join(f"# TYPE {name} {kind}\n" + "".join(lines) for name, (kind, lines) in families.items())

    @staticmethod
    def _edge(families, labels, app, requests):
        count, labels = int(requests), text_of(labels)
        families.setdefault("istio_requests_total", ("counter", []))[1].append(f"istio_requests_total{{{labels}}} {count}\n")
        spreads = {"istio_request_duration_milliseconds": LATENCY_MS[app], **BYTES}
        for name, (low, high) in spreads.items():
            lines = families.setdefault(name, ("histogram", []))[1]
            for bound in BUCKETS:
                below = int(requests * share_below(bound, low, high))
                lines.append(f'{name}_bucket{{{labels},le="{bound:g}"}} {below}\n')
            lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {count}\n')
            lines.append(f"{name}_sum{{{labels}}} {count * (low + high) / 2:.6f}\n")
            lines.append(f"{name}_count{{{labels}}} {count}\n")

    def _process(self, families, app):
        families["process_start_time_seconds"] = ("gauge", [f"process_start_time_seconds {self.started:.3f}\n"])
        families["process_resident_memory_bytes"] = ("gauge", [f"process_resident_memory_bytes {len(app) * 4000000}\n"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mesh = None

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        body = None
        if len(parts) == 3 and parts[0] in CLUSTERS and parts[2] == "metrics":
            for app, pod in pods(parts[0]):
                if pod == parts[1]:
                    body = self.mesh.metrics(app, parts[0])
        self.answer(404 if body is None else 200, body or "no such pod runs\n")

    def do_POST(self):
        if self.path not in ("/failover", "/recover"):
            self.answer(404, "POST /failover or /recover\n")
            return
        runs = self.path == "/recover"
        self.mesh.set_reviews(runs)
        self.answer(200, f"reviews-cluster1 {'runs again' if runs else 'is scaled to zero: calls go to cluster2'}\n")

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port=0, address="127.0.0.1", mesh=None):
        handler = type("BoundHandler", (Handler,), {"mesh": mesh or Mesh()})
        super().__init__((address, port), handler)
        self.mesh = handler.mesh
        self.port = self.server_address[1]


def scrape_config(cluster, target, interval="2s"):
    """The prometheus.yml of one cluster: each pod is a target with the labels that Kubernetes discovery would give."""
    lines = ["global:", f"  scrape_interval: {interval}", f"  evaluation_interval: {interval}",
             "scrape_configs:", "- job_name: kubernetes-pods", "  static_configs:"]
    for number, (app, pod) in enumerate(pods(cluster), 1):
        lines += [f"  - targets: ['{target}']", "    labels:",
                  f"      __metrics_path__: /{cluster}/{pod}/metrics",
                  f"      instance: 10.0.0.{number}:15020", f"      namespace: {namespace_of(app)}",
                  f"      pod: {pod}", f"      app: {app}", "      version: v1",
                  f"      service_istio_io_canonical_name: {app}", "      service_istio_io_canonical_revision: v1"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--config"]:  # bookinfo.py --config cluster1 host:port
        print(scrape_config(sys.argv[2], sys.argv[3]), end="")
    else:
        Server(int(sys.argv[1]) if len(sys.argv) > 1 else 9095, "0.0.0.0").serve_forever()
