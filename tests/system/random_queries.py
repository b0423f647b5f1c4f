"""Well-typed queries over the data of worlds.py, from a seed; and making smaller ones of a query that fails.

What is generated keeps off what Prometheus 2.42 does otherwise than 3.x, and off what has no one answer:
  - ties: topk() only of values that are all different
  - last digits: what makes much of them (==, floor, count_values, differences) and divisors only of values that are exact;
    no inexact value times a large one: a mean that is 0 is 1e-19 in 2.42, and 1e-10 times the time of day
  - rates only of counters; filters between vectors only where each series has one partner"""
import random
import re

from differential import Case, at, over
from worlds import T

# name: labels beside the injected ones, all of which it takes to tell series of one cluster apart; and what it is good for
METRICS = {
    "temperature": ({"job", "instance"}, "distinct"), "memory_used": ({"job", "instance"}, ""),
    "state": ({"job", "instance"}, "few"), "memory_total": ({"instance"}, "few"), "build_info": ({"instance", "version"}, "few"),
    "started_seconds": ({"instance"}, ""), "limits": ({"job"}, ""), "constant": ({"job"}, "few"), "only_two": ({"job"}, "few"),
    "lonely": (set(), ""), "ended": ({"job"}, ""), "begun": ({"job"}, ""), "flapping": ({"job"}, ""), "sparse": ({"job"}, ""),
    "uneven": ({"job"}, ""), "special": ({"kind"}, ""), "odd": ({"text"}, "few"), "nope": ({"job"}, ""),
    "owned": ({"id", "job", "exported_cluster", "exported_exported_cluster", "exported_region"}, ""),
    "requests_total": ({"job", "instance", "code"}, "counter"), "latency_count": ({"job", "instance"}, "counter"),
    "latency_bucket": ({"job", "instance", "le"}, "counter"),
}
IDENTITY = {**{name: labels for name, (labels, _) in METRICS.items()}, "owned": {"id"}, "build_info": {"instance"}}
COMMON = ("temperature", "memory_used", "state", "limits", "constant", "requests_total", "owned", "memory_total")
INJECTED = ("cluster", "region", "zone")
MATCHERS = ('cluster="c1"', 'cluster="c2"', 'cluster="c3"', 'cluster!="c1"', 'cluster=~"c1|c3"', 'cluster!~"c2|c3"',
            'cluster="c9"', 'region="eu"', 'region!="eu"', 'region=""', 'zone="z3"', 'zone=""', 'region=~"eu|mine"')
OF_LABEL = {"job": ('job="a"', 'job!="a"', 'job=~"a|b"'), "instance": ('instance=~".*[01]"', 'instance!~".*0"'),
            "code": ('code="500"', 'code!="500"'), "id": ('id=~"[0-3]"', 'id="5"'), "kind": ('kind=~"one|zero|inf"',),
            "exported_cluster": ('exported_cluster="own"', 'exported_cluster!=""', 'exported_cluster=""'),
            "exported_region": ('exported_region="mine"', 'exported_region=""'), "le": ('le="1"', 'le!="+Inf"'),
            "exported_exported_cluster": ('exported_exported_cluster!=""',), "version": ('version="v1"',),
            "text": ('text!~"(?s).*[\\"$].*"',)}
SHIFTS = ("",) * 6 + (" offset 1m", " offset 5m", " offset -90s", f" @ {T + 603}", " @ start()", " @ end()",
                      f" @ {T + 1008} offset 2m", " @ end() offset -1m")
RANGES = ("1m", "2m", "5m", "10m", "31s")
SUBQUERIES = ("127s:15s", "187s:30s", "307s:1m", "307s:", "607s:45s", "67s:60s")
OVER = ("sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
        "present_over_time", "stddev_over_time", "changes", "resets", "delta", "idelta", "deriv", "stdvar_over_time")
EXACT_OVER = {"sum_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time", "present_over_time",
              "changes", "resets", "idelta"}
RATES = ("rate", "increase", "irate")
AGGREGATIONS = ("sum", "sum", "sum", "avg", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile", "topk",
                "bottomk", "count_values")
LARGE = re.compile(r"\btime\(|\btimestamp\(|\bstarted_seconds\b|\bexp\(")  # what has values of a billion and more
MAX_DEPTH = 4


class Node:
    """A piece of a query: `parts`, strings and nodes, one after the other. What is known of a vector:
    labels: that its series may have; key: labels of which each series has values of its own; exact, few, distinct,
    counter: what its values are good for; wild: its matching may fail."""

    def __init__(self, kind, *parts, **known):
        self.kind, self.parts = kind, parts
        self.labels, self.key = frozenset(known.get("labels", ())), frozenset(known.get("key", ()))
        self.exact, self.few = known.get("exact", False), known.get("few", False)
        self.distinct, self.counter = known.get("distinct", False), known.get("counter", False)

    def __str__(self):
        return "".join(map(str, self.parts))

    def nodes(self):
        """All below, the nearest first."""
        near = [p for p in self.parts if isinstance(p, Node)]
        return near + [n for p in near for n in p.nodes()]

    def replaced(self, old, new):
        """A copy with another node in the place of one of its own."""
        if self is old:
            return new
        copy = Node(self.kind, *(p.replaced(old, new) if isinstance(p, Node) else p for p in self.parts))
        return copy


class Generator:
    def __init__(self, seed):
        self.seed = seed

    def query(self, number):
        """(Node, times): of one seed and number always the same."""
        self.random, self.depth = random.Random(f"{self.seed}:{number}"), 0
        node = self.scalar() if self.one_in(25) else self.vector()
        return node, self.times()

    def cases(self, n):
        """[(Node, Case)]."""
        return [(node, Case(str(node), times)) for node, times in map(self.query, range(n))]

    def times(self):
        if self.one_in(2):
            return at(T + 8 + 10 + 15 * self.random.randrange(6, 125))
        step = self.random.choice((15, 30, 45, 60, 105, 300))
        start = T + 13 + 15 * self.random.randrange(2, 100)
        return over(start, start + step * self.random.randrange(0, 25) + self.random.choice((0, 7)), step)

    # ---- Choices

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def pick(self, *of):
        return self.random.choice(of)

    def some(self, of, most):
        of = sorted(of)
        return self.random.sample(of, min(len(of), self.random.randrange(most + 1)))

    # ---- Selectors

    def selector(self, name=None, of_cluster=True):
        """(text, known) without a shift. of_cluster: there may be matchers on injected labels."""
        name = name or self.random.choice(COMMON if self.one_in(2) else tuple(METRICS))
        labels, good = METRICS[name]
        matchers = []
        if of_cluster and self.one_in(3):
            matchers.append(self.random.choice(MATCHERS))
        for label in sorted(labels & set(OF_LABEL)):
            if self.one_in(6):
                matchers.append(self.random.choice(OF_LABEL[label]))
        text = name + ("{" + ",".join(matchers) + "}" if matchers else "")
        known = {"labels": labels | set(INJECTED), "key": IDENTITY[name] | {"cluster"}, "exact": True}
        return text, {**known, **{what: True for what in [good] if what}}

    def instant(self, name=None):
        text, known = self.selector(name)
        return Node("vector", text, self.random.choice(SHIFTS), **known)

    def counter(self):
        return self.pick("requests_total", "requests_total", "latency_count", "latency_bucket")

    # ---- Functions

    def over_range(self):
        if self.one_in(3):
            text, known = self.selector(self.counter())
            function = self.random.choice(RATES)
            return Node("vector", f"{function}({text}[{self.pick('1m', '2m', '5m')}]", self.random.choice(SHIFTS), ")",
                        labels=known["labels"], key=known["key"])
        text, known = self.selector()
        return self.applied(Node("matrix", f"{text}[{self.random.choice(RANGES)}]", self.random.choice(SHIFTS), **known))

    def over_subquery(self):
        inner = self.vector()
        shift = self.random.choice(SHIFTS)
        if "@" in str(inner) and "@" in shift:  # 2.42 looks for the samples in the wrong place where that is nested again
            shift = ""
        of = Node("matrix", "(", inner, f")[{self.random.choice(SUBQUERIES)}]", shift,
                  labels=inner.labels, key=inner.key, exact=inner.exact)
        if inner.counter and self.one_in(3):
            return Node("vector", self.random.choice(RATES) + "(", of, ")", labels=of.labels, key=of.key)
        return self.applied(of)

    def applied(self, of):
        if self.one_in(10):
            return Node("vector", "absent_over_time(", of, ")", exact=True, few=True)
        if self.one_in(10):
            return Node("vector", f"quantile_over_time({self.pick('0', '0.5', '0.9')}, ", of, ")", labels=of.labels, key=of.key)
        function = self.random.choice(OVER if of.exact else ("max_over_time", "avg_over_time", "count_over_time"))
        exact = of.exact and function in EXACT_OVER
        return Node("vector", function + "(", of, ")", labels=of.labels, key=of.key, exact=exact,
                    few=function in ("count_over_time", "changes", "resets", "present_over_time"))

    def function(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return self.quantile_of_buckets()
        if kind == 1:
            return Node("vector", "absent(", self.vector(), ")", exact=True, few=True)
        if kind == 2:
            return Node("vector", "vector(", self.scalar(), ")", exact=False)
        if kind in (3, 4):
            return self.replace()
        if kind == 5:
            of = self.instant() if self.one_in(2) else self.vector()
            while "@" in str(of) and "offset" in str(of):  # timestamp() of both at once is wrong in 2.42
                of = self.instant()
            return Node("vector", "timestamp(", of, ")", labels=of.labels, key=of.key, exact=True)
        of = self.vector()
        known = {"labels": of.labels, "key": of.key, "exact": of.exact}
        if kind == 6:
            return Node("vector", self.pick("sort(", "sort_desc("), of, ")", **known)
        if kind == 7:
            return Node("vector", self.pick("clamp_min(", "clamp_max("), of, ", ", self.scalar(), ")", **{**known, "exact": False})
        if not of.exact:
            return Node("vector", "abs(", of, ")", **known)
        if kind == 8:
            return Node("vector", "-", Node("vector", "(", of, ")", **known), **known)
        function = self.pick("abs", "ceil", "floor", "round", "sgn", "sqrt", "day_of_week", "exp")
        return Node("vector", function + "(", of, ")", labels=of.labels, key=of.key, exact=function not in ("sqrt", "exp"),
                    few=function in ("sgn", "day_of_week"))

    def quantile_of_buckets(self):
        text, known = self.selector("latency_bucket")
        labels = {"le", *self.some({"job", "instance", *INJECTED}, 3)}
        rate = self.pick(f"rate({text}[5m])", f"{text}", f"increase({text}[2m] offset 1m)")
        inner = self.pick(f"sum by ({', '.join(sorted(labels))}) ({rate})", rate)
        labels = labels if inner.startswith("sum") else known["labels"]
        return Node("vector", f"histogram_quantile({self.pick('0.5', '0.9', '1')}, {inner})", labels=labels - {"le"},
                    key=(labels if inner.startswith("sum") else known["key"]) - {"le"})

    def replace(self):
        of = self.vector()
        pool = ("job", "instance", "cluster", "region", "zone", "exported_cluster", "id", "x", "y")
        to = self.pick("x", "y", "x", "y", "region", "cluster", "exported_cluster", "zone", "job")
        known = {"labels": of.labels | {to}, "key": of.key, "exact": of.exact, "few": of.few}
        if to in of.key:  # may leave series with the same labels, an error
            known["key"] = of.labels | {to}
        if self.one_in(3):
            sources = ", ".join(f'"{self.random.choice(pool)}"' for _ in range(self.pick(1, 2)))
            return Node("vector", "label_join(", of, f', "{to}", "-", {sources})', **known)
        value, pattern = self.pick(("$1", "(.*)"), ("v$1", "(.*)"), ("$1-$2", "(.)(.*)"), ("same", ".+"), ("", ""), ("only", "c1|a"))
        return Node("vector", "label_replace(", of, f', "{to}", "{value}", "{self.random.choice(pool)}", "{pattern}")', **known)

    # ---- Aggregations

    def grouping(self, of):
        """(text, labels that are left)."""
        pool = (of.labels | {"cluster", "region", "job"}) if self.one_in(4) else of.labels
        listed = self.some(pool, 3)
        if self.one_in(3) and "cluster" in of.labels and "cluster" not in listed:
            listed.append("cluster")
        text = f" ({', '.join(listed)}) "
        if self.one_in(4):
            return " without" + text, of.labels - set(listed)
        return ("", set()) if self.one_in(5) else (" by" + text, of.labels & set(listed))

    def aggregation(self):
        of = self.random.choice((self.instant, self.vector, self.over_range, self.vector))()
        operator = self.random.choice(AGGREGATIONS)
        if (operator in ("topk", "bottomk") and not of.distinct) or (operator == "count_values" and not of.few) or \
                (operator in ("stddev", "stdvar") and not (of.exact and "special" not in str(of))):
            operator = self.pick("sum", "avg", "max", "count")
        text, left = self.grouping(of)
        if operator in ("topk", "bottomk"):
            return Node("vector", f"{operator}{text}({self.pick(1, 2, 5)}, ", of, ")", labels=of.labels, key=of.key,
                        exact=True, distinct=True)
        if operator == "quantile":
            return Node("vector", f"quantile{text}({self.pick('0', '0.5', '0.9', '1')}, ", of, ")", labels=left, key=left)
        if operator == "count_values":
            label = self.pick("zz", "zz", "cluster", "region", "job", "exported_cluster", "zone")
            if text.count(",") > 1:  # 2.42 merges values where its label comes before one of three in the list
                label = "zz"
            return Node("vector", f'count_values{text}("{label}", ', of, ")", labels=left | {label}, key=left | {label},
                        exact=True, few=True)
        exact = operator in ("count", "group") or (of.exact and operator in ("sum", "min", "max"))
        return Node("vector", operator + text + "(", of, ")", labels=left, key=left, exact=exact,
                    few=operator in ("count", "group"), counter=of.counter and operator in ("sum", "max", "min"))

    # ---- Operators

    def of_inexact(self, l, r, *operators):
        """One of the operators, for values of which not all are exact."""
        operator = self.pick(*operators)
        return "+" if operator == "*" and LARGE.search(f"{l} {r}") else operator

    def scalar_operator(self):
        of, other = self.vector(), self.scalar()
        if of.exact and other.exact and self.one_in(2):
            operator = self.pick("==", "!=", ">", "<", ">=", "<=")
            is_bool = self.one_in(2)
            return Node("vector", "(", of, f" {operator}{' bool' * is_bool} ", other, ")", labels=of.labels, key=of.key,
                        exact=True, few=is_bool or of.few)
        operator = self.pick("*", "/", "+", "-", "%") if of.exact and other.exact else self.of_inexact(of, other, "*", "+")
        sides = (of, f" {operator} ", other) if self.one_in(2) or not other.exact else (other, f" {operator} ", of)
        return Node("vector", "(", *sides, ")", labels=of.labels, key=of.key,
                    exact=of.exact and other.exact and operator in "+-*")

    def matching(self, l, r):
        """(text, labels matched by, whether group_left is needed); None: no sure way."""
        both = l.labels & r.labels
        wanted = set(r.key) | set(self.some(both, 2))
        if not wanted <= both:
            return None
        if self.one_in(2) and l.labels - wanted | r.labels - wanted:
            ignored = sorted((l.labels | r.labels) - wanted)
            return f"ignoring ({', '.join(ignored)}) ", wanted, not l.key <= wanted
        return f"on ({', '.join(sorted(wanted))}) ", wanted, not l.key <= wanted

    def solid(self):
        """Something that every cluster has as much as any other."""
        text, known = self.selector(self.random.choice(COMMON), of_cluster=False)
        of = Node("vector", text, self.random.choice(SHIFTS), **known)
        if self.one_in(3):
            of = Node("vector", f"rate({self.selector('requests_total', of_cluster=False)[0]}[5m])",
                      labels=METRICS["requests_total"][0] | set(INJECTED), key=METRICS["requests_total"][0] | {"cluster"})
        if self.one_in(2):
            return of
        left = self.some(of.labels, 3)
        return Node("vector", f"{self.pick('sum', 'max')} by ({', '.join(left)}) (", of, ")", labels=left, key=left)

    def wild_operator(self):
        """Whatever matches or fails to. An error is seen only where no side is empty in a cluster."""
        l, r = self.solid(), self.solid()
        pool = l.labels | r.labels | {"cluster"}
        text = f"{self.pick('on', 'ignoring')} ({', '.join(self.some(pool, 3))}) "
        listed = text.partition("(")[2]
        many = self.pick("", "", "group_left", "group_right")
        if many:
            include = [i for i in self.some(pool, 1) if text.startswith("ign") or i not in listed]
            many += f" ({', '.join(include)}) "
        labels = l.labels | r.labels
        return Node("vector", "(", l, f" {self.pick('*', '+')} {text}{many}", r, ")", labels=labels, key=labels)

    def vector_operator(self):
        if self.one_in(6):
            return self.wild_operator()
        l, r = self.vector(), self.vector()
        if self.one_in(3):
            r = self.parts_of(l)
        found = self.matching(l, r)
        if not found:
            return self.set_operator(l, r)
        text, matched, many = found
        filters = l.exact and r.exact and self.one_in(3)
        operator = (self.pick("==", "!=", ">", "<=") if filters else self.pick("*", "/", "+", "-") if l.exact and r.exact
                    else self.of_inexact(l, r, "*", "/", "+") if r.exact else self.of_inexact(l, r, "*", "+"))
        if filters and self.one_in(2):
            operator += " bool"
        labels = l.labels if many else l.labels & matched
        key = l.key
        if many:
            include = self.some((r.labels - {"le"}) | {"region"}, 2) if self.one_in(2) else []
            include = [i for i in include if i not in matched] if text.startswith("on") else \
                [i for i in include if i in text]
            labels = labels | set(include)
            text += f"group_left ({', '.join(include)}) "
            if set(include) & key:  # what the other side lacks is taken away
                key = labels
        exact = l.exact and r.exact and operator != "/"
        return Node("vector", "(", l, f" {operator} {text}", r, ")", labels=labels, key=key, exact=exact, few="bool" in operator)

    def parts_of(self, l):
        """Something with fewer labels, that is likely to match."""
        kept = self.some(l.labels, 3)
        of = self.instant(self.random.choice(COMMON))
        kept = [k for k in kept if k in of.labels] + ["cluster"] * self.one_in(2)
        kept = sorted(set(kept))
        return Node("vector", f"{self.pick('sum', 'max', 'count')} by ({', '.join(kept)}) (", of, ")", labels=kept, key=kept,
                    exact=True)

    def set_operator(self, l, r):
        operator = self.pick("and", "or", "unless")
        both = self.some(l.labels & r.labels, 3)
        text = self.pick("", f"on ({', '.join(both)}) ", f"ignoring ({', '.join(self.some(l.labels | r.labels, 2))}) ")
        if operator != "or":
            return Node("vector", "(", l, f" {operator} {text}", r, ")", labels=l.labels, key=l.key, exact=l.exact, few=l.few)
        # series of both sides may be told apart by their names only: no key that is sure
        labels = l.labels | r.labels
        return Node("vector", "(", l, f" or {text}", r, ")", labels=labels, key=labels | {"__name__"}, exact=l.exact and r.exact,
                    few=l.few and r.few)

    def operator(self):
        kind = self.random.randrange(4)
        return self.scalar_operator() if kind == 0 else self.set_operator(self.vector(), self.vector()) if kind == 1 \
            else self.vector_operator()

    # ---- Any

    def scalar(self):
        kind = self.random.randrange(8) if self.depth < MAX_DEPTH else 0
        if kind == 1:
            return Node("scalar", "time()", exact=True)
        if kind == 2:
            of = self.vector() if self.one_in(2) else Node("vector", "sum(", self.instant(), ")", exact=True)
            return Node("scalar", "scalar(", of, ")")  # may be NaN
        if kind == 3:
            l, r = self.scalar(), self.scalar()
            return Node("scalar", "(", l, f" {self.of_inexact(l, r, '+', '*')} ", r, ")")
        return Node("scalar", self.pick("1", "2", "0.5", "3", "-2", "0", "7"), exact=True)

    def vector(self):
        if self.depth >= MAX_DEPTH:
            return self.instant()
        self.depth += 1
        kind = self.random.randrange(20)
        made = (self.instant if kind < 3 else self.over_range if kind < 5 else self.over_subquery if kind < 7
                else self.function if kind < 10 else self.aggregation if kind < 15 else self.operator)()
        self.depth -= 1
        return made


NOT_EVERYWHERE = re.compile(r"\b(cluster|region|zone)(=|!)|\b(only_two|lonely|sparse|ended|begun|flapping|nope|owned|special)\b"
                            r"|offset|@|:[0-9a-z]*\]")


def may_miss_errors(query):
    """An operand that is empty in a cluster, or everywhere, takes what stands beside it away: an error there is not seen
    (docs/global-view.md; nor does 3.x look at the other side, as 2.42 does)."""
    return NOT_EVERYWHERE.search(query)


def smaller(node):
    """Queries that are part of this one, or this one with a part taken out; the smallest first."""
    found = [n for n in node.nodes() if n.kind in ("vector", "scalar")]
    for n in [node, *node.nodes()]:
        found += [node.replaced(n, below) for below in n.nodes() if below.kind == n.kind]
    return sorted(found, key=lambda n: len(str(n)))


def shrink(node, fails):
    """The smallest query that can be reached and still fails. fails(text): whether it does."""
    tried = {str(node)}
    while True:
        for candidate in smaller(node):
            text = str(candidate)
            if text not in tried and len(text) < len(str(node)):
                tried.add(text)
                if fails(text):
                    node = candidate
                    break
        else:
            return str(node)
