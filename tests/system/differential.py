"""Asks two endpoints the same queries and says where they differ.

    d = Differential(url_of_what_is_tested, url_of_the_reference)
    for finding in d.run([Case("sum(up)", at(1700000000)), Case("up", over(1700000000, 1700003600, 60))]):
        print(d.explain(finding))

Connections are kept alive. What the reference said is remembered: several endpoints may
be held against it (`another`)."""
import collections
import concurrent.futures
import http.client
import json
import typing
import urllib.parse

from compare import difference

THREADS = 4
MATCHING_ERRORS = ("found duplicate series", "multiple matches for labels", "many-to-", "same labelset")
ORDERED = ("sort(", "sort_desc(", "topk(", "bottomk(")  # of groups the order is nobody's promise


def at(time):
    return {"time": time}


def over(start, end, step):
    return {"start": start, "end": end, "step": step}


class Case(typing.NamedTuple):
    query: str
    times: dict  # at() or over()

    @property
    def path(self):
        return "/api/v1/query_range" if "step" in self.times else "/api/v1/query"


class Finding(typing.NamedTuple):
    case: Case
    text: str  # how the answers differ


class Endpoint:
    """Something that speaks Prometheus's query API. Connections that are idle are kept for whoever asks next."""

    def __init__(self, url):
        self.url, self.idle = url, collections.deque()
        self.parts = urllib.parse.urlsplit(url)

    def post(self, path, headers=None, **params):
        """(status, body)."""
        form = urllib.parse.urlencode(params)
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        while True:
            try:
                connection, is_new = self.idle.pop(), False
            except IndexError:
                connection, is_new = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=60), True
            try:
                connection.request("POST", self.parts.path + path, form, headers)
                reply = connection.getresponse()
                answer = reply.status, reply.read()
                self.idle.append(connection)
                return answer
            except (OSError, http.client.HTTPException):
                connection.close()
                if is_new:  # one that was kept may have been closed meanwhile
                    raise

    def close(self):
        while self.idle:
            self.idle.pop().close()

    def ask(self, case, **more):
        status, body = self.post(case.path, query=case.query, **case.times, **more)
        return status, json.loads(body)


class Differential:
    """tested, reference: URLs or Endpoints; tested may be None where the reference alone is asked. answers: of the
    reference, known already. may_miss_errors: of which queries an error of matching may go unseen."""

    def __init__(self, tested, reference, threads=THREADS, answers=None, may_miss_errors=lambda query: False):
        self.tested, self.reference = map(Differential.endpoint, (tested, reference))
        self.threads = threads
        self.answers = {} if answers is None else answers
        self.may_miss_errors = may_miss_errors

    @staticmethod
    def endpoint(e):
        return Endpoint(e) if isinstance(e, str) else e

    def another(self, tested, **more):
        """The same reference for another endpoint."""
        return Differential(tested, self.reference, self.threads, self.answers, **more)

    def close(self):
        for endpoint in (self.tested, self.reference):
            if endpoint:
                endpoint.close()

    def expected(self, case):
        """(status, JSON) of the reference."""
        key = (case.query, tuple(case.times.values()))
        if key not in self.answers:
            self.answers[key] = self.reference.ask(case)
        return self.answers[key]

    def is_empty(self, case):
        status, answer = self.expected(case)
        return status == 200 and not answer["data"]["result"]

    def check(self, case):
        """How the answers differ, or None."""
        status, wanted = self.expected(case)
        got_status, got = self.tested.ask(case)
        missed = (status, got_status) == (422, 200) and any(e in wanted["error"] for e in MATCHING_ERRORS)
        if missed and self.may_miss_errors(case.query):
            return None
        if (got_status, got.get("errorType")) != (status, wanted.get("errorType")):
            return f"answered {got_status} {got.get('error', '')!r}, expected {status} {wanted.get('error', '')!r}"
        failed = [w for w in got.get("warnings", []) if w.startswith("cluster ")]
        if failed:
            return f"a cluster failed: {failed}"
        return None if status != 200 else difference(got["data"], wanted["data"], case.query.startswith(ORDERED))

    def run(self, cases):
        """The findings, in the order of the cases."""
        cases = list(cases)
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            return [Finding(case, text) for case, text in zip(cases, pool.map(self.check, cases)) if text]

    def explain(self, finding):
        """A finding for people, with the plan."""
        case = finding.case
        _, plan = self.tested.post("/api/v1/query_explain", {"Accept": "text/plain"}, query=case.query, **case.times)
        return f"{case.query}\n  {case.times} against {self.tested.url}: {finding.text}\n{plan.decode()}"
