"""Clusters that fail in the middle of a query, in every kind of plan and at each of its asks: the answer is never short in
silence. It is the whole one; or a warning names the cluster, and the answer is that of one Prometheus without it.

Real servers answer; a relay before each spoils one ask of one cluster. The kinds of plans: test_plan_faults.py, and
test_plan_faults_raw.py."""
import collections
import contextlib
import gzip
import http.client
import os
import unittest
import urllib.parse

import faults
import remote
from compare import difference
from differential import Endpoint
from program import Program, eventually
from worlds import CLUSTERS, World

STRIDE = int(os.environ.get("GV_FAULT_STRIDE", "13"))  # of bytes at which replies are cut, but for one cluster's resets: each
WORLD = []


class Relay(faults.Backend):
    """Passes requests on. `spoil`: (an ask, what becomes of its reply: (body, content type) to a fault)."""

    def __init__(self, url, only_samples=False, hides_config=False):
        self.there, self.idle = urllib.parse.urlsplit(url), collections.deque()
        self.only_samples, self.hides_config = only_samples, hides_config
        self.asks, self.spoil = [], None
        super().__init__(self.relay)
        self.pages = {}  # of its own: none

    @staticmethod
    def ask_of(x):
        """What tells the asks of a query apart; None: no ask."""
        _, target, body = x.request
        if "/status/" in target:
            return None
        if target.endswith("/read"):
            return target, body
        return target, tuple((k, v) for k, v in urllib.parse.parse_qsl(body.decode()) if k != "timeout")

    def fetch(self, x):
        """(status, content type, body) of the server's own reply."""
        method, target, body = x.request
        if self.hides_config and target.endswith("/status/config"):
            return 404, "text/plain", b"no such page"
        if self.only_samples and target.endswith("/read"):
            body = remote.read_request_for_samples(body)
        try:
            connection = self.idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection(self.there.hostname, self.there.port, timeout=30)
        fields = {k: v for k, v in x.fields.items() if k.startswith(("content-type", "content-enc", "x-prom"))}
        connection.request(method, target, body, fields)
        reply = connection.getresponse()
        found = reply.status, reply.headers["Content-Type"], reply.read()
        self.idle.append(connection)
        return found

    def relay(self, x):
        ask = self.ask_of(x)
        if ask:
            self.asks.append(ask)
        status, content_type, body = self.fetch(x)
        if ask and self.spoil and ask == self.spoil[0]:
            return self.spoil[1](body, content_type)(x)
        x.send(faults.whole(body, status, content_type))
        return True

    def stop(self):
        super().stop()
        while self.idle:
            self.idle.pop().close()


# name: what becomes of a reply. Each is a failure.
WRONG = {
    "no reply": lambda body, kind: faults.raw(b""),
    "garbage": lambda body, kind: faults.garbage(len(body)),
    "a body of garbage": lambda body, kind: faults.wrong_type(kind, bytes(i * 37 & 0xFF for i in range(len(body)))),
    "another type": lambda body, kind: faults.wrong_type(),
    "another type of the same body": lambda body, kind: faults.wrong_type("text/plain", body),
    "an error of its own": lambda body, kind: faults.status(500, body=b"boom"),
    "an error for want of time": lambda body, kind: faults.status(503, "query timed out in expression evaluation", "timeout"),
    "an error for want of memory": lambda body, kind: faults.status(
        422, "query processing would load too many samples into memory in query execution", "execution"),
    "no access": lambda body, kind: faults.status(401),
    "no data": lambda body, kind: faults.wrong_type(kind, b'{"status":"success","data":{}}'),
    "nothing": lambda body, kind: faults.wrong_type(kind, b"{}"),
    "an empty error": lambda body, kind: faults.wrong_type(kind, b'{"status":"error","errorType":"internal","error":"x"}'),
}
HANGS = {
    "hangs": lambda body, kind: faults.hang(),
    "hangs in the header": lambda body, kind: faults.hang_at(-10, body, kind),
    "hangs in the body": lambda body, kind: faults.hang_at(len(body) // 2, body, kind),
    "hangs before the last byte": lambda body, kind: faults.hang_at(len(body) - 1, body, kind),
    "drips": lambda body, kind: faults.drip(20, body),
}


def ends_of_frames(body):
    """Of a stream of chunks: where it might end, 0 among them."""
    ends = {0}
    at = 0
    while at < len(body):
        length, at = remote.read_varint(body, at)
        at += 4 + length  # a checksum, the message
        ends.add(at)
    return ends


def open_world():
    """For setUpModule()."""
    WORLD.append(World("same", without=CLUSTERS, natives=True))
    unittest.addModuleCleanup(close_world)


def close_world():
    WORLD.pop().stop()


class PlanFaults:
    """Of one query. each_ask: asks to a cluster; asks_again: in a second round, which may mend what the first one missed."""
    case, each_ask, asks_again = None, 1, False
    pushdown, relay, paths = {}, {}, ("/api/v1/query",)

    @classmethod
    def setUpClass(cls):
        cls.relays = {name: Relay(WORLD[0].backends[name].url, **cls.relay) for name in CLUSTERS}
        for relay in cls.relays.values():
            cls.addClassCleanup(relay.stop)
        cls.program = cls.start({name: relay.url for name, relay in cls.relays.items()})
        cls.addClassCleanup(cls.program.stop)
        eventually(lambda: cls.is_known(cls.program, CLUSTERS), "what the backends can do is known")
        cls.tested = Endpoint(cls.program.url)
        cls.addClassCleanup(cls.tested.close)
        cls.whole = cls.answer_of(WORLD[0].reference)
        cls.without = {name: cls.answer_of(WORLD[0].without[name]) for name in CLUSTERS}

    def setUp(self):
        for relay in self.relays.values():
            relay.spoil = None
        eventually(lambda: "warnings" not in self.ask()[1], "all clusters are asked")

    @classmethod
    def start(cls, urls):
        every = "    compression: true\n" + cls.pushdown.get("all", "")
        return Program(WORLD[0].config(urls, every, cls.pushdown))

    @classmethod
    def is_known(cls, program, names):
        clusters = program.get("/api/v1/status/clusters").json["data"]["clusters"]
        return all(c["version"] and ("remoteRead" in c["abilities"] or cls.relay.get("hides_config"))
                   for c in clusters if c["name"] in names)

    @classmethod
    def answer_of(cls, reference):
        status, answer = reference.get(cls.case.path, query=cls.case.query, **cls.case.times)
        assert status == 200, answer
        return answer["data"]

    def ask(self, **more):
        return self.tested.ask(self.case, **more)

    def expect_whole(self, **more):
        status, answer = self.ask(**more)
        self.assertEqual((status, answer.get("warnings")), (200, None), answer)
        self.assertIsNone(difference(answer["data"], self.whole))

    def expect_missing(self, cluster, may_fail=False, **more):
        """The answer without the cluster, which is named. may_fail: or an error that names it."""
        status, answer = self.ask(**more)
        if may_fail and status == 503:
            self.assertIn(f'cluster "{cluster}": ', answer["error"])
            return
        self.assertEqual(status, 200, answer)
        if self.asks_again and "warnings" not in answer:
            self.assertIsNone(difference(answer["data"], self.whole))
            return
        self.assertEqual([w.partition(": ")[0] for w in answer.get("warnings", [])], [f'cluster "{cluster}"'], answer)
        self.assertIsNone(difference(answer["data"], self.without[cluster]), answer["warnings"])

    def asks(self):
        """[(cluster, ask)] of the query, in the order of clusters. Of a first round that is given up early some may not come."""
        for relay in self.relays.values():
            relay.asks.clear()

        def found():
            self.expect_whole()
            return [(name, ask) for name, relay in self.relays.items() for ask in dict.fromkeys(relay.asks)]
        return eventually(lambda: len(asks := found()) >= self.each_ask * len(CLUSTERS) and asks, "all asks are seen")

    def spoil(self, cluster, ask, faults_of_reply, **more):
        """Each fault in its turn; after two a good answer, which keeps the breaker closed."""
        relay = self.relays[cluster]
        for i, (name, fault) in enumerate(faults_of_reply):
            relay.spoil = ask, fault
            with self.subTest(name, cluster=cluster, ask=ask):
                self.expect_missing(cluster, **more)
            if i % 2:
                relay.spoil = None
                self.expect_whole()
        relay.spoil = None
        self.expect_whole()

    def length(self, cluster, ask, packed=bytes):
        """Of the body of the reply."""
        lengths = []
        self.relays[cluster].spoil = ask, lambda body, kind: lengths.append(len(packed(body))) or faults.wrong_type(kind, body)
        eventually(lambda: self.expect_whole() or lengths, "the ask is seen")
        self.relays[cluster].spoil = None
        return lengths[0]

    # ---- The tests

    def test_the_plan_is_of_the_kind(self):
        asks = self.asks()
        self.assertEqual({target for _, (target, _) in asks}, set(self.paths), asks)
        for name in CLUSTERS:
            self.assertEqual(len([1 for cluster, _ in asks if cluster == name]), self.each_ask, asks)

    def test_replies_that_are_wrong(self):
        for cluster, ask in self.asks():
            self.spoil(cluster, ask, WRONG.items())

    def test_replies_that_do_not_come(self):
        """No time may be left for a second round."""
        for cluster, ask in self.asks():
            self.spoil(cluster, ask, HANGS.items(), may_fail=self.asks_again, timeout="100ms")

    def test_a_reply_that_is_slow_counts(self):
        for cluster, ask in self.asks():
            self.relays[cluster].spoil = ask, lambda body, kind: faults.slow(0.1, body, kind)
            self.expect_whole()
            self.relays[cluster].spoil = None

    def test_replies_that_are_cut(self):
        for cluster, ask in self.asks():
            n = self.length(cluster, ask)
            step = 1 if cluster == "c2" else STRIDE
            self.spoil(cluster, ask, ((f"reset at {k} of {n}", lambda body, kind, k=k: faults.reset_at(k, body, kind))
                                      for k in range(0, n, step)))
            self.spoil(cluster, ask, ((f"closed at {k} of {n}", lambda body, kind, k=k: faults.cut_length(k, body, kind))
                                      for k in range(0, n, STRIDE)))

    def test_bodies_that_end_too_early(self):
        """As HTTP has it they are whole. (Where a frame of a stream ends nothing says that more are to come.)"""
        def cut(k):
            def fault(body, kind):
                ends = ends_of_frames(body) if "streamed" in kind else ()
                return faults.wrong_type(kind, body[:k + (k in ends)])
            return fault
        for cluster, ask in self.asks():
            n = self.length(cluster, ask)
            self.spoil(cluster, ask, ((f"{k} of {n}", cut(k)) for k in range(0, n, STRIDE)))

    def test_gzip_that_ends_too_early(self):
        """The last bytes do not count: without them all is there."""
        for cluster, ask in self.asks():
            n = self.length(cluster, ask, gzip.compress)
            self.spoil(cluster, ask, ((f"gzip, {k} of {n}", lambda body, kind, k=k: faults.zipped(body, k, kind))
                                      for k in range(1, n - 16, STRIDE)))

    def test_servers_that_are_down(self):
        for name, relay in self.relays.items():
            relay.down()
            self.expect_missing(name)
            self.expect_missing(name)
            relay.up()
            eventually(lambda: "warnings" not in self.ask()[1], "the cluster is asked again")
            self.expect_whole()

    def test_a_server_that_is_dead(self):
        """It takes no connection and refuses none."""
        urls = {name: self.relays[name].url for name in ("c1", "c3")}
        with faults.Blackhole() as hole, self.start({**urls, "c2": hole.url}) as program:
            eventually(lambda: self.is_known(program, urls), "what the others can do is known")
            self.tested = Endpoint(program.url)
            with contextlib.closing(self.tested):
                self.expect_missing("c2", may_fail=self.asks_again, timeout="100ms")
