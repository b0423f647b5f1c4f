"""What is pushed here arrives at real receivers, every sample of it, while they and globalview itself are killed."""
import contextlib
import http.client
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import remote
from program import Program, eventually, free_port
from prometheus import Prometheus

VICTORIA = shutil.which("victoria-metrics") or "/usr/bin/victoria-metrics"
SERIES, STEP = 25, 1000  # ms


class Victoria:
    """A VictoriaMetrics of its own. What it has in memory is on disk when it is asked to end, not when it is killed."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-victoria-"))
        self.port, self.process = free_port(), None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [VICTORIA, f"-httpListenAddr=127.0.0.1:{self.port}", f"-storageDataPath={self.folder}/data",
             "-retentionPeriod=100y", "-search.latencyOffset=0s"],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        eventually(lambda: self.fetch("/health") is not None, "VictoriaMetrics is ready")

    def fetch(self, path, **params):
        query = "?" + urllib.parse.urlencode(params) if params else ""
        try:
            with urllib.request.urlopen(self.url + path + query, timeout=30) as reply:
                return reply.read().decode()
        except (OSError, urllib.error.HTTPError):
            return None

    def end(self):
        self.process.terminate()
        self.process.wait(30)

    def stop(self):
        if self.process.poll() is None:
            self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def labels(i):
    return {"__name__": "pushed", "cluster": f"c{i % 3}", "pod": f"p{i}"}


class Forwarding(unittest.TestCase):
    def setUp(self):
        self.start = int(time.time() * 1000) // STEP * STEP - 1200 * STEP
        self.written = 0  # steps

    def prometheus(self):
        server = Prometheus(flags=["--web.enable-remote-write-receiver"])
        self.addCleanup(server.stop)
        return server

    def victoria(self):
        server = Victoria()
        self.addCleanup(server.stop)
        return server

    def program(self, config):
        program = Program(config)
        self.addCleanup(program.stop)
        return program

    def times(self):
        return [self.start + k * STEP for k in range(self.written)]

    def write(self, program, steps):
        """Each step is a request of its own, sent until it is taken, as a sender would."""
        for _ in range(steps):
            at = (self.start + self.written * STEP) / 1000
            series = [remote.series(labels(i), remote.sample(at, float(self.written))) for i in range(SERIES)]

            def taken():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    remote.write(program.url, *series)
                    return True
                return False
            eventually(taken, f"step {self.written} is taken")
            self.written += 1

    def restart(self, program):
        program.process.kill()
        program.process.wait(30)
        program.reader.join(30)
        program.process.stderr.close()
        program.port = None
        program.start()

    def assert_in_prometheus(self, server):
        """Every sample of every series. Prometheus takes none out of order, so they came in order."""
        end = self.start // 1000 + self.written
        want = {tuple(sorted(labels(i).items())): self.times() for i in range(SERIES)}

        def have():
            status, reply = server.get("/api/v1/query", query="pushed[1h]", time=end)
            if status != 200:
                return False
            got = {tuple(sorted(r["metric"].items())): [round(t * 1000) for t, _ in r["values"]]
                   for r in reply["data"]["result"]}
            return got == want
        eventually(have, "Prometheus has every sample", 60)

    def assert_in_victoria(self, server):
        """Every sample of every series; some may be there twice, since frames under way at a kill are sent again."""
        want = {tuple(sorted(labels(i).items())): self.times() for i in range(SERIES)}

        def have():
            text = server.fetch("/api/v1/export", **{"match[]": "pushed", "start": self.start // 1000 - 10})
            got = {}
            for line in (text or "").splitlines():
                row = json.loads(line)
                key = tuple(sorted(row["metric"].items()))
                got[key] = sorted(set(got.get(key, [])) | set(row["timestamps"]))
            return got == want
        eventually(have, "VictoriaMetrics has every sample", 60)

    def all_killed_in_turn(self, storage, deadline):
        server, victoria = self.prometheus(), self.victoria()
        program = self.program(f"""
{storage}
ingest:
remote_write:
  - {{url: '{server.url}/api/v1/write', name: prometheus, queue_path: queue/p,
     queue_config: {{min_shards: 3, batch_send_deadline: {deadline}}}}}
  - {{url: '{victoria.url}/api/v1/write', name: victoria, queue_path: queue/v, remote_timeout: 5s,
     queue_config: {{batch_send_deadline: {deadline}}}}}
""")
        self.write(program, 40)
        server.process.kill()
        server.process.wait(30)
        self.write(program, 40)
        eventually(lambda: program.metric('globalview_forward_failing{endpoint="prometheus"}') == 1, "it is noticed")
        self.restart(program)  # with Prometheus away
        self.write(program, 40)
        server.start()
        victoria.end()
        self.write(program, 40)
        self.restart(program)  # with VictoriaMetrics away
        self.write(program, 20)
        victoria.start()
        self.write(program, 20)
        self.restart(program)  # with all of them at work
        self.write(program, 40)
        self.assert_in_prometheus(server)
        self.assert_in_victoria(victoria)
        for name in ("prometheus", "victoria"):
            one = f'{{endpoint="{name}"}}'
            eventually(lambda: program.metric("globalview_forward_pending_samples" + one) == 0, "all is delivered")
            self.assertEqual(program.metric("globalview_forward_failing" + one), 0)
            self.assertEqual(program.metric(f'globalview_forward_dropped_samples_total{{endpoint="{name}",reason="rejected"}}'),
                             0)
        return program

    def test_queues_alone(self):
        self.all_killed_in_turn("", "1ms")

    def test_beside_the_store(self):
        program = self.all_killed_in_turn("storage: {path: data}", "500ms")
        reply = program.query("count(count_over_time(pushed[1h]) == %d)" % self.written, time=self.start // 1000 + self.written)
        self.assertEqual(reply.json["data"]["result"][0]["value"][1], str(SERIES))

    def test_many_small_writes_are_few_requests(self):
        """Each write is 25 samples: four share a request of 100; at the end nothing is left waiting."""
        server, victoria = self.prometheus(), self.victoria()
        shared = "queue_config: {max_samples_per_send: 100, batch_send_deadline: 1h}"
        program = self.program(f"""
ingest:
remote_write:
  - {{url: '{server.url}/api/v1/write', name: p, queue_path: p, {shared}}}
  - {{url: '{victoria.url}/api/v1/write', name: v, queue_path: v, {shared}}}
""")
        self.write(program, 202)
        for name in ("p", "v"):
            eventually(lambda: program.metric(f'globalview_forward_sent_samples_total{{endpoint="{name}"}}') == 5000,
                       "all but the last two writes are sent")
            self.assertEqual(
                program.metric(f'globalview_forward_requests_total{{endpoint="{name}",outcome="delivered"}}'), 50)
            self.assertEqual(program.metric(f'globalview_forward_pending_samples{{endpoint="{name}"}}'), 50)
        program.stop()
        self.assert_in_prometheus(server)
        self.assert_in_victoria(victoria)

    def test_an_old_sample_costs_no_new_ones(self):
        """Prometheus refuses a whole request of 1.0 for one sample that is out of order."""
        server = self.prometheus()
        program = self.program(f"""
ingest:
remote_write: [{{url: '{server.url}/api/v1/write', name: p, queue_path: p,
                queue_config: {{max_samples_per_send: 1000, batch_send_deadline: 1h}}}}]
""")
        def wait_until_sent(writes):
            eventually(lambda: program.metric('globalview_forward_sent_samples_total{endpoint="p"}') == writes * SERIES,
                       f"{writes} writes are sent")
        self.write(program, 40)
        wait_until_sent(40)
        self.write(program, 5)
        remote.write(program.url, remote.series(labels(0), remote.sample(self.start / 1000 - 10, 1.0)))
        self.write(program, 35)
        wait_until_sent(79)  # the last one waits
        one = 'globalview_forward_requests_total{endpoint="p",outcome="%s"}'
        self.assertEqual([program.metric(one % outcome) for outcome in ("taken_apart", "rejected")], [1, 1])
        self.assertEqual(program.metric('globalview_forward_dropped_samples_total{endpoint="p",reason="rejected"}'), 1)
        program.stop()
        self.assert_in_prometheus(server)

    def test_an_endpoint_that_knows_1_alone(self):
        """Prometheus 2.42 answers a request of 2.0 with 204 and stores nothing; VictoriaMetrics passes it over, too."""
        server, victoria = self.prometheus(), self.victoria()
        program = self.program(f"""
ingest:
remote_write:
  - {{url: '{server.url}/api/v1/write', name: p, queue_path: p, protobuf_message: io.prometheus.write.v2.Request}}
  - {{url: '{victoria.url}/api/v1/write', name: v, queue_path: v, protobuf_message: io.prometheus.write.v2.Request}}
""")
        self.write(program, 30)
        self.assert_in_prometheus(server)
        self.assert_in_victoria(victoria)
        program.wait_for_log("a remote_write endpoint does not know remote write 2.0; it is sent 1.0 from now on")
        self.assertGreaterEqual(
            program.metric('globalview_forward_requests_total{endpoint="p",outcome="older_version"}'), 1)

    def test_to_another_globalview_in_both_versions(self):
        for message, version in (("prometheus.WriteRequest", 1), ("io.prometheus.write.v2.Request", 2)):
            with self.subTest(version=version):
                self.setUp()
                far = self.program("storage: {path: data}\ningest:\n")
                near = self.program(f"""
storage: {{path: data}}
ingest:
remote_write: [{{url: '{far.url}/api/v1/write', name: far, protobuf_message: {message}}}]
""")
                self.write(near, 20)
                end = self.start // 1000 + self.written

                def arrived():
                    reply = far.query("count(count_over_time(pushed[1h]) == 20)", time=end)
                    return [r["value"][1] for r in reply.json["data"]["result"]] == [str(SERIES)]
                eventually(arrived, "it arrives")
                self.assertNotIn("does not know remote write 2.0", near.log)
                self.assertEqual(far.query("pushed", time=end).json["data"], near.query("pushed", time=end).json["data"])

    def test_rules_before_sending(self):
        server = self.prometheus()
        program = self.program(f"""
ingest:
remote_write:
  - url: '{server.url}/api/v1/write'
    queue_path: queue
    write_relabel_configs:
      - {{source_labels: [pod], regex: 'p[0-8]', action: keep}}
      - {{target_label: forwarded, replacement: 'yes'}}
""")
        self.write(program, 3)
        end = self.start // 1000 + self.written

        def arrived():
            _, reply = server.get("/api/v1/query", query='count(pushed{forwarded="yes"})', time=end)
            return [r["value"][1] for r in reply["data"]["result"]] == ["9"]
        eventually(arrived, "nine series arrive")


if __name__ == "__main__":
    unittest.main()
