"""The server's life: start, reload, drain, what it tells systemd, and what it never shows."""
import http.server
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from program import BIN, Program, eventually, free_port, run


class Backend:
    """Answers every query with one series; queries wait while `gate` is closed."""

    def __init__(self, value):
        self.value, self.gate, self.asked = value, threading.Event(), threading.Event()
        self.gate.set()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if "/api/v1/query" in self.path:
                    backend.asked.set()
                    backend.gate.wait(60)
                data = {"resultType": "vector", "result": [{"metric": {"__name__": "up"},
                                                            "value": [time.time(), str(backend.value)]}]}
                text = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return body

            do_GET = do_POST = answer

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None  # clients that hang up are part of the tests
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def config(*backends, more=""):
    text = more + "\nclusters:\n"
    for i, backend in enumerate(backends, 1):
        text += f"  - name: c{i}\n    endpoints: [{backend.url}]\n"
    return text


class Server(unittest.TestCase):
    def backend(self, value=1):
        b = Backend(value)
        self.addCleanup(b.stop)
        return b

    def program(self, *args, **options):
        p = Program(*args, **options)
        self.addCleanup(p.stop)
        return p

    def clusters(self, p):
        return sorted(s["metric"]["cluster"] for s in p.query("up").json["data"]["result"])


class Start(Server):
    def test_port_in_use_is_named(self):
        with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path = pathlib.Path(folder, "g.yml")
            path.write_text(config(self.backend()))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = run(f"--config.file={path}", f"--web.listen-address={address}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("globalview: --web.listen-address: ", done.stderr)
        self.assertIn(address, done.stderr)
        self.assertIn("address already in use", done.stderr.lower())

    def test_addresses_that_are_none_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "g.yml")
            path.write_text(config(self.backend()))
            for address, why in (("127.0.0.1:99999", 'listen address "127.0.0.1:99999": the port is no number from 0 to 65535'),
                                 ("127.0.0.1:", 'listen address "127.0.0.1:": the port is no number from 0 to 65535'),
                                 ("localhost", 'listen address "localhost" is not host:port'),
                                 ("", "at least one address is needed")):
                done = run(f"--config.file={path}", f"--web.listen-address={address}")
                self.assertEqual((done.returncode, done.stderr), (2, f"globalview: --web.listen-address: {why}\n"))

    def test_several_addresses(self):
        port = free_port()
        p = self.program(config(self.backend()), f"--web.listen-address=127.0.0.1:{port}", "--loops=3")
        other = Program.__new__(Program)
        other.port = port
        self.assertEqual(p.get("/-/healthy").status, 200)
        self.assertEqual(Program.get(other, "/-/healthy").status, 200)

    def test_systemd_is_told(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(f"{folder}/notify")
            s.settimeout(30)
            p = self.program(config(self.backend()), env={"NOTIFY_SOCKET": f"{folder}/notify"})
            self.assertEqual(s.recv(100), b"READY=1")
            self.assertEqual(p.end(), 0)
            self.assertEqual(s.recv(100), b"STOPPING=1")

    def test_command_line_beats_the_file(self):
        text = config(self.backend(), more="global: {query_timeout: 1m, lookback_delta: 3m}")
        p = self.program(text, "--query.timeout=7s", "--query.max-samples", "99", "--no-web.enable-lifecycle")
        flags = p.get("/api/v1/status/flags").json["data"]
        self.assertEqual([flags[k] for k in ("query.timeout", "query.lookback-delta", "query.max-samples",
                                             "query.max-memory", "web.enable-lifecycle")],
                         ["7s", "3m", "99", "512MiB", "false"])

    def test_a_bad_override_names_the_flag(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "g.yml")
            path.write_text(config(self.backend()))
            done = run(f"--config.file={path}", "--query.timeout=0s")
        self.assertEqual((done.returncode, done.stderr),
                         (1, "globalview: --query.timeout: 0s is below the least allowed, 1ms\n"))

    def test_route_prefix(self):
        p = self.program(config(self.backend()), "--web.external-url=https://example.org/metrics/view/")
        self.assertEqual(p.get("/metrics/view/-/healthy").status, 200)
        self.assertEqual(p.get("/-/healthy").status, 404)
        self.assertEqual(p.get("/metrics/viewer/-/healthy").status, 404)
        for path in ("/", "/metrics/view"):
            r = p.get(path)
            self.assertEqual((r.status, r.headers["Location"]), (302, "/metrics/view/"))
        self.assertIn("c1", p.get("/metrics/view/").text)

    def test_healthcheck(self):
        p = self.program(config(self.backend()))
        self.assertEqual(run("healthcheck", p.url).returncode, 0)
        self.assertEqual(run("healthcheck", p.url + "/-/ready").returncode, 0)
        nobody = {"http_proxy": "http://127.0.0.1:1", "PATH": "/"}
        self.assertEqual(run("healthcheck", p.url, env=nobody).returncode, 0)

    def test_query_table(self):
        p = self.program(config(self.backend(1), self.backend(2)))
        done = run("query", "--url", p.url, "up")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "NAME  cluster  VALUE\nup    c1       1\nup    c2       2\n", ""))
        done = run("query", f"--url={p.url}", 'label_replace(vector(1), "a", "x\\ny\\x1b[2J", "", "")')
        self.assertEqual((done.returncode, done.stdout), (0, 'a              VALUE\n"x\\ny\\x1b[2J"  1\n'))
        done = run("query", f"--url={p.url}", "vector(1) > 2")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "no series\n"))
        done = run("query", f"--url={p.url}", "sum(")
        self.assertEqual(done.returncode, 1)
        self.assertIn("parse error", done.stderr)


class Reload(Server):
    def test_hangup_takes_the_new_file(self):
        one, two = self.backend(), self.backend()
        p = self.program(config(one))
        self.assertEqual(self.clusters(p), ["c1"])
        p.config.write_text(config(one, two))
        p.reload()
        p.wait_for_log("configuration reloaded")
        self.assertEqual(self.clusters(p), ["c1", "c2"])
        self.assertEqual(p.metric("globalview_clusters"), 2)

    def test_a_hangup_during_the_start_is_heeded_after_it(self):
        with tempfile.TemporaryDirectory(prefix="globalview-test-") as folder:
            file = pathlib.Path(folder) / "globalview.yml"
            file.write_text("storage:\n")
            process = subprocess.Popen([BIN, f"--config.file={file}", "--web.listen-address=127.0.0.1:0"],
                                       stderr=subprocess.PIPE, text=True, cwd=folder)
            with process:
                for line in process.stderr:
                    if "storage opened" in line:
                        process.send_signal(signal.SIGHUP)
                    if "configuration reloaded" in line:
                        process.terminate()
            self.assertEqual(process.returncode, 0)

    def test_a_bad_file_changes_nothing_and_says_why(self):
        one = self.backend()
        p = self.program(config(one), "--web.enable-lifecycle")
        self.assertEqual(p.metric("globalview_config_last_reload_successful"), 1)
        p.config.write_text(config(one).replace("endpoints", "endpoint"))
        r = p.post("/-/reload")
        why = f"{p.config}:4:5: clusters[0].endpoint: unknown key (did you mean endpoints?)"
        self.assertEqual((r.status, r.text), (500, f"failed to reload config: {why}\n"))
        self.assertIn(why, p.wait_for_log(why) and p.log)
        self.assertEqual(p.metric("globalview_config_last_reload_successful"), 0)
        self.assertEqual(self.clusters(p), ["c1"])
        p.config.write_text(config(one))
        self.assertEqual(p.post("/-/reload").status, 200)
        self.assertEqual(p.metric("globalview_config_last_reload_successful"), 1)

    def test_a_bad_file_leaves_the_metrics_of_replicas_alone(self):
        one, two = self.backend(), self.backend()
        p = self.program(f"clusters: [{{name: c1, endpoints: [{one.url}, {two.url}]}}]", "--web.enable-lifecycle")
        up = f'globalview_replica_up{{cluster="c1",replica="{one.url}"}}'
        eventually(lambda: p.metric(up) == 1, "the replica is up")
        p.config.write_text(f"clusters:\n- {{name: c1, endpoints: [{one.url}]}}\n"
                            f"- {{name: c2, endpoints: [{two.url}], tls_config: {{ca_file: /nowhere}}}}\n")
        self.assertEqual(p.post("/-/reload").status, 500)
        self.assertEqual(p.metric(up), 1)
        p.config.write_text(f"clusters: [{{name: c1, endpoints: [{one.url}]}}]")
        self.assertEqual(p.post("/-/reload").status, 200)
        eventually(lambda: p.metric(up) == 1, "the replica is up")
        gone = f'globalview_replica_up{{cluster="c1",replica="{two.url}"}}'
        eventually(lambda: p.metric(gone) is None, "the last probe of the old endpoint ends")

    def test_quit_ends_it_as_a_signal_does(self):
        p = self.program(config(self.backend()), "--web.enable-lifecycle")
        self.assertEqual(p.request("GET", "/-/quit").status, 405)
        reply = p.request("POST", "/-/quit")
        self.assertEqual((reply.status, reply.text), (200, "Requesting termination... Goodbye!\n"))
        self.assertEqual(p.process.wait(30), 0)

    def test_without_lifecycle_it_is_forbidden(self):
        p = self.program(config(self.backend()))
        self.assertEqual((p.post("/-/reload").status, p.post("/-/quit").status), (403, 403))
        self.assertEqual(p.metric('globalview_http_requests_in_flight{route="/-/reload"}'), 0)
        self.assertEqual(p.metric('globalview_http_requests_total{route="/-/reload",code="403"}'), 1)

    def test_no_request_fails_while_reloading(self):
        one, two = self.backend(), self.backend()
        p = self.program(config(one), "--web.enable-lifecycle", "--loops=2")
        bad, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                r = p.query("up")
                if r.status != 200 or r.json.get("warnings") or not r.json["data"]["result"]:
                    bad.append(r.text)

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for t in askers:
            t.start()
        try:
            for i in range(100):
                p.config.write_text(config(one, two) if i % 2 == 0 else config(one))
                self.assertEqual(p.post("/-/reload").status, 200)
        finally:
            stop.set()
            for t in askers:
                t.join()
        self.assertEqual(bad, [])

    def test_a_running_query_keeps_its_configuration(self):
        one, two = self.backend(1), self.backend(2)
        p = self.program(config(one), "--web.enable-lifecycle")
        one.gate.clear()
        got = []
        asker = threading.Thread(target=lambda: got.append(p.query("up").json))
        asker.start()
        self.assertTrue(one.asked.wait(30))
        p.config.write_text(config(two))
        self.assertEqual(p.post("/-/reload").status, 200)
        self.assertEqual(p.query("up").json["data"]["result"][0]["value"][1], "2")
        one.gate.set()
        asker.join(30)
        self.assertEqual(got[0]["data"]["result"][0]["value"][1], "1")

    def test_files_that_it_names_are_read_again(self):
        one, two = self.backend(), self.backend()
        p = self.program("clusters_files: [conf.d/*.yml]" + config(one), "--web.enable-lifecycle")
        (p.folder / "conf.d").mkdir()
        (p.folder / "conf.d/two.yml").write_text(f"clusters: [{{name: c2, endpoints: [{two.url}]}}]")
        self.assertEqual(p.post("/-/reload").status, 200)
        self.assertEqual(self.clusters(p), ["c1", "c2"])


class Secrets(Server):
    def test_none_is_shown(self):
        text = config(self.backend()) + """
    basic_auth: {username: joe, password: "sEcReT1"}
    proxy_url: http://joe:sEcReT2@127.0.0.1:1
    http_headers: {X-Token: {secrets: [sEcReT3], values: [shown]}}
"""
        p = self.program(text, "--web.enable-lifecycle", "--log.level=debug")
        pages = [p.query("up").text] + [p.get(path).text for path in (
            "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/clusters", "/", "/metrics")]
        p.config.write_text(text.replace("username", "usernam"))
        pages.append(p.post("/-/reload").text)
        p.end()
        self.assertNotIn("sEcReT", "".join(pages) + p.log)


class End(Server):
    def test_what_runs_may_finish(self):
        one = self.backend()
        p = self.program(config(one))
        one.gate.clear()
        got = []
        asker = threading.Thread(target=lambda: got.append(p.query("up")))
        asker.start()
        self.assertTrue(one.asked.wait(30))
        p.process.send_signal(signal.SIGTERM)
        p.wait_for_log("shutting down")

        def refused():
            try:
                return p.get("/-/healthy").status == 0
            except OSError:
                return True
        eventually(refused, "no new connections")
        self.assertIsNone(p.process.poll())
        one.gate.set()
        asker.join(30)
        self.assertEqual(got[0].status, 200)
        self.assertEqual(p.process.wait(30), 0)

    def test_a_second_signal_ends_it_at_once(self):
        one = self.backend()
        p = self.program(config(one))
        one.gate.clear()
        failed = []

        def ask():
            try:
                p.query("up")
            except OSError as e:
                failed.append(e)
        asker = threading.Thread(target=ask)
        asker.start()
        self.assertTrue(one.asked.wait(30))
        p.process.send_signal(signal.SIGTERM)
        p.wait_for_log("shutting down")
        p.process.send_signal(signal.SIGINT)
        self.assertEqual(p.process.wait(10), 0)
        asker.join(30)
        self.assertEqual(len(failed), 1)

    def test_a_hangup_does_not_break_it_off(self):
        p, late = self.program("storage:\n"), time.monotonic() + 30
        p.process.send_signal(signal.SIGTERM)
        while p.process.poll() is None and time.monotonic() < late:
            p.process.send_signal(signal.SIGHUP)
        self.assertEqual(p.process.returncode, 0)

    def test_idle_connections_do_not_hold_it(self):
        p = self.program(config(self.backend()))
        with socket.create_connection(("127.0.0.1", p.port)):
            p.get("/-/healthy")
            self.assertEqual(p.end(), 0)


if __name__ == "__main__":
    unittest.main()
