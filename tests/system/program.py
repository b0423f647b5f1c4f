"""The program under test: starting it on free ports, asking it, ending it. Nothing sleeps; everything polls a deadline."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

SOURCE_DIR = pathlib.Path(os.environ.get("GV_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN = os.environ.get("GLOBALVIEW_BIN", str(SOURCE_DIR / "build/release/globalview"))
TOOLS_DIR = pathlib.Path(os.environ.get("GV_TOOLS_DIR", pathlib.Path(BIN).resolve().parent / "tests"))
DEADLINE = 30  # seconds that anything may take before a test fails


def eventually(condition, what, seconds=DEADLINE):
    """The first true value of condition(), asked again and again until the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


RESERVED = []  # sockets whose names keep ports from other test processes, for as long as this one lives


def free_port():
    """A port that nobody listens on, that no other test is given, and that no connection takes by itself."""
    while True:
        port = random.randrange(12000, 32000)  # below the range that the kernel gives to connections
        reserved = socket.socket(socket.AF_UNIX)
        try:
            reserved.bind(f"\0globalview-test-port-{port}")
            with contextlib.closing(socket.socket()) as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            reserved.close()
            continue
        RESERVED.append(reserved)
        return port


def run(*args, timeout=DEADLINE, **options):
    """Runs a subcommand to its end."""
    return subprocess.run([BIN, *args], capture_output=True, text=True, timeout=timeout, **options)


def wait_until_known(program):
    """What the backends can do, remote read above all, has been learned."""
    def known():
        clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
        return all(c["abilities"].get("remoteRead") for c in clusters if c["replicas"])
    eventually(known, "what the backends can do is known")


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Program:
    """globalview serve in a folder of its own. A context manager: ended, and its log shown where it failed to end."""

    def __init__(self, config, *flags, env=None, start=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-test-"))
        self.config = self.folder / "globalview.yml"
        self.config.write_text(config)
        self.flags, self.env = flags, env
        self.process, self.port, self.lines = None, None, []
        if start:
            try:
                self.start()
            except BaseException:
                self.stop()
                raise

    def start(self):
        self.process = subprocess.Popen(
            [BIN, f"--config.file={self.config}", "--web.listen-address=127.0.0.1:0", *self.flags],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace", cwd=self.folder,
            env={**os.environ, **(self.env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        eventually(lambda: self.port or self.process.poll() is not None, "listening")
        if self.process.poll() is not None:
            self.reader.join(DEADLINE)
            raise AssertionError("globalview ended at start:\n" + self.log)

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r'listening.*127\.0\.0\.1:(\d+)', line)
            if found and not self.port:
                self.port = int(found[1])

    @property
    def log(self):
        return "".join(self.lines)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None, timeout=DEADLINE):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as c:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return Reply(r.status, r.headers, r.read())

    def get(self, path, headers=None, **params):
        if params:
            path += "?" + urllib.parse.urlencode(params, doseq=True)
        return self.request("GET", path, headers=headers)

    def post(self, path, headers=None, **params):
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.request("POST", path, urllib.parse.urlencode(params, doseq=True), form)

    def query(self, text, **params):
        return self.post("/api/v1/query", query=text, **params)

    def metric(self, name):
        """The value of a series of /metrics, written as there: name, or name{labels}."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def wait_for_log(self, text):
        return eventually(lambda: text in self.log, f"log line with {text!r}; the log:\n{self.log}")

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def end(self, how=signal.SIGTERM, seconds=DEADLINE):
        """Asks the program to end; gives its exit status."""
        self.process.send_signal(how)
        status = self.process.wait(seconds)
        self.reader.join(seconds)
        return status

    def stop(self):
        if self.process and self.process.poll() is None:
            try:
                status = self.end()
                if status:
                    raise AssertionError(f"globalview ended with status {status}:\n" + self.log)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("globalview did not end on SIGTERM:\n" + self.log) from None
            finally:
                self._clean()
        else:
            self._clean()

    def _clean(self):
        if self.process:
            self.reader.join(DEADLINE)
            self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
