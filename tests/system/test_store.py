"""The embedded store of the running program: killed under load, on a full disk, administered, and copied into a real
Prometheus."""
import itertools
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import remote
import writes
from compare import difference
from program import Program, eventually
from prometheus import Prometheus

T = 1_700_000_000
KILLS = int(os.environ.get("GV_KILLS", "8"))
CONFIG = "storage: {path: data}\ningest: {default_cluster: c0}\n"


def again(program):
    """Starts a program that was killed."""
    program.process.stderr.close()
    program.port = None
    program.start()


def labels(series):
    return {"__name__": "kept", "cluster": f"c{series % 3}", "i": str(series)}


class Killed(unittest.TestCase):
    """kill -9 under load, again and again: what was acknowledged is there, once."""
    SERIES = 50

    def load(self, program, acknowledged, offset):
        """Writes until the program dies; several senders have series of their own, one sample more in each request."""
        def send(sender):
            mine = range(sender, self.SERIES, 2)
            with writes.connection(program) as c:
                for step in range(10**6):
                    ms = (T + offset * 1000 + step) * 1000
                    body = writes.request_1(*((labels(s), [(ms, s + step)]) for s in mine))
                    try:
                        c.request("POST", "/api/v1/write", body, {"Content-Encoding": "snappy", "Content-Type": writes.V1})
                        status = c.getresponse()
                        status.read()
                    except OSError:
                        return
                    except Exception:  # a reply cut short
                        return
                    self.assertEqual(status.status, 204)
                    for s in mine:
                        acknowledged[s][ms] = s + step
        threads = [threading.Thread(target=send, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        return threads

    def check(self, program, acknowledged):
        reply = program.query("kept[1000d]", time=T + KILLS * 1000 + 1000).json
        self.assertEqual(reply["status"], "success", reply)
        found = {int(s["metric"]["i"]): [(round(float(t) * 1000), float(v)) for t, v in s["values"]]
                 for s in reply["data"]["result"]}
        for s, wanted in acknowledged.items():
            got = dict(found.get(s, []))
            self.assertEqual(len(got), len(found.get(s, [])), "a sample twice")
            lost = {t: v for t, v in wanted.items() if got.get(t) != v}
            self.assertEqual(lost, {}, f"series {s} lost {len(lost)} of {len(wanted)} samples")

    def kill(self, *flags):
        acknowledged = {s: {} for s in range(self.SERIES)}
        program = Program(CONFIG, *flags)
        self.addCleanup(program.stop)
        for n in range(KILLS):
            before = sum(map(len, acknowledged.values()))
            threads = self.load(program, acknowledged, n)
            eventually(lambda: sum(map(len, acknowledged.values())) > before + 1000 + 777 * n % 2000, "some are written")
            program.end(signal.SIGKILL)
            for thread in threads:
                thread.join(30)
            again(program)
            self.check(program, acknowledged)

    def test_interval(self):
        self.kill("--storage.wal-sync=interval")

    def test_always(self):
        self.kill("--storage.wal-sync=always")


    def test_what_is_deleted_stays_deleted(self):
        program = Program(CONFIG, "--web.enable-admin-api")
        self.addCleanup(program.stop)
        for n in range(KILLS):
            body = writes.request_1(*((labels(s), [((T + n) * 1000, s)]) for s in range(self.SERIES)))
            self.assertEqual(writes.post(program, body).status, 204)
            params = {"match[]": f"kept{{i=~'.*[{n % 10}]'}}", "start": T + n, "end": T + n}
            self.assertEqual(program.post("/api/v1/admin/tsdb/delete_series", **params).status, 204)
            program.end(signal.SIGKILL)
            again(program)
            found = {s["metric"]["i"] for s in program.query("timestamp(kept)", time=T + n).json["data"]["result"]
                     if float(s["value"][1]) == T + n}
            self.assertEqual(found, {str(s) for s in range(self.SERIES) if s % 10 != n % 10})


@unittest.skipUnless(os.geteuid() == 0, "needs root: a small file system is mounted")
class FullDisk(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="globalview-full-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.folder], check=True)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)

    def write(self, program, step):
        return writes.post(program, writes.request_1(*((labels(s), [((T + step) * 1000, step)]) for s in range(20))))

    def test_a_full_disk_is_503_and_passes(self):
        with Program(f"storage: {{path: {self.folder}/data}}\ningest: {{default_cluster: c0}}\n") as program:
            self.assertEqual(self.write(program, 0).status, 204)
            with open(self.folder / "filler", "wb", buffering=0) as filler:
                with self.assertRaises(OSError):
                    while True:
                        filler.write(bytes(4096))
            step, kept = 1, [0]

            def refused():
                nonlocal step
                reply = self.write(program, step)
                if reply.status == 204:
                    kept.append(step)
                step += 1
                return reply if reply.status == 503 else None
            reply = eventually(refused, "writes are refused")
            self.assertIn("No space left on device", reply.text)
            self.assertEqual(reply.headers["Retry-After"], "5")
            self.assertEqual(program.query("count(kept)", time=T).json["data"]["result"][0]["value"][1], "20")
            self.assertEqual(program.metric("globalview_store_wal_failing"), 1)
            (self.folder / "filler").unlink()

            def taken():
                nonlocal step
                reply = self.write(program, step)
                kept.append(step)
                step += 1
                return reply.status == 204
            eventually(taken, "writes are taken again")
            self.assertEqual(program.metric("globalview_store_wal_failing"), 0)
            program.end(signal.SIGKILL)
            again(program)
            values = program.query("kept{i='7'}[1d]", time=T + step).json["data"]["result"][0]["values"]
            self.assertLessEqual(set(kept[:1] + kept[-1:]), {int(v) for _, v in values})


class SizeLimit(unittest.TestCase):
    def test_a_limit_at_the_start_is_an_error(self):
        with Program(CONFIG, start=False) as program:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            try:
                self.assertRaisesRegex(AssertionError, "File too large", program.start)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self.assertEqual(program.process.returncode, 1)

    def test_a_file_size_limit_is_503_and_not_death(self):
        with Program(CONFIG) as program:
            resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

            def refused():
                body = writes.request_1(*((labels(s), [((T + next(steps)) * 1000, s)]) for s in range(100)))
                reply = writes.post(program, body)
                return reply if reply.status == 503 else None
            steps = itertools.count()
            self.assertIn("File too large", eventually(refused, "writes are refused").text)
            resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            eventually(lambda: writes.post(program, writes.request_1((labels(1), [((T + 10**6) * 1000, 1)]))).status == 204,
                       "writes are taken again")


class Retention(unittest.TestCase):
    def test_runtimeinfo_says_how_long_samples_are_kept(self):
        time, size = "--storage.retention.time=", "--storage.retention.size="
        for flags, wanted in (((), "15d"), ((time + "36h", size + "10GiB"), "1d12h or 10GiB"),
                              ((time + "0", size + "1536MiB"), "1GiB512MiB"), ((time + "0",), "100y")):
            with self.subTest(flags), Program(CONFIG, *flags) as program:
                self.assertEqual(self.retention(program), wanted)

    def retention(self, program, path=""):
        return program.get(path + "/api/v1/status/runtimeinfo").json["data"]["storageRetention"]

    def test_the_smallest_of_all_clusters_counts(self):
        server = Prometheus()  # keeps its samples for 100 years
        self.addCleanup(server.stop)
        clusters = f"clusters: [{{name: pulled, endpoints: ['{server.url}']}}]\n"
        with Program(CONFIG + clusters, "--storage.retention.size=1GiB") as program:
            self.assertEqual(self.retention(program), "15d or 1GiB")
            self.assertEqual(self.retention(program, "/cluster/pulled"), "100y")


class Limits(unittest.TestCase):
    def setUp(self):
        self.server = Prometheus()
        self.addCleanup(self.server.stop)
        self.config = f"{CONFIG}clusters: [{{name: pulled, endpoints: ['{self.server.url}']}}]\n"

    def test_the_others_answer_where_the_store_is_late(self):
        with Program(self.config) as program:
            some = [({"__name__": "some", "cluster": "c0", "i": str(i)}, [((T + k) * 1000, i) for k in range(3600)])
                    for i in range(50)]
            self.assertEqual(writes.post(program, writes.request_1(*some)).status, 204)
            text = "max_over_time(quantile_over_time(0.4, some[1h])[1h:1s])"
            reply = program.query(text, time=T + 3600, timeout="0.1")
            self.assertEqual((reply.status, reply.json["data"]["result"]), (200, []), reply.text[:300])
            self.assertEqual(reply.json["warnings"], ['cluster "store": query timed out in expression evaluation'])
            reply = program.query(text, time=T + 3600, timeout="0.1", partial_response="false")
            self.assertEqual(reply.status, 503, reply.text[:300])

    def test_what_the_store_would_need_too_much_for_fails(self):
        """As with a cluster that is asked: a limit of ours is no failure of the store, which others could make up for."""
        with Program(self.config + "global: {max_total_query_memory: 1MiB}\n") as program:
            many = [({"__name__": "many", "cluster": "c0", "i": f"{i:0200}"}, [(T * 1000, i)]) for i in range(20000)]
            self.assertEqual(writes.post(program, writes.request_1(*many)).status, 204)
            for reply in (program.query("many", time=T),
                          program.get("/api/v1/series", **{"match[]": "many", "start": T, "end": T + 1})):
                self.assertEqual(reply.status, 503, reply.text[:300])
                self.assertIn("max_total_query_memory", reply.json["error"])
            self.assertEqual(program.query("many{i='%0200d'}" % 7, time=T).json["data"]["result"][0]["value"][1], "7")


class Administered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = Program(CONFIG, "--web.enable-admin-api")
        cls.addClassCleanup(cls.program.stop)
        cls.steps = range(0, 6 * 3600, 60)
        for begin in range(0, 6 * 3600, 1800):  # as time goes on, for all of them
            steps = range(begin, begin + 1800, 60)
            series = [({"__name__": "kept", "cluster": f"c{i % 2}", "i": str(i)},
                       [((T + s) * 1000, i + s % 977) for s in steps]) for i in range(10)]
            histograms = [({"__name__": "native", "cluster": "c1"}, [],
                           b"".join(writes.histogram(4, (T + s) * 1000, total=4.0 + s) for s in steps))]
            brief = [({"__name__": "brief", "cluster": "c1", "i": str(begin // 1800)}, [((T + begin + 60) * 1000, 1)])]
            reply = writes.post(cls.program, writes.request_1(*series, *histograms, *brief))
            assert reply.status == 204, reply.text

    def query(self, text, time=T + 6 * 3600):
        return self.program.query(text, time=time).json["data"]["result"]

    def test_a_real_prometheus_answers_from_a_snapshot(self):
        name = self.program.post("/api/v1/admin/tsdb/snapshot").json["data"]["name"]
        folder = self.program.folder / "data/snapshots" / name
        blocks = [p for p in folder.iterdir() if len(p.name) == 26]
        server = Prometheus(blocks=blocks, flags=["--enable-feature=native-histograms"])
        self.addCleanup(server.stop)
        for text in ("sum by (cluster) (kept)", "kept", "rate(kept[10m])", "quantile(0.9, kept)", "count_over_time(kept[6h])",
                     "histogram_count(native)", "histogram_sum(rate(native[15m]))", "topk(2, kept)"):
            for time in range(T + 1000, T + 6 * 3600, 5003):
                with self.subTest(text, time=time):
                    wanted = server.get("/api/v1/query", query=text, time=time)[1]["data"]
                    self.assertTrue(wanted["result"])
                    self.assertIsNone(difference(self.program.query(text, time=time).json["data"], wanted))

        with Program(f"storage: {{path: {folder}}}\n") as copy:
            for program, start in itertools.product((self.program, copy), range(T, T + 6 * 3600, 1800)):
                params = {"match[]": "brief", "start": start, "end": start + 2400}
                wanted = server.get("/api/v1/series", **params)[1]["data"]
                self.assertEqual(len(wanted), 2 if start < T + 5.5 * 3600 else 1)
                self.assertEqual(program.get("/api/v1/series", **params).json["data"], wanted)
        wanted = server.get("/api/v1/query", query="native", time=T + 9000)[1]["data"]["result"]
        self.assertEqual(self.query("native", T + 9000), wanted)
        self.assertEqual(wanted[0]["histogram"][1]["count"], "6")

    def test_deleted_series_are_gone_from_answers(self):
        self.assertEqual(len(self.query("kept{i='3'}[6h]")), 1)
        reply = self.program.post("/api/v1/admin/tsdb/delete_series", **{"match[]": "kept{i='3'}", "start": T + 3600, "end": T + 7200})
        self.assertEqual((reply.status, reply.text), (204, ""))
        times = [t - T for t, _ in self.query("kept{i='3'}[6h]")[0]["values"]]
        self.assertEqual(times, [s for s in self.steps if s and not 3600 <= s <= 7200])
        self.assertEqual(self.program.post("/api/v1/admin/tsdb/clean_tombstones").status, 204)
        self.assertEqual([t - T for t, _ in self.query("kept{i='3'}[6h]")[0]["values"]], times)

    def test_queries_do_not_wait_for_deletions(self):
        """One that waits for the disk holds up the others, and no query, however few workers there are."""
        snapshot = self.program.post("/api/v1/admin/tsdb/snapshot").json["data"]["name"]
        folder = self.program.folder / "data/snapshots" / snapshot
        block = next(p for p in folder.iterdir() if len(p.name) == 26)
        os.mkfifo(block / "tombstones.tmp")  # whoever opens it to write waits for a reader
        delete = lambda: replies.append(copy.post("/api/v1/admin/tsdb/delete_series", **{"match[]": "kept{i='4'}"}).status)
        with Program(f"storage: {{path: {folder}}}\n", "--web.enable-admin-api", "--workers=2") as copy:
            replies, threads = [], [threading.Thread(target=delete) for _ in range(3)]
            for thread in threads:
                thread.start()
            running = 'globalview_http_requests_in_flight{route="/api/v1/admin/tsdb/delete_series"}'
            eventually(lambda: copy.metric(running) == 3, "all are under way")
            self.assertEqual(len(copy.query("kept", time=T + 9000).json["data"]["result"]), 10)
            with open(block / "tombstones.tmp", "rb"):  # the first goes on, and fails: such a file cannot be synced
                for thread in threads:
                    thread.join(30)
            self.assertEqual(sorted(replies), [204, 204, 503])
            self.assertEqual(len(copy.query("kept", time=T + 9000).json["data"]["result"]), 9)

    def test_bad_requests(self):
        reply = self.program.post("/api/v1/admin/tsdb/delete_series")
        self.assertEqual((reply.status, reply.json["error"]), (400, "no match[] parameter provided"))
        with Program(CONFIG) as closed:
            self.assertEqual(closed.post("/api/v1/admin/tsdb/snapshot").status, 403)


if __name__ == "__main__":
    unittest.main()
