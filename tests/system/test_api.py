"""The API over two real Prometheus servers with different data: unions, parameters, documents, scopes, failures."""
import gzip
import json
import unittest

from program import Program, eventually
from prometheus import Prometheus, openmetrics

T = 1700000000
STEPS = range(0, 601, 15)


def series(name, kind, rows):
    return {name: (kind, [(labels, [(T + s, base + rate * s) for s in STEPS]) for labels, base, rate in rows])}


ONE = openmetrics({
    **series("requests_total", "counter", [('job="a",path="/x"', 10, 1), ('job="a",path="/y"', 20, 2)]),
    **series("temperature", "gauge", [('job="a",cluster="own"', 5, 0.5), ('job="a",exported_cluster="twice"', 6, 0)]),
    **series("only_one", "gauge", [('job="a"', 1, 0)]),
})
TWO = openmetrics({
    **series("requests_total", "counter", [('job="a",path="/x"', 1000, 3), ('job="b",path="/z"', 7, 0.25)]),
    **series("temperature", "gauge", [('job="a"', -5, -0.5)]),
})
RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {record: "made:here", expr: "vector(1)", labels: {kind: "r"}}
  - {alert: Always, expr: "vector(1) > 0", labels: {severity: page}}
"""


def config(one, two, more=""):
    return f"""
clusters:
  - name: c1
    endpoints: [{one}]
    labels: {{region: eu}}
  - name: c2
    endpoints: [{two}]
{more}"""


def inject(labels, name):
    """What globalview must make of a backend's labels, written down independently of it."""
    own = {"c1": {"cluster": "c1", "region": "eu"}, "c2": {"cluster": "c2"}}[name]
    renamed = {}
    for key, value in labels.items():
        bare = key
        while bare.startswith("exported_"):
            bare = bare.removeprefix("exported_")
        renamed["exported_" + key if bare in own else key] = value
    return {**renamed, **own}


def key(labels):
    return sorted(labels.items())


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backends = {}
        for name, text in (("c1", ONE), ("c2", TWO)):
            cls.backends[name] = Prometheus(text, rules=RULES)
            cls.addClassCleanup(cls.backends[name].stop)
        cls.program = Program(config(*(b.url for b in cls.backends.values())), "--web.enable-lifecycle")
        cls.addClassCleanup(cls.program.stop)

    def data(self, path, **params):
        reply = self.program.get(path, **params)
        self.assertEqual(reply.status, 200, reply.text)
        self.assertEqual(reply.json["status"], "success")
        self.assertNotIn("warnings", reply.json)
        return reply.json["data"]

    def expected(self, path, **params):
        """The union of what each backend answers by itself, labels injected."""
        result = []
        for name, backend in self.backends.items():
            status, body = backend.get(path, **params)
            self.assertEqual(status, 200, body)
            result += [{**s, "metric": inject(s["metric"], name)} for s in body["data"]["result"]]
        return sorted(result, key=lambda s: key(s["metric"]))

    def test_instant_query_is_the_union(self):
        for query in ("requests_total", "temperature", "rate(requests_total[2m])", "nope", "only_one"):
            data = self.data("/api/v1/query", query=query, time=T + 300)
            self.assertEqual(data["resultType"], "vector")
            self.assertEqual(sorted(data["result"], key=lambda s: key(s["metric"])),
                             self.expected("/api/v1/query", query=query, time=T + 300))

    def test_range_query_is_the_union_sorted_by_labels(self):
        params = dict(query="requests_total", start=T, end=T + 600, step="30s")
        data = self.data("/api/v1/query_range", **params)
        self.assertEqual(data["resultType"], "matrix")
        self.assertEqual(data["result"], self.expected("/api/v1/query_range", **params))
        self.assertEqual(len(data["result"]), 4)

    def test_a_lookback_below_zero_is_the_default(self):
        for lookback in "-1", "-300.5", "0":
            self.assertEqual(self.data("/api/v1/query", query="count(temperature)", time=T + 300, lookback_delta=lookback),
                             self.data("/api/v1/query", query="count(temperature)", time=T + 300))

    def test_post_form_is_the_same(self):
        reply = self.program.query("requests_total", time=T + 300)
        self.assertEqual(reply.json["data"], self.data("/api/v1/query", query="requests_total", time=T + 300))
        self.assertRegex(reply.headers["X-Query-Id"], "^[0-9a-f]{16}$")

    def test_a_form_wins_over_the_url(self):
        reply = self.program.request("POST", f"/api/v1/query?query=nope&time={T}", "query=only_one",
                                     {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(len(reply.json["data"]["result"]), 1)

    def test_scalars_and_strings_collapse(self):
        self.assertEqual(self.data("/api/v1/query", query="1+1", time=4), {"resultType": "scalar", "result": [4, "2"]})
        self.assertEqual(self.data("/api/v1/query", query='"x"', time=4), {"resultType": "string", "result": [4, "x"]})

    def test_matrix_selectors_keep_their_samples(self):
        data = self.data("/api/v1/query", query="only_one[1m]", time=T + 301)
        self.assertEqual(data["resultType"], "matrix")
        self.assertEqual(data["result"], self.expected("/api/v1/query", query="only_one[1m]", time=T + 301))

    def test_sorted_and_topk_vectors_keep_their_order(self):
        up = [float(s["value"][1]) for s in self.data("/api/v1/query", query="sort(requests_total)", time=T)["result"]]
        self.assertEqual(up, sorted(up))
        down = [float(s["value"][1]) for s in
                self.data("/api/v1/query", query="sort_desc(requests_total)", time=T)["result"]]
        self.assertEqual(down, sorted(down, reverse=True))

    def test_limit_truncates_and_warns(self):
        reply = self.program.get("/api/v1/query", query="requests_total", time=T, limit=3).json
        self.assertEqual(len(reply["data"]["result"]), 3)
        self.assertEqual(reply["warnings"], ["results truncated due to limit"])

    def test_stats(self):
        stats = self.data("/api/v1/query", query="requests_total", time=T, stats="all")["stats"]
        self.assertIn("execTotalTime", stats["timings"])
        self.assertEqual([(c["name"], c["series"], c["samples"]) for c in stats["clusters"]], [("c1", 2, 2), ("c2", 2, 2)])
        self.assertNotIn("clusters", self.data("/api/v1/query", query="up", time=T, stats="1")["stats"])
        self.assertNotIn("stats", self.data("/api/v1/query", query="up", time=T))

    def test_parameters_are_refused_as_prometheus_does(self):
        cases = [("query", dict(query="up", time="x")), ("query", dict(query="up", time="2015-99-01T00:00:00Z")),
                 ("query", dict(query="up", timeout="x")), ("query", dict(query="")), ("query", dict(query="up{")),
                 ("query", dict(query="sum(")), ("query", dict(query="rate(up)")),
                 ("query_range", dict(query="up", start="x", end=1, step=1)),
                 ("query_range", dict(query="up", start=0, end="x", step=1)),
                 ("query_range", dict(query="up", start=0, end=1)),
                 ("query_range", dict(query="up", start=2, end=1, step=1)),
                 ("query_range", dict(query="up", start=0, end=1, step=0)),
                 ("query_range", dict(query="up", start=0, end=1, step="-1")),
                 ("query_range", dict(query="up", start=0, end=1, step="x")),
                 ("query_range", dict(query="up", start=0, end=11001, step=1)),
                 ("query_range", dict(query="up", end=1, step=1)),
                 ("series", {}), ("series", {"match[]": "up{"}), ("series", {"match[]": "{}"}),
                 ("series", {"match[]": ""}), ("series", {"match[]": "up", "end": "x"}),
                 ("labels", {"start": "x"}), ("labels", {"match[]": "{"}), ("label/job/values", {"end": "x"}),
                 ("query_exemplars", dict(query="up", start=2, end=1)), ("query_exemplars", dict(query="(", start=1, end=2)),
                 ("metadata", dict(limit="x")), ("rules", dict(type="x"))]
        for path, params in cases:
            with self.subTest(path=path, **params):
                reply = self.program.get(f"/api/v1/{path}", **params)
                status, body = self.backends["c1"].get(f"/api/v1/{path}", **params)
                self.assertEqual((reply.status, reply.json["errorType"]), (status, body["errorType"]), reply.text)
                self.assertEqual(reply.json["status"], "error")
                if not (path == "series" and params):  # 2.42 had fewer words for selectors
                    self.assertEqual(reply.json["error"].split(":")[0], body["error"].split(":")[0])
                if any(words in body["error"] for words in ("cannot parse", "parameter provided", "resolution")):
                    self.assertEqual(reply.json["error"], body["error"])

    def test_ranges_take_no_strings_and_no_range_vectors(self):
        for text, kind in (('"x"', "string"), ("up[5m]", "range vector")):
            reply = self.program.get("/api/v1/query_range", query=text, start=1, end=2, step=1)
            self.assertEqual((reply.status, reply.json["errorType"]), (400, "bad_data"))
            self.assertEqual(reply.json["error"], f'invalid parameter "query": invalid expression type "{kind}" for '
                                                  "range query, must be Scalar or instant Vector")

    def test_what_we_know_ourselves(self):
        wanted = self.backends["c1"].get("/api/v1/status/walreplay")[1]["data"]
        self.assertEqual(self.data("/api/v1/status/walreplay"), wanted)
        self.assertEqual(self.data("/api/v1/notifications"), [])
        functions = self.data("/api/v1/features")["promql_functions"]
        self.assertGreater(len(functions), 70)
        self.assertEqual([functions[name] for name in ("rate", "label_join", "sort_by_label")], [True, True, False])

    def test_a_timeout_of_nothing_is_over_at_once(self):
        for timeout in ("0", "-1", "0s"):
            reply = self.program.query("up", timeout=timeout)
            self.assertEqual((reply.status, reply.json["errorType"]), (503, "timeout"), reply.text)

    def test_times_at_the_ends_of_what_can_be_said(self):
        most = 9223309901257974
        reply = self.program.get("/api/v1/query_range", query="up", start=-most, end=most, step=1)
        self.assertEqual(reply.status, 400)
        self.assertIn("exceeded maximum resolution", reply.json["error"])
        self.assertEqual(self.program.query("up", time=most + 1000).status, 400)
        self.assertEqual(self.program.query("1", time=most).status, 400)
        self.assertEqual(self.program.query("1", time=most // 10).status, 200)

    def test_a_form_is_read_where_its_type_says_so(self):
        def ask(content_type):
            return self.program.request("POST", "/api/v1/query", "query=1", {"Content-Type": content_type}).status
        self.assertEqual(ask("application/x-www-form-urlencoded; charset=utf-8"), 200)
        self.assertEqual(ask("application/x-www-form-urlencodedX"), 400)
        self.assertEqual(ask("text/plain"), 400)

    def test_errors_of_the_query_are_the_querys(self):
        reply = self.program.get("/api/v1/query", time=T + 300,
                                 query="requests_total * on (job) requests_total")
        self.assertEqual((reply.status, reply.json["errorType"]), (422, "execution"), reply.text)

    def test_labels(self):
        self.assertLessEqual({"__name__", "cluster", "exported_cluster", "exported_exported_cluster", "job", "path",
                              "region"}, set(self.data("/api/v1/labels")))
        self.assertEqual(self.data("/api/v1/labels", **{"match[]": ["temperature", "only_one"]}), [
            "__name__", "cluster", "exported_cluster", "exported_exported_cluster", "job", "region"])
        self.assertEqual(self.data("/api/v1/labels", **{"match[]": 'requests_total{cluster="c2"}'}),
                         ["__name__", "cluster", "job", "path"])
        self.assertEqual(self.data("/api/v1/labels", **{"match[]": "nope"}), [])

    def test_label_values(self):
        def values(label, **params):
            return self.data(f"/api/v1/label/{label}/values", **params)
        self.assertEqual(values("path"), ["/x", "/y", "/z"])
        self.assertEqual(values("cluster"), ["c1", "c2"])
        self.assertEqual(values("region"), ["eu"])
        self.assertEqual(values("cluster", **{"match[]": "only_one"}), ["c1"])
        self.assertEqual(values("cluster", **{"match[]": "nope"}), [])
        self.assertEqual(values("exported_cluster"), ["own"])
        self.assertEqual(values("exported_exported_cluster"), ["twice"])
        self.assertEqual(values("job", **{"match[]": ['requests_total{cluster="c2"}', 'only_one{cluster="c2"}']}), ["a", "b"])
        self.assertEqual(self.program.get("/api/v1/label/job/values", limit=1).json["data"], ["a"])

    def test_series(self):
        found = self.data("/api/v1/series", **{"match[]": ['requests_total{job="a"}', "temperature"]})
        wanted = []
        for name, backend in self.backends.items():
            body = backend.get("/api/v1/series", **{"match[]": ['requests_total{job="a"}', "temperature"]})[1]
            wanted += [inject(s, name) for s in body["data"]]
        self.assertEqual(found, sorted(wanted, key=key))
        self.assertEqual(self.data("/api/v1/series", **{"match[]": 'temperature{exported_cluster="own"}'}),
                         [inject({"__name__": "temperature", "job": "a", "cluster": "own"}, "c1")])

    def test_rules_and_alerts_carry_their_cluster(self):
        def alerts():
            return self.program.get("/api/v1/alerts").json["data"]["alerts"]
        eventually(lambda: len(alerts()) == 2, "one alert a cluster")
        self.assertEqual(sorted(a["labels"]["cluster"] for a in alerts()), ["c1", "c2"])
        groups = self.data("/api/v1/rules")["groups"]
        self.assertEqual([g["name"] for g in groups], ["g", "g"])
        self.assertEqual([r["labels"]["cluster"] for g in groups for r in g["rules"]], ["c1", "c1", "c2", "c2"])
        for match, expected in (('{cluster="c2"}', ["made:here c2", "Always c2"]), ('{kind="r"}', ["made:here c1", "made:here c2"]),
                                ('{severity="page",cluster!="c2"}', ["Always c1"]), ('{region="eu",kind=""}', ["Always c1"]),
                                (['{kind="r",cluster="c1"}', '{severity=~"p.*",region=""}'], ["made:here c1", "Always c2"]),
                                ('{cluster="c9"}', []), ('{kind="s"}', [])):
            groups = self.data("/api/v1/rules", **{"match[]": match})["groups"]
            self.assertEqual([f'{r["name"]} {r["labels"]["cluster"]}' for g in groups for r in g["rules"]], expected, match)
            self.assertNotIn([], [g["rules"] for g in groups])
        page = self.data("/api/v1/rules", group_limit=1, **{"match[]": '{cluster="c2"}'})
        self.assertEqual(([g["cluster"] for g in page["groups"]], "groupNextToken" in page), (["c2"], False))
        self.assertEqual(self.program.get("/api/v1/rules", **{"match[]": "{"}).status, 400)
        first = self.data("/api/v1/rules", group_limit=1)
        self.assertEqual(len(first["groups"]), 1)
        second = self.data("/api/v1/rules", group_limit=1, group_next_token=first["groupNextToken"])
        self.assertEqual([g["cluster"] for g in first["groups"] + second["groups"]], ["c1", "c2"])
        self.assertNotIn("groupNextToken", second)

    def test_documents_have_prometheus_shape(self):
        self.assertEqual(set(self.data("/api/v1/targets")), {"activeTargets", "droppedTargets", "droppedTargetCounts"})
        self.assertEqual(self.data("/api/v1/alertmanagers"), {"activeAlertmanagers": [], "droppedAlertmanagers": []})
        self.assertEqual(self.data("/api/v1/metadata"), {})
        self.assertEqual(self.data("/api/v1/targets/metadata"), [])
        self.assertEqual(self.data("/api/v1/query_exemplars", query="up", start=T, end=T + 1), [])
        self.assertEqual(self.data("/api/v1/query_exemplars", query="test", start=T * 1000, end=T * 1000 + 1), [])
        tsdb = self.data("/api/v1/status/tsdb")
        self.assertIn("numSeries", tsdb["headStats"])
        self.assertEqual(self.data("/api/v1/status/config")["yaml"].splitlines()[:2], ["global:", "  scrape_interval: 15s"])
        self.assertEqual(self.data("/api/v1/status/runtimeinfo")["storageRetention"], "100y")
        buildinfo = self.data("/api/v1/status/buildinfo")
        self.assertIn("version", buildinfo)
        self.assertNotIn("features", buildinfo)
        self.assertEqual(self.data("/api/v1/status/flags")["web.enable-lifecycle"], "true")

    def test_cluster_status(self):
        def both_probed():
            clusters = self.data("/api/v1/status/clusters")["clusters"]
            return all(c["replicas"][0]["health"] == "up" and c["version"] for c in clusters) and clusters
        clusters = eventually(both_probed, "both clusters probed")
        self.assertEqual([(c["name"], c["labels"], c["semantics"]) for c in clusters],
                         [("c1", {"cluster": "c1", "region": "eu"}, "2.x"), ("c2", {"cluster": "c2"}, "2.x")])
        self.assertRegex(clusters[0]["version"], r"^2\.")

    def test_query_texts(self):
        self.assertEqual(self.data("/api/v1/format_query", query="foo/bar"), "foo / bar")
        self.assertEqual(self.data("/api/v1/parse_query", query="foo")["type"], "vectorSelector")
        self.assertEqual(self.program.get("/api/v1/format_query", query="foo/").status, 400)

    def test_explain(self):
        plan = self.data("/api/v1/query_explain", query="sum(requests_total)")["plan"]
        self.assertEqual((plan["mode"], plan["expression"]), ("combine", "$1"))
        self.assertEqual([p["cluster"] for p in plan["feeds"][0]["parts"]], ["c1", "c2"])
        pruned = self.data("/api/v1/query_explain", query='requests_total{cluster="c2"}', start=T, end=T + 60, step=15)
        self.assertEqual(pruned["plan"]["mode"], "union")
        self.assertEqual([p["cluster"] for p in pruned["plan"]["feeds"][0]["parts"]], ["c2"])
        self.assertEqual(self.data("/api/v1/query_explain", query="1+1")["plan"]["mode"], "local")
        analysis = self.data("/api/v1/query_explain", query="sum(requests_total)", time=T, analyze="true")["analysis"]
        self.assertEqual([(c["name"], c["series"]) for c in analysis["clusters"]], [("c1", 1), ("c2", 1)])
        text = self.program.get("/api/v1/query_explain", headers={"Accept": "text/plain"}, query="sum(requests_total)")
        self.assertIn("text/plain", text.headers["Content-Type"])
        self.assertIn("c2: instant ", text.text)
        self.assertEqual(self.program.get("/api/v1/query_explain", query="sum(").status, 400)
        self.assertIn("step", self.program.get("/api/v1/query_explain", query="up", start=T, end=T + 60).json["error"])

    def test_scope_of_one_cluster(self):
        data = self.data("/cluster/c2/api/v1/query", query="requests_total", time=T)
        self.assertEqual({s["metric"]["cluster"] for s in data["result"]}, {"c2"})
        self.assertEqual(self.data("/cluster/c2/api/v1/label/path/values"), ["/x", "/z"])
        self.assertEqual(self.program.get("/cluster/c2/-/healthy").status, 200)
        unknown = self.program.get("/cluster/nope/api/v1/query", query="up")
        self.assertEqual((unknown.status, unknown.json["errorType"]), (404, "not_found"))
        self.assertIn("nope", unknown.json["error"])
        self.assertEqual(self.program.get("/cluster//api/v1/query", query="up").status, 404)
        self.assertEqual(self.program.get("/cluster/c1/metrics").status, 404)
        for base in ("/cluster/c1", "/cluster/c1/"):
            reply = self.program.get(base)
            self.assertEqual(reply.status, 404)
            self.assertIn("base URL", reply.json["error"])
            self.assertTrue(reply.json["error"].endswith("try /cluster/c1/api/v1/query?query=up"), reply.text)

    def test_routes_and_methods(self):
        self.assertEqual(self.program.get("/api/v1/nothing").status, 404)
        self.assertEqual(self.program.get("/api/v1/nothing").json["errorType"], "not_found")
        refused = self.program.request("DELETE", "/api/v1/query")
        self.assertEqual((refused.status, refused.headers["Allow"]), (405, "OPTIONS, GET, HEAD, POST"))
        self.assertIsNone(self.program.get("/api/v1/nothing").headers["Allow"])
        self.assertGreaterEqual(self.program.metric('globalview_http_requests_total{route="none",code="404"}'), 2)
        self.assertGreaterEqual(self.program.metric('globalview_http_requests_total{route="none",code="405"}'), 1)
        self.assertEqual(self.program.get("/-/reload").status, 405)
        self.assertEqual(self.program.request("HEAD", "/-/healthy").body, b"")
        self.assertEqual(self.program.request("HEAD", "/-/healthy").status, 200)
        self.assertEqual(self.program.get("/-/ready").status, 200)
        page = self.program.get("/")
        self.assertIn("text/html", page.headers["Content-Type"])
        self.assertIn("c2", page.text)

    def test_cors(self):
        reply = self.program.request("OPTIONS", "/api/v1/query", headers={"Origin": "http://example.org"})
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "*")
        self.assertIsNone(self.program.get("/api/v1/labels").headers["Access-Control-Allow-Origin"])
        with Program(config(self.backends["c1"].url, self.backends["c2"].url),
                     r"--web.cors.origin=https?://(a|b)\.org") as program:
            for origin, allowed in (("http://a.org", True), ("https://b.org", True), ("http://a.org.evil", False)):
                headers = program.get("/api/v1/labels", {"Origin": origin}).headers
                self.assertEqual(headers["Access-Control-Allow-Origin"], origin if allowed else None)
                self.assertIn("Origin", headers.get_all("Vary"))

    def test_gzip(self):
        params = dict(query="requests_total", start=T, end=T + 600, step=15)
        plain = self.data("/api/v1/query_range", **params)
        reply = self.program.get("/api/v1/query_range", headers={"Accept-Encoding": "gzip"}, **params)
        self.assertEqual(reply.headers["Content-Encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(reply.body))["data"], plain)

    def test_own_metrics(self):
        self.data("/api/v1/query", query="up", time=T)
        self.assertGreaterEqual(self.program.metric('globalview_http_requests_total{route="/api/v1/query",code="200"}'), 1)
        self.assertEqual(self.program.metric("globalview_queries_running"), 0)
        url = self.backends["c1"].url
        self.assertGreaterEqual(
            self.program.metric(f'globalview_replica_connections{{cluster="c1",replica="{url}"}}'), 1)

    def test_what_is_under_way_goes_back_to_nothing(self):
        def in_flight(route):
            return self.program.metric(f'globalview_http_requests_in_flight{{route="{route}"}}')
        for path in ("/api/v1/query", "/api/v1/labels", "/api/v1/label/%zz/values"):
            self.program.get(path)
        self.assertEqual(self.program.get("/-/reload").status, 405)
        eventually(lambda: self.program.metric("globalview_query_memory_bytes") == 0, "all memory is given back")
        for route in ("/api/v1/query", "/api/v1/labels", "/api/v1/label/{name}/values"):
            eventually(lambda: in_flight(route) == 0, f"no {route} under way")


class Federate(unittest.TestCase):
    """/federate over two servers that scrape now, and a third that federates from us."""

    @classmethod
    def setUpClass(cls):
        own = ("scrape_configs:\n- {job_name: self, scrape_interval: 1s, static_configs: [{targets: ['%s']}]}\n"
               "- {job_name: other, scrape_interval: 1s, static_configs: [{targets: ['%s'], labels: {cluster: mine}}]}\n")
        idle = Prometheus()
        cls.addClassCleanup(idle.stop)
        target = idle.url.removeprefix("http://")
        cls.backends = {name: Prometheus(config=own % (target, target)) for name in ("c1", "c2")}
        for backend in cls.backends.values():
            cls.addClassCleanup(backend.stop)
        cls.program = Program(config(*(b.url for b in cls.backends.values())))
        cls.addClassCleanup(cls.program.stop)

        def scraped():
            found = cls.program.query("up").json["data"]["result"]
            return len(found) == 4 and all(s["value"][1] == "1" for s in found)
        eventually(scraped, "both servers scraped twice each")

    def test_texts_are_united(self):
        reply = self.program.get("/federate", **{"match[]": ["up", "prometheus_ready"]})
        self.assertEqual(reply.status, 200, reply.text)
        self.assertEqual(reply.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        lines = reply.text.splitlines()
        self.assertEqual([line for line in lines if line.startswith("#")],
                         ["# TYPE prometheus_ready untyped", "# TYPE up untyped"])
        ups = [line for line in lines if line.startswith("up{")]
        self.assertEqual(len(ups), 4)
        self.assertEqual(len([line for line in ups if 'cluster="c1"' in line and 'region="eu"' in line]), 2)
        self.assertEqual(len([line for line in ups if 'exported_cluster="mine"' in line]), 2)
        for line in ups:
            self.assertRegex(line, r"^up\{.*\} 1 \d{13}$")

    def test_selectors_on_injected_labels(self):
        reply = self.program.get("/federate", **{"match[]": 'up{cluster="c2",job="other"}'})
        self.assertEqual(len([line for line in reply.text.splitlines() if line.startswith("up{")]), 1)
        self.assertIn('cluster="c2"', reply.text)

    def test_none_bad_and_post(self):
        none = self.program.get("/federate")
        self.assertEqual((none.status, none.body), (200, b""))
        self.assertEqual(self.program.get("/federate", **{"match[]": "up{"}).status, 400)
        self.assertEqual(self.program.request("POST", "/federate?match[]=up").status, 405)

    def test_a_prometheus_federates_from_us(self):
        target = self.program.url.removeprefix("http://")
        federating = Prometheus(config=f"""
scrape_configs:
- job_name: globalview
  scrape_interval: 1s
  honor_labels: true
  metrics_path: /federate
  params: {{'match[]': ['up']}}
  static_configs: [{{targets: ['{target}']}}]
""")
        self.addCleanup(federating.stop)

        def arrived():
            found = federating.get("/api/v1/query", query='up{cluster=~"c1|c2"}')[1]["data"]["result"]
            return len(found) == 4 and found
        found = eventually(arrived, "four federated series")
        self.assertEqual({s["metric"]["cluster"] for s in found}, {"c1", "c2"})
        self.assertEqual({s["metric"].get("exported_cluster") for s in found}, {None, "mine"})


class PartialAnswers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.alive = Prometheus(ONE)
        cls.addClassCleanup(cls.alive.stop)
        cls.dead = Prometheus()
        cls.addClassCleanup(cls.dead.stop)
        cls.dead.end()

    def start(self, more=""):
        program = Program(config(self.alive.url, self.dead.url, more))
        self.addCleanup(program.stop)
        return program

    def assert_named(self, text):
        self.assertRegex(text, r'^cluster "c2": connect to 127\.0\.0\.1:\d+: ')

    def test_a_failed_cluster_is_a_warning(self):
        program = self.start()
        for _ in range(5):  # also once its breaker is open
            reply = program.query("only_one", time=T)
            self.assertEqual(reply.status, 200, reply.text)
            self.assertEqual(len(reply.json["data"]["result"]), 1)
            self.assertEqual(len(reply.json["warnings"]), 1)
            self.assertTrue(reply.json["warnings"][0].startswith('cluster "c2": '), reply.json["warnings"])
        labels = program.get("/api/v1/labels").json
        self.assertIn("region", labels["data"])
        self.assertEqual(len(labels["warnings"]), 1)

    def test_partial_response_can_be_refused(self):
        program = self.start()
        reply = program.query("only_one", time=T, partial_response="false")
        self.assertEqual((reply.status, reply.json["errorType"]), (503, "unavailable"))
        self.assert_named(reply.json["error"])
        self.assertEqual(program.query("only_one", time=T, partial_response="maybe").status, 400)

    def test_a_required_cluster_fails_the_query(self):
        program = self.start("    required: true\n")
        reply = program.query("only_one", time=T, partial_response="true")
        self.assertEqual(reply.status, 503)
        self.assert_named(reply.json["error"])

    def test_all_asked_clusters_failed(self):
        program = self.start()
        reply = program.get("/cluster/c2/api/v1/query", query="only_one")
        self.assertEqual((reply.status, reply.json["errorType"]), (503, "unavailable"))
        self.assert_named(reply.json["error"])
        self.assertEqual(program.get("/cluster/c2/api/v1/labels").status, 503)

    def test_federate_cannot_warn(self):
        program = self.start()
        refused = program.get("/federate", **{"match[]": "only_one"})
        self.assertEqual(refused.status, 503)
        self.assert_named(refused.text)
        self.assertEqual(program.get("/federate", **{"match[]": "only_one", "partial_response": "true"}).status, 200)


if __name__ == "__main__":
    unittest.main()
