"""Real Prometheus servers on data made for a test: OpenMetrics text becomes blocks, a server starts on them."""
import http.client
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from program import eventually, free_port

PROMETHEUS = shutil.which("prometheus") or "/usr/bin/prometheus"
PROMTOOL = shutil.which("promtool") or "/usr/bin/promtool"


def openmetrics(series):
    """OpenMetrics text of {name: (type, [(labels text, [(seconds, value), ...]), ...])}."""
    lines = []
    for name, (kind, rows) in series.items():
        lines.append(f"# TYPE {name.removesuffix('_total') if kind == 'counter' else name} {kind}")
        for labels, points in rows:
            lines += [f"{name}{{{labels}}} {value} {seconds}" for seconds, value in points]
    return "\n".join(lines + ["# EOF", ""])


class Prometheus:
    """A server of its own, in a folder of its own. text: OpenMetrics with timestamps, or None; config: prometheus.yml;
    blocks: folders of blocks, of which it gets copies."""

    def __init__(self, text=None, config="global: {scrape_interval: 15s}\n", rules=None, flags=(), blocks=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-prometheus-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        for block in blocks:
            shutil.copytree(block, self.data / pathlib.Path(block).name)
        if text:
            (self.folder / "input.om").write_text(text)
            subprocess.run([PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", self.folder / "input.om", self.data],
                           check=True, capture_output=True)
        if rules:
            (self.folder / "rules.yml").write_text(rules)
            config += f"rule_files: ['{self.folder}/rules.yml']\n"
        (self.folder / "prometheus.yml").write_text(config)
        self.port, self.process, self.flags = free_port(), None, flags
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [PROMETHEUS, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.data}",
             "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{self.port}",
             "--log.level=error", *self.flags], stderr=subprocess.DEVNULL)
        eventually(self.ready, "the Prometheus server is ready")

    def ready(self):
        """It is this server that answers, not another one on its port."""
        if self.process.poll() is not None:
            raise AssertionError(f"Prometheus ended at start, with status {self.process.returncode}")
        try:
            if urllib.request.urlopen(self.url + "/-/ready", timeout=5).status != 200:
                return False
        except (OSError, http.client.HTTPException):
            return False
        return self.get("/api/v1/status/flags")[1]["data"]["storage.tsdb.path"] == str(self.data)

    def get(self, path, **params):
        """(status, JSON) of a GET, errors included."""
        query = "?" + urllib.parse.urlencode(params, doseq=True) if params else ""
        try:
            with urllib.request.urlopen(self.url + path + query, timeout=30) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"null")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
