"""What is written is read: by a client of both versions of remote write, by a real Prometheus and by vmagent; and what
is not taken is said, item by item, in the status that the protocol has for it."""
import contextlib
import http.server
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import writes
from program import Program, eventually, free_port
from prometheus import Prometheus
from remote import STALE, varint
from writes import V1, V2, Request2, post, request_1, request_2

VMAGENT = shutil.which("vmagent") or "/usr/bin/vmagent"
CONFIG = "storage: {path: data}\ningest:\n"


def now_ms():
    return int(time.time() * 1000)


class Target:
    """Something to scrape: two metrics, and a switch to take one away."""

    def __init__(self):
        target = self
        self.requests, self.whole = 0, True

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                target.requests += 1
                text = "# HELP pushed_total Things.\n# TYPE pushed_total counter\npushed_total{a=\"1\"} %d\n" % target.requests
                if target.whole:
                    text += "# TYPE fleeting gauge\nfleeting 42\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                with contextlib.suppress(OSError):  # a scraper that has ended meanwhile
                    self.wfile.write(text.encode())

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Written(unittest.TestCase):
    def start(self, config=CONFIG, *flags):
        program = Program(config, *flags)
        self.addCleanup(program.stop)
        return program

    def taken(self, reply):
        self.assertEqual((reply.status, reply.text), (204, ""))

    def values(self, program, query, **params):
        """{labels without the name: value} of an instant query."""
        reply = program.query(query, **params)
        self.assertEqual(reply.status, 200, reply.text)
        return {tuple(sorted(r["metric"].items())): r["value"][1] for r in reply.json["data"]["result"]}


class Clients(Written):
    def test_both_versions_are_read_back(self):
        program, t = self.start(), now_ms()
        self.taken(post(program, request_1(({"__name__": "one", "cluster": "c1", "job": "a"}, [(t - 1, 1.5), (t, 2.5)]))))
        reply = post(program, request_2(({"__name__": "two", "cluster": "c1"}, [(t, 3)])), kind=V2)
        self.taken(reply)
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Samples-Written"], "1")
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Histograms-Written"], "0")
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Exemplars-Written"], "0")
        self.assertEqual(self.values(program, "one"),
                         {(("__name__", "one"), ("cluster", "c1"), ("job", "a")): "2.5"})
        self.assertEqual(self.values(program, "two"), {(("__name__", "two"), ("cluster", "c1")): "3"})
        matrix = program.query("one[1m]").json["data"]["result"][0]["values"]
        self.assertEqual([v for _, v in matrix], ["1.5", "2.5"])

    def test_the_path_names_the_cluster(self):
        program, t = self.start(), now_ms()
        self.taken(post(program, request_1(({"__name__": "up", "cluster": "mine"}, [(t, 1)])),
                        path="/cluster/edge%2Fwest/api/v1/write"))
        self.assertEqual(self.values(program, "up"),
                         {(("__name__", "up"), ("cluster", "edge/west"), ("exported_cluster", "mine")): "1"})

    def test_the_last_write_of_each_cluster(self):
        """Of the label configured; nothing where nothing was taken, and a request of two clusters counts for both."""
        program = self.start("global: {cluster_label: k8s}\n" + CONFIG)
        before, up = time.time() - 1, {"__name__": "up"}
        late = now_ms() + 3600_000
        self.assertEqual(post(program, request_1(({**up, "k8s": "refused"}, [(late, 1)]))).status, 400)
        for k in range(2):  # the second time from the cache
            self.taken(post(program, request_1(*(({**up, "k8s": c}, [(now_ms() + k, 1)]) for c in ("a", "b")))))
            clusters = {c["name"]: c["lastWrite"] for c in program.get("/api/v1/status/clusters").json["data"]["clusters"]}
            for name in ("a", "b"):
                self.assertTrue(before <= clusters[name] <= time.time() + 1, clusters)
            self.assertIsNone(clusters.get("refused"))
        metrics = program.get("/metrics").text
        for name in ("a", "b"):
            self.assertIn(f'globalview_ingest_last_write_timestamp_seconds{{cluster="{name}"}} ', metrics)
        self.assertNotIn('globalview_ingest_last_write_timestamp_seconds{cluster="refused"}', metrics)
        self.assertIn("pushed; last write 20", program.get("/").text)

    def test_histograms_exemplars_and_metadata(self):
        program, t = self.start(), now_ms()
        two = Request2()
        two.add({"__name__": "h", "cluster": "c2"}, [], writes.histogram(3, t), two.metadata(3, "Sizes.", "bytes"),
                two.exemplar({"trace_id": "abc"}, 7, t))
        reply = post(program, two.body(), kind=V2)
        self.taken(reply)
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Histograms-Written"], "1")
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Exemplars-Written"], "1")
        self.taken(post(program, request_1(
            ({"__name__": "h", "cluster": "c1"}, [], writes.histogram(4, t, schema=20),
             writes.exemplar_1({"trace_id": "def"}, 8, t)), metadata=[("h", 3, "Sizes of c1.", "bytes")])))
        counts = self.values(program, "histogram_count(h)")
        self.assertEqual(counts, {(("cluster", "c1"),): "6", (("cluster", "c2"),): "6"})
        exemplars = program.get("/api/v1/query_exemplars", query="h", start=t / 1000 - 60, end=t / 1000 + 60).json["data"]
        found = {e["seriesLabels"]["cluster"]: e["exemplars"][0]["labels"]["trace_id"] for e in exemplars}
        self.assertEqual(found, {"c1": "def", "c2": "abc"})
        metadata = program.get("/api/v1/metadata", metric="h").json["data"]["h"]
        for limit, there in (0, False), (1, True), (-1, True):
            self.assertEqual("h" in program.get("/api/v1/metadata", metric="h", limit=limit).json["data"], there, limit)
        self.assertIn({"type": "histogram", "help": "Sizes.", "unit": "bytes"}, metadata)

    def test_what_was_answered_survives_the_end_of_the_program(self):
        program, t = self.start(), now_ms()
        self.taken(post(program, request_1(({"__name__": "kept", "cluster": "c1"}, [(t, 7)]))))
        program.end(signal.SIGKILL)
        program.process.stderr.close()
        program.port = None
        program.start()
        self.assertEqual(self.values(program, "kept"), {(("__name__", "kept"), ("cluster", "c1")): "7"})

    def test_a_write_under_way_is_finished_at_the_end(self):
        program, t = self.start(CONFIG, "--storage.wal-sync=always"), now_ms()
        body = request_1(*[({"__name__": "a", "cluster": "c", "i": str(i)}, [(t, 1)]) for i in range(5000)])
        with writes.connection(program) as c:
            c.putrequest("POST", "/api/v1/write")
            c.putheader("Content-Type", V1)
            c.putheader("Content-Length", str(len(body)))
            c.endheaders()
            c.send(body[:1000])
            eventually(lambda: program.metric("globalview_ingest_inflight_bytes") >= len(body), "the write has begun")
            program.process.send_signal(signal.SIGTERM)
            program.wait_for_log("shutting down")
            c.send(body[1000:])
            self.assertEqual(c.getresponse().status, 204)
        self.assertEqual(program.process.wait(30), 0)
        program.process.stderr.close()
        program.port = None
        program.start()
        self.assertEqual(self.values(program, "count(a)"), {(): "5000"})

    def test_relabelling_and_its_reload(self):
        drop = CONFIG + "  write_relabel_configs:\n  - {source_labels: [__name__], regex: noise, action: drop}\n"
        program, t = self.start(drop), now_ms()
        body = request_1(({"__name__": "noise", "cluster": "c"}, [(t, 1)]), ({"__name__": "music", "cluster": "c"}, [(t, 1)]))
        self.taken(post(program, body))
        self.assertEqual(self.values(program, '{__name__=~"noise|music"}').keys(),
                         {(("__name__", "music"), ("cluster", "c"))})
        program.config.write_text(CONFIG)
        program.reload()
        program.wait_for_log("configuration reloaded")
        self.taken(post(program, body))
        self.assertEqual(len(self.values(program, '{__name__=~"noise|music"}')), 2)


class Refused(Written):
    def test_each_sample_has_its_own_verdict(self):
        program, t = self.start(), now_ms()
        nan = b"\x01\0\0\0\0\0\xf8\x7f"  # one of the many that are NaN
        labels = {"__name__": "x", "cluster": "c"}
        self.taken(post(program, request_1((labels, [(t, 1)]))))
        reply = post(program, request_1(
            (labels, [(t - 5000, 9), (t, 1), (t + 1, nan), (t + 2, STALE)]),
            ({"__name__": "y", "cluster": "c"}, [(t, 1), (t + 3600_000, 1)]),
            ({"__name__": "z", "cluster": "c"}, [(t, 5)])))
        self.assertEqual(reply.status, 400)
        self.assertIn('out of order sample: older than the series\' newest', reply.text)
        self.assertIn("out of bounds: more than 10 minutes in the future", reply.text)
        self.assertEqual(len(reply.text.splitlines()), 2, reply.text)
        reply = post(program, request_1(({"__name__": "z", "cluster": "c"}, [(t, 6)])))
        self.assertEqual(reply.status, 400)
        self.assertIn("duplicate sample for timestamp", reply.text)
        self.assertEqual(self.values(program, "z"), {(("__name__", "z"), ("cluster", "c")): "5"})
        self.assertEqual(self.values(program, "count_over_time(x[1m])"), {(("cluster", "c"),): "2"})
        self.assertEqual(self.values(program, "x", time=(t + 100) / 1000), {})  # stale
        for reason, n in (("out_of_order", 1), ("out_of_bounds", 1), ("duplicate", 1)):
            self.assertEqual(program.metric('globalview_ingest_refused_total{reason="%s"}' % reason), n)
        self.assertEqual(program.metric('globalview_ingest_samples_total{type="float"}'), 6)

    def test_samples_out_of_order_within_the_window(self):
        program, t = self.start(CONFIG + "  out_of_order_window: 10m\n"), now_ms()
        labels = {"__name__": "x", "cluster": "c"}
        self.taken(post(program, request_1((labels, [(t, 1)]))))
        self.taken(post(program, request_1((labels, [(t - 60_000, 2)]))))
        reply = post(program, request_1((labels, [(t - 3600_000, 3)])))
        self.assertEqual(reply.status, 400)
        self.assertIn("too old sample", reply.text)
        self.assertEqual(self.values(program, "count_over_time(x[5m])"), {(("cluster", "c"),): "2"})

    def test_faults_of_2_0_are_told_line_by_line(self):
        program, t = self.start(), now_ms()
        request = Request2()
        request.add({"__name__": "good", "cluster": "c"}, [(t, 1)])
        request.add({"cluster": "c"}, [(t, 1)])
        request.add({"__name__": "empty", "cluster": "c"}, [])
        request.add({"__name__": "h", "cluster": "c"}, [], writes.histogram(3, t, count=99))
        reply = post(program, request.body(), kind=V2)
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Samples-Written"], "1")
        self.assertEqual(reply.headers["X-Prometheus-Remote-Write-Histograms-Written"], "0")
        text = reply.text
        self.assertIn('{cluster="c"}: no metric name (__name__)', text)
        self.assertIn('{__name__="empty", cluster="c"}: neither a sample nor a histogram', text)
        self.assertIn("a count of 99, but 6 observations in its buckets", text)
        self.assertEqual(len(self.values(program, "good")), 1)

    def test_series_without_a_name_are_left_out_of_1_0(self):
        program, t = self.start(), now_ms()
        self.taken(post(program, request_1(({"cluster": "c"}, [(t, 1)]), ({"__name__": "a", "cluster": "c"}, [(t, 1)]))))
        self.assertEqual(program.metric('globalview_ingest_refused_total{reason="no_metric_name"}'), 1)
        program.wait_for_log("items refused")

    def test_a_series_without_a_cluster(self):
        program, t = self.start(), now_ms()
        reply = post(program, request_1(({"__name__": "a"}, [(t, 1)])))
        self.assertEqual(reply.status, 400)
        for way in ("external_labels", "/cluster/<name>/api/v1/write", "ingest.default_cluster"):
            self.assertIn(way, reply.text)
        program.config.write_text(CONFIG + "  default_cluster: here\n")
        program.reload()
        program.wait_for_log("configuration reloaded")
        self.taken(post(program, request_1(({"__name__": "a"}, [(t, 1)]))))
        self.assertEqual(self.values(program, "a"), {(("__name__", "a"), ("cluster", "here")): "1"})

    def test_a_cluster_that_is_asked_is_not_pushed(self):
        program = self.start(CONFIG + "clusters: [{name: asked, endpoints: ['http://127.0.0.1:1']}]\n")
        reply = post(program, request_1(({"__name__": "a", "cluster": "asked"}, [(now_ms(), 1)])))
        self.assertEqual(reply.status, 400)
        self.assertIn('cluster "asked" is asked at its endpoints', reply.text)

    def test_what_an_asked_cluster_holds_is_not_deleted_here(self):
        program = self.start(CONFIG + "clusters: [{name: asked, endpoints: ['http://127.0.0.1:1']}]\n",
                             "--web.enable-admin-api")

        def delete(*match, path=""):
            return program.post(path + "/api/v1/admin/tsdb/delete_series", **{"match[]": list(match)})
        for reply in (delete('up{cluster="asked"}'), delete("up", path="/cluster/asked")):
            self.assertEqual(reply.status, 400)
            self.assertIn('cluster "asked" is asked at its endpoints', reply.json["error"])
        for match in (["up"], ['up{cluster="asked"}', 'up{cluster="pushes"}']):
            self.assertEqual(delete(*match).status, 204)

    def test_a_path_that_is_no_text(self):
        program = self.start()
        reply = post(program, request_1(({"__name__": "a"}, [(now_ms(), 1)])), path="/cluster/%ff/api/v1/write")
        self.assertEqual((reply.status, reply.text), (400, "no cluster: its name in the path, "
                                                           "/cluster/<name>/api/v1/write, is not UTF-8\n"))
        self.assertEqual(self.values(program, "a"), {})

    def test_types_methods_and_sizes(self):
        program = self.start(CONFIG + "  max_body_size: 10KiB\n  max_decoded_size: 20KiB\n")
        body = request_1(({"__name__": "a", "cluster": "c"}, [(now_ms(), 1)]))
        for kind, encoding, status in ((V1, "snappy", 204), (V1, "", 204), ("", "snappy", 204), (V1, "gzip", 415),
                                       ("application/json", "snappy", 415), (V1 + ";proto=nope", "snappy", 415)):
            headers = {k: v for k, v in (("Content-Type", kind), ("Content-Encoding", encoding)) if v}
            reply = program.request("POST", "/api/v1/write", body, headers)
            self.assertEqual(reply.status, status, (kind, encoding, reply.text))
        self.assertEqual(program.get("/api/v1/write").status, 405)
        large = post(program, b"x" * 20000)
        self.assertEqual(large.status, 413)
        self.assertIn("a body of 20000 bytes: ingest.max_body_size is 10240", large.text)
        for bomb in (varint(4 << 30) + b"\0\0", varint(25 << 10) + b"\0" * 9000, b"\x05nonsense", body[:-3], b""):
            self.assertEqual(post(program, bomb).status, 400, bomb[:20])
        bad = post(program, writes.snappy(b"\x0a\x7f\x01"))
        self.assertEqual(bad.status, 400)
        self.assertIn("WriteRequest: a field reaches beyond the message at byte 2 of 3", bad.text)

    def test_memory_of_all_requests_is_bounded(self):
        program = self.start(CONFIG + "  max_inflight_bytes: 1MiB\n  max_body_size: 10MiB\n")
        body = request_1(({"__name__": "a", "cluster": "c"}, [(now_ms(), 1)]))
        with writes.connection(program) as other:
            other.putrequest("POST", "/api/v1/write")
            other.putheader("Content-Length", str((1 << 20) - 1000))
            other.endheaders()
            eventually(lambda: program.metric("globalview_ingest_inflight_bytes") > 1000_000, "the header has come")
            for sent in (body, iter([body])):  # the latter in chunks
                reply = program.request("POST", "/api/v1/write", sent)
                self.assertEqual((reply.status, reply.headers["Retry-After"]), (503, "5"))
                self.assertIn("max_inflight_bytes is 1048576 bytes", reply.text)
        for sent in (body, iter([body])):  # the latter is charged for all there is, until it is here
            eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")
            self.taken(program.request("POST", "/api/v1/write", sent))
        eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")

    def test_what_could_never_fit_is_not_to_be_sent_again(self):
        program = self.start(CONFIG + "  max_inflight_bytes: 1MiB\n  max_body_size: 2MiB\n")
        for size, name in ((3 << 20, "ingest.max_inflight_bytes is 1048576"), ((1 << 20) + 1, "ingest.max_inflight_bytes"),
                           (800_000, "ingest.max_inflight_bytes")):
            reply = post(program, writes.snappy(b"\x0a\x00" * (size // 2)))
            self.assertEqual(reply.status, 413, reply.text)
            self.assertIn(name, reply.text)
        eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")
        chunked = program.request("POST", "/api/v1/write", iter([b"x" * 500_000] * 3))
        self.assertEqual(chunked.status, 413)
        eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")
        program.config.write_text(CONFIG + "  max_inflight_bytes: 64MiB\n")
        program.reload()
        program.wait_for_log("configuration reloaded")
        self.taken(post(program, writes.snappy(b"\x0a\x00" * 400_000)))

    def test_without_ingest_the_key_is_named(self):
        program = self.start("storage: {path: data}\n")
        reply = post(program, request_1(({"__name__": "a", "cluster": "c"}, [(now_ms(), 1)])))
        self.assertEqual(reply.status, 404)
        self.assertIn("set `ingest` in the configuration", reply.text)
        program.config.write_text(CONFIG)
        program.reload()
        program.wait_for_log("configuration reloaded")
        self.taken(post(program, request_1(({"__name__": "a", "cluster": "c"}, [(now_ms(), 1)]))))

    def test_a_client_that_leaves_does_no_harm(self):
        program, t = self.start(), now_ms()
        big = request_1(*[({"__name__": "a", "cluster": "c", "i": str(i)}, [(t, 1)]) for i in range(20000)])
        for _ in range(5):
            with writes.connection(program) as c:
                c.putrequest("POST", "/api/v1/write")
                c.putheader("Content-Type", V1)
                c.putheader("Content-Length", str(len(big)))
                c.endheaders()
                c.send(big)
        eventually(lambda: program.metric("globalview_ingest_inflight_bytes") == 0, "all given back")
        self.taken(post(program, big))
        self.assertEqual(self.values(program, "count(a)"), {(): "20000"})


class Senders(Written):
    """A Prometheus and vmagent scrape a target and push what they found."""

    def scraping(self, target, url, external="{cluster: east}"):
        return (f"global: {{scrape_interval: 200ms, external_labels: {external}}}\n"
                f"scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{target.address}']}}]}}]\n"
                f"remote_write: [{{url: '{url}', send_exemplars: true, metadata_config: {{send_interval: 1s}}}}]\n")

    def target(self):
        target = Target()
        self.addCleanup(target.stop)
        return target

    def check_pushed(self, program, target, cluster, **others):
        found = eventually(lambda: self.values(program, "pushed_total"), f"what {cluster} pushed")
        (labels,) = found
        self.assertEqual(dict(labels)["cluster"], cluster)
        self.assertEqual({k: v for k, v in labels if k in others}, others)
        eventually(lambda: self.values(program, "fleeting"), "the gauge")
        target.whole = False
        eventually(lambda: not self.values(program, "fleeting"), "the stale marker")
        rate = eventually(lambda: self.values(program, 'rate(pushed_total[30s])'), "a rate")
        self.assertGreater(float(list(rate.values())[0]), 0)

    def test_a_prometheus(self):
        program, target = self.start(), self.target()
        p = Prometheus(config=self.scraping(target, program.url + "/api/v1/write"))
        self.addCleanup(p.stop)
        self.check_pushed(program, target, "east", job="t")
        metadata = eventually(lambda: program.get("/api/v1/metadata", metric="pushed_total").json["data"], "metadata")
        self.assertEqual(metadata["pushed_total"][0]["help"], "Things.")

    def test_a_prometheus_over_the_path(self):
        program, target = self.start(), self.target()
        p = Prometheus(config=self.scraping(target, program.url + "/cluster/west/api/v1/write"))
        self.addCleanup(p.stop)
        self.check_pushed(program, target, "west", exported_cluster="east")

    def test_vmagent(self):
        program = self.start()
        for path, cluster, others in (("/api/v1/write", "east", {}),
                                      ("/cluster/west/api/v1/write", "west", {"exported_cluster": "east"})):
            target = self.target()
            with self.vmagent(target, program.url + path):
                found = eventually(lambda: self.values(program, 'pushed_total{cluster="%s"}' % cluster), cluster)
                self.assertEqual({k: v for k, v in list(found)[0] if k in others}, others)

    @contextlib.contextmanager
    def vmagent(self, target, url):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "scrape.yml"
            config.write_text("global: {scrape_interval: 1s, external_labels: {cluster: east}}\n"
                              f"scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{target.address}']}}]}}]\n")
            process = subprocess.Popen(
                [VMAGENT, f"-remoteWrite.url={url}", f"-promscrape.config={config}", f"-remoteWrite.tmpDataPath={folder}/q",
                 f"-httpListenAddr=127.0.0.1:{free_port()}", "-remoteWrite.flushInterval=100ms"],
                stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            try:
                yield
            finally:
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    unittest.main()
