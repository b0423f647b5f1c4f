"""Queries over a good cluster (c1) and one that misbehaves (c2): whatever c2 does, c1's answer comes, c2 is named, and
nothing of a broken answer is taken for a whole one."""
import contextlib
import json
import os
import pathlib
import random
import socket
import threading
import time
import unittest
import urllib.parse

import faults
from program import BIN, Program, eventually

GOOD = faults.vector({"__name__": "up", "job": "good"})
HAS_ASAN = b"libasan" in pathlib.Path(BIN).read_bytes()
ROUNDS = int(os.environ.get("GV_FAULT_ROUNDS", "400"))  # mutations; 10,000 for a thorough run


def config(*endpoints, cluster="", top=""):
    return f"""
{top}
clusters:
  - name: c1
    endpoints: [{endpoints[0]}]
  - name: c2
    endpoints: [{", ".join(endpoints[1:])}]
    {cluster}
"""


class Faults(unittest.TestCase):
    cluster, top = "", ""

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.good = self.stack.enter_context(faults.Backend(faults.good(GOOD)))
        self.bad = self.stack.enter_context(faults.Backend())
        self.program = self.start(self.bad.url)

    def start(self, *bad):
        return self.stack.enter_context(Program(config(self.good.url, *bad, cluster=self.cluster, top=self.top)))

    def ask(self, fault=None, query="up", **params):
        if fault:
            self.bad.fault = fault
        return self.program.query(query, **params)

    def clusters_in(self, reply):
        return [s["metric"]["cluster"] for s in reply.json["data"]["result"]]

    def expect_missing(self, reply, *texts):
        """c1's answer, and one warning about c2 with these texts."""
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(self.clusters_in(reply), ["c1"])
        warnings = reply.json["warnings"]
        self.assertEqual(len(warnings), 1, warnings)
        self.assertTrue(warnings[0].startswith('cluster "c2": '), warnings)
        for text in texts:
            self.assertIn(text, warnings[0])

    def expect_whole(self, reply):
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(sorted(self.clusters_in(reply)), ["c1", "c2", "c2"])
        self.assertNotIn("warnings", reply.json)

    def expect_grown_at_most(self, limit, before):
        slack = 8 << 20
        if HAS_ASAN:
            slack += limit  # shadow and quarantine
        self.assertLess(memory(self.program, "VmHWM") - before, limit * 1.1 + slack)

    def recover(self):
        """A good answer closes the breaker, or keeps it closed."""
        self.bad.fault = faults.good()
        reply = eventually(lambda: (r := self.ask()).json.get("warnings") is None and r, "c2 is asked again")
        self.expect_whole(reply)


class Replies(Faults):
    address = property(lambda self: f"127.0.0.1:{self.bad.port}")

    def test_what_is_no_answer_is_said_so(self):
        cases = [
            (faults.status(500, body=b"boom"), "answered 500", "boom"),
            (faults.status(503, "query timed out in expression evaluation", "timeout"), "answered 503",
             "query timed out"),
            (faults.status(503), "answered 503"),
            (faults.status(429, body=b"slow down"), "answered 429", "slow down"),
            (faults.status(401), "answered 401"),
            (faults.status(422, "query processing would load too many samples into memory in query execution",
                           "execution"), "too many samples"),
            (faults.redirect("http://127.0.0.2:9/api/v1/query"), "redirect to another host"),
            (faults.wrong_type(), "text/html"),
            (faults.good(b"[1,2]"), "bad response"),
            (faults.good(b'{"status":"success","data":{"resultType":"vector","result":{}}}'), "bad response"),
            (faults.good(b'{"status":"success","data":{"resultType":"nonsense","result":[]}}'), "bad response"),
            (faults.good(b""), "bad response"),
            (faults.garbage(), "read from"),
            (faults.raw(b""), "read from"),
            (faults.cut_length(10), "read from"),
            (faults.hang_at(10), "deadline exceeded"),
        ]
        for fault, *texts in cases:
            with self.subTest(texts=texts):
                self.expect_missing(self.ask(fault, timeout="500ms"), *texts, self.address)
                self.recover()

    def test_an_error_of_the_query_fails_it(self):
        reply = self.ask(faults.status(422, "found duplicate series for the match group", "execution"))
        self.assertEqual(reply.status, 422)
        self.assertEqual(reply.json["errorType"], "execution")
        self.assertIn("found duplicate series", reply.json["error"])

    def test_without_partial_response_a_failure_fails_the_query(self):
        reply = self.ask(faults.status(500), partial_response="false")
        self.assertEqual(reply.status, 503)
        self.assertIn('cluster "c2": ', reply.json["error"])

    def test_when_all_fail_the_query_fails(self):
        self.good.fault = faults.status(500)
        reply = self.ask(faults.status(500))
        self.assertEqual(reply.status, 503)
        self.assertEqual(reply.json["errorType"], "unavailable")
        self.assertIn('cluster "c1": ', reply.json["error"])
        self.assertIn('cluster "c2": ', reply.json["error"])

    def test_a_reply_cut_at_any_offset_is_never_a_short_one(self):
        whole_chunked = faults.chunked(faults.ANSWER)
        cuts = [(f"reset at {n}", faults.reset_at(n)) for n in range(len(faults.ANSWER))]
        cuts += [(f"cut at {n}", faults.cut_length(n)) for n in range(len(faults.ANSWER))]
        cuts += [(f"chunks cut at {n}", faults.cut_chunked(n)) for n in range(len(whole_chunked) - 2)]
        for name, fault in cuts:
            with self.subTest(name):
                asked = self.bad.counted("queries")
                self.expect_missing(self.ask(fault), self.address)
                self.assertGreater(self.bad.counted("queries"), asked)
                self.recover()

    def test_garbage_never_passes(self):
        """Mutated bodies: what Python's parser refuses is refused here, and what it takes is taken whole or refused."""
        random.seed(ROUNDS)
        for i in range(ROUNDS):
            body = self.mutate(faults.ANSWER)
            reply = self.ask(faults.good(body))
            self.assertEqual(reply.status, 200, body)
            if "warnings" in reply.json:
                self.assertTrue(reply.json["warnings"][0].startswith('cluster "c2": '), reply.json["warnings"])
                self.assertEqual(self.clusters_in(reply).count("c1"), 1)
                self.assertEqual(self.clusters_in(reply).count("c2"), 0, body)
            else:
                series = self.parse(body)
                self.assertIsNotNone(series, body)
                self.assertEqual(self.clusters_in(reply).count("c2"), len(series), body)

    @staticmethod
    def mutate(body):
        body = bytearray(body)
        for _ in range(random.choice((1, 1, 2, 5))):
            at, kind = random.randrange(len(body)), random.randrange(5)
            if kind == 0:
                body[at] = random.randrange(256)
            elif kind == 1:
                del body[at:at + random.randrange(1, 20)]
            elif kind == 2:
                body[at:at] = body[random.randrange(len(body)):][:20]
            elif kind == 3:
                body[at] = random.choice(b'{}[]",:\\0')
            else:
                body[at] ^= 1 << random.randrange(8)
            body = body or bytearray(b"x")
        return bytes(body)

    @staticmethod
    def parse(body):
        try:
            return json.loads(body.decode("utf-8", "replace"))["data"]["result"]
        except (ValueError, KeyError, TypeError):
            return None

    def test_credentials_do_not_follow_a_redirect(self):
        with faults.Backend() as elsewhere:
            self.expect_missing(self.ask(faults.redirect(elsewhere.url + "/api/v1/query")), "redirect to another host")
            self.assertEqual(elsewhere.counted("accepted"), 0)


class Documents(Faults):
    """Documents are held to what they should hold: a reply of something else is a failed cluster, not an empty one."""

    PAGES = {
        "/api/v1/labels": '["job"]',
        "/api/v1/label/job/values": '["a"]',
        "/api/v1/series?match[]=up": '[{"__name__":"up","job":"a"}]',
        "/api/v1/metadata": '{"up":[{"type":"gauge","help":"h","unit":""}]}',
        "/api/v1/targets": '{"activeTargets":[],"droppedTargets":[]}',
        "/api/v1/targets/metadata": "[]",
        "/api/v1/scrape_pools": '{"scrapePools":["p"]}',
        "/api/v1/rules": '{"groups":[]}',
        "/api/v1/alerts": '{"alerts":[]}',
        "/api/v1/alertmanagers": '{"activeAlertmanagers":[],"droppedAlertmanagers":[]}',
        "/api/v1/query_exemplars?query=up": "[]",
        "/api/v1/status/tsdb": '{"headStats":{}}',
    }
    WRONG = ['"text"', "5", '{"wrong":[]}', '["a",[]]', "[[]]", '{"groups":{}}']

    @staticmethod
    def page(data):
        return faults.good(b'{"status":"success","data":' + data.encode() + b"}")

    def test_a_reply_of_something_else_is_a_failure(self):
        for path, right in self.PAGES.items():
            self.good.fault = self.bad.fault = self.page(right)
            whole = self.program.get(path)
            self.assertEqual((path, whole.status, whole.json.get("warnings")), (path, 200, None))
            kinds = (list,) if right.startswith("[") else (dict,)
            for wrong in self.WRONG:
                if (path, wrong[:2]) in (("/api/v1/status/tsdb", '{"'), ("/api/v1/metadata", '{"')):
                    continue  # there any object, or one of lists, is right
                with self.subTest(path=path, wrong=wrong):
                    self.bad.fault = self.page(wrong)
                    reply = self.program.get(path)
                    self.assertEqual(reply.status, 200, reply.text)
                    self.assertIsInstance(reply.json["data"], kinds)
                    self.assertEqual(len(reply.json["warnings"]), 1, reply.text)
                    self.assertRegex(reply.json["warnings"][0], r'^cluster "c2": ')

    def test_no_list_is_an_empty_list(self):
        self.good.fault = self.page('["job"]')
        self.bad.fault = self.page("null")
        reply = self.program.get("/api/v1/labels").json
        self.assertEqual((reply["data"], reply.get("warnings")), (["cluster", "job"], None))

    def test_every_mutation_is_whole_or_named(self):
        random.seed(ROUNDS)
        body = b'{"status":"success","data":["a_label","another_label","the_third"]}'
        self.good.fault = faults.good(body)
        for _ in range(ROUNDS // 4):
            mutated = Replies.mutate(body)
            self.bad.fault = faults.good(mutated)
            reply = self.program.get("/api/v1/labels")
            self.assertEqual(reply.status, 200, mutated)
            if "warnings" not in reply.json:
                data = json.loads(mutated.decode("utf-8", "replace"))["data"]
                self.assertLessEqual(set(data or []), set(reply.json["data"]), mutated)


class DocumentBudget(Faults):
    top = "global: {max_query_memory: 4MiB}"

    def test_what_a_document_holds_is_counted(self):
        self.bad.fault = self.good.fault = Documents.page("[" + ",".join(["[]"] * 200000) + "]")
        reply = self.program.get("/api/v1/labels")
        self.assertEqual((reply.status, reply.json["errorType"]), (422, "execution"))
        self.assertIn("max_query_memory", reply.json["error"])
        eventually(lambda: self.program.metric("globalview_query_memory_bytes") == 0, "all memory is given back")
        self.bad.fault = self.good.fault = Documents.page('["job"]')
        self.assertEqual(self.program.get("/api/v1/labels").json["data"], ["cluster", "job"])


class Compressed(Faults):
    cluster = "compression: true\n    max_response_size: 16MiB"

    def test_gzip_is_read(self):
        self.expect_whole(self.ask(faults.zipped()))

    def test_a_bomb_stops_at_the_limit(self):
        self.ask(faults.good())
        before = memory(self.program, "VmRSS")
        self.expect_missing(self.ask(faults.gzip_bomb(1 << 30)), "max_response_size", "16777216 bytes")
        self.expect_grown_at_most(16 << 20, before)


class Large(Faults):
    cluster = "max_response_size: 32MiB"
    top = "global: {max_query_memory: 64MiB}"

    def test_a_body_of_1_gb_stops_at_the_limit(self):
        self.ask(faults.good())
        before = memory(self.program, "VmRSS")
        self.expect_missing(self.ask(faults.large(1 << 30)), "max_response_size")
        self.expect_grown_at_most(32 << 20, before)

    def test_a_client_that_stops_reading_holds_one_answer_and_no_more(self):
        self.ask(faults.good())
        self.bad.fault = faults.large(24 << 20)
        before = memory(self.program, "VmRSS")
        with contextlib.closing(socket.socket()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.program.port))
            client.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(client.recv(16).startswith(b"HTTP/1.1 200"))
            self.bad.fault = faults.good()
            for _ in range(20):
                self.expect_whole(self.ask())  # others are served meanwhile
            self.expect_grown_at_most(48 << 20, before)


@unittest.skipIf(HAS_ASAN, "its quarantine keeps what is freed")
class Huge(Faults):
    def test_what_a_huge_answer_held_goes_back_to_the_system(self):
        self.ask(faults.good())
        before = memory(self.program, "VmRSS")
        reply = self.ask(faults.large(200 << 20))
        self.assertEqual(reply.status, 200)
        self.assertGreater(len(reply.body), 200 << 20)
        del reply
        bound = before + (64 << 20)  # some blocks are kept for the next answer
        eventually(lambda: memory(self.program, "VmRSS") < bound, "the memory is given back")
        self.assertEqual(self.program.metric("globalview_query_memory_bytes"), 0)


class Budget(Faults):
    top = "global: {max_query_memory: 1MiB}"

    def test_a_query_beyond_its_budget_fails_alone(self):
        reply = self.ask(faults.large(8 << 20))
        self.assertEqual(reply.status, 422, reply.body[:200])
        self.assertEqual(reply.json["errorType"], "execution")
        self.assertIn("max_query_memory", reply.json["error"])
        self.expect_whole(self.ask(faults.good()))


class ProcessBudget(Faults):
    top = "global: {max_total_query_memory: 4MiB}"

    def test_a_query_beyond_the_process_fails_alone(self):
        reply = self.ask(faults.large(32 << 20))
        self.assertEqual(reply.status, 503, reply.body[:200])
        self.assertIn("max_total_query_memory", reply.json["error"])
        self.expect_whole(self.ask(faults.good()))


class Absent(Faults):
    def test_a_backend_that_is_down_is_named_and_left_alone_after_three_failures(self):
        self.bad.down()
        for _ in range(3):
            self.expect_missing(self.ask(), f"connect to 127.0.0.1:{self.bad.port}: connection refused")
        self.expect_missing(self.ask(), "connection refused (circuit open, not asked)")
        self.bad.up()
        self.recover()

    def test_a_dead_backend_ends_queries_at_their_deadline(self):
        with faults.Blackhole() as hole:
            self.program = self.start(hole.url)
            began = time.monotonic()
            self.expect_missing(self.ask(timeout="300ms"), f"connect to 127.0.0.1:{hole.port}: ")
            self.assertLess(time.monotonic() - began, 5)  # not the cluster's own 30 s
            for _ in range(3):
                self.ask(timeout="50ms")
            self.expect_missing(self.ask(timeout="20s"), "circuit open")

    def test_at_the_deadline_what_came_is_evaluated(self):
        """One that hangs costs its own part, also of what is evaluated here, and not the answer."""
        for text in ("up", "sum(up)", "avg(up)", "topk(1, up)", "sum(up) + sum(up)"):
            reply = self.ask(faults.hang(), query=text, time=1700000000, timeout="300ms")
            with self.subTest(text):
                self.assertEqual(reply.status, 200, reply.body)
                self.assertEqual(len(reply.json["data"]["result"]), 1)
                self.assertRegex(reply.json["warnings"][0], r'^cluster "c2": .*deadline exceeded')

    def test_one_byte_a_second_ends_at_the_deadline(self):
        self.expect_missing(self.ask(faults.drip(1), timeout="500ms"), "deadline exceeded")

    def test_a_slow_answer_in_time_counts(self):
        self.expect_whole(self.ask(faults.slow(0.2)))


class Older(Faults):
    """c2's PromQL has no deriv(); matrices are all that it is asked for beside."""
    MATRIX = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {"job": "old"}, "values": [[1700000000 + t, str(t)] for t in range(-290, 1, 10)]}]}}).encode()

    def start(self, *bad):
        self.bad.pages = {"buildinfo": self.bad.pages["buildinfo"]}  # without what remote read needs
        self.texts, self.bad.fault = [], self.answer
        program = super().start(*bad)
        eventually(lambda: program.get("/api/v1/status/clusters").text.count("3.5.0") == 2, "the clusters are probed")
        return program

    def answer(self, exchange):
        if not exchange.request[2]:
            return faults.status(404)(exchange)
        text = urllib.parse.parse_qs(exchange.request[2].decode())["query"][0]
        self.texts.append(text)
        if "deriv" not in text:
            return faults.good(self.MATRIX)(exchange)
        return faults.status(400, '1:5: parse error: unknown function with name "deriv"', "bad_data")(exchange)

    def test_what_it_does_not_understand_is_not_sent_again(self):
        def ask(query):
            self.texts.clear()
            reply = self.ask(query=query, time=1700000000)
            self.assertEqual(reply.status, 200, reply.body)
            self.assertNotIn("warnings", reply.json)
            self.assertIn("c2", self.clusters_in(reply))
            return self.texts
        self.assertEqual(ask("abs(deriv(x[5m]))"), ["abs(deriv(x[5m]))", "x[5m]"])
        self.assertEqual(ask("abs(deriv(x[5m]))"), ["x[5m]"])
        self.assertEqual(ask("deriv(y[5m]) * 2"), ["y[5m]"])


class Replicas(Faults):
    cluster = "hedge_after: 50ms"

    def setUp(self):
        super().setUp()
        self.second = self.stack.enter_context(faults.Backend())
        self.program = self.start(self.bad.url, self.second.url)

    def test_what_replicas_do_is_counted(self):
        def count(name, replica, more=""):
            return self.program.metric(f'globalview_replica_{name}{{cluster="c2",replica="{replica.url}"{more}}}')
        self.bad.fault = self.second.fault = faults.status(500)
        self.expect_missing(self.ask(), "answered 500")
        for replica in (self.bad, self.second):
            self.assertEqual(count("failures_total", replica, ',outcome="status"'), 1)
            self.assertEqual(count("attempts_total", replica), 1)
            self.assertEqual(count("attempt_duration_seconds_count", replica), 1)
            self.assertGreaterEqual(count("connections", replica), 1)

    def test_the_next_replica_answers_for_one_that_fails(self):
        for fault in (faults.reset_at(20), faults.status(503), faults.garbage(), faults.raw(b"")):
            self.bad.fault = self.second.fault = faults.good()
            self.expect_whole(self.ask())
            self.expect_whole(self.ask(fault))
            self.second.fault, self.bad.fault = fault, faults.good()
            self.expect_whole(self.ask())

    def test_a_replica_that_dies_is_not_noticed(self):
        stop, failed = threading.Event(), []

        def user():
            while not stop.is_set():
                reply = self.ask()
                if reply.status != 200 or "warnings" in reply.json:
                    failed.append(reply.body)

        threads = [threading.Thread(target=user) for _ in range(4)]
        for t in threads:
            t.start()
        for dying in (self.bad, self.second, self.bad):
            asked = self.good.counted("queries")
            eventually(lambda: self.good.counted("queries") > asked + 50, "queries")
            dying.down()
            asked = self.good.counted("queries")
            eventually(lambda: self.good.counted("queries") > asked + 50, "queries")
            dying.up()
            eventually(lambda: self.all_closed(), "the breaker closes")
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])

    def all_closed(self):
        clusters = self.program.get("/api/v1/status/clusters").json["data"]["clusters"]
        return all(r["breaker"] == "closed" and r["health"] == "up" for c in clusters for r in c["replicas"])

    def test_a_replica_that_hangs_is_hedged(self):
        self.bad.fault = self.second.fault = faults.good()
        self.ask()
        preferred = self.bad if self.bad.counted("queries") > self.second.counted("queries") else self.second
        preferred.fault = faults.hang()
        self.expect_whole(self.ask())
        eventually(lambda: preferred.counted("closed") > 0, "the loser is canceled")


class Leaving(Faults):
    def test_a_client_that_leaves_cancels_its_transfers(self):
        self.bad.fault = faults.hang()
        for _ in range(5):
            queries, closed = self.bad.counted("queries"), self.bad.counted("closed")
            with contextlib.closing(socket.create_connection(("127.0.0.1", self.program.port))) as client:
                client.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n")
                eventually(lambda: self.bad.counted("queries") > queries, "the backend is asked")
            eventually(lambda: self.bad.counted("closed") > closed, "the transfer is canceled", 5)
        eventually(lambda: self.program.metric("globalview_queries_running") == 0, "no query runs")
        self.expect_missing(self.ask(timeout="200ms"), "deadline exceeded")

    def test_slow_clients_do_not_keep_good_ones_waiting(self):
        slow = []
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                s = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", self.program.port))))
                s.sendall(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                slow.append(s)
            for _ in range(50):
                self.expect_whole(self.ask())
            for s in slow:  # each is closed at the absolute deadline of its header
                s.settimeout(30)
                with contextlib.suppress(ConnectionResetError):
                    while s.recv(4096):
                        pass


def memory(program, field):
    """Bytes, of /proc/PID/status."""
    for line in pathlib.Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


del Faults  # a base, no test of its own

if __name__ == "__main__":
    unittest.main()
