"""Holds an answer against that of a reference Prometheus: same series, same times, values within 1e-6, errors alike."""
import json
import math


def number(text):
    return float(text.replace("Inf", "inf"))


def by_labels(data):
    """(type, {labels: [(time, value)]}); scalars and strings under no labels, strings as text."""
    kind, result = data["resultType"], data["result"]
    if kind in ("vector", "matrix"):
        return kind, {tuple(sorted(s["metric"].items())): [(t, number(v)) for t, v in s.get("values", [s.get("value")])]
                      for s in result}
    return kind, {(): [(result[0], number(result[1]) if kind == "scalar" else result[1])]}


def close(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-6)


def difference(got, wanted, in_order=False):
    """What is not the same in two `data`, or None. in_order: the values of a vector come in the same order."""
    (got_kind, got_series), (kind, series) = by_labels(got), by_labels(wanted)
    if got_kind != kind:
        return f"a {got_kind}, expected a {kind}"
    if kind in ("vector", "matrix") and len(got_series) < len(got["result"]):
        return "a series twice"
    if kind == "matrix" and list(got_series) != sorted(got_series):
        return "not in the order of labels"
    for labels in sorted(set(got_series) ^ set(series)):
        return f"{dict(labels)} is {'missing' if labels in series else 'not expected'}"
    for labels, points in series.items():
        if [t for t, _ in got_series[labels]] != [t for t, _ in points]:
            return f"{dict(labels)}: has {got_series[labels]}, expected {points}"
        for (t, a), (_, b) in zip(got_series[labels], points):
            if not close(a, b):
                return f"{dict(labels)} at {t}: {a}, expected {b}"
    if in_order and kind == "vector":
        a, b = ([number(s["value"][1]) for s in data["result"]] for data in (got, wanted))
        if not all(close(x, y) for x, y in zip(a, b)):
            return f"the order of values is {a}, expected {b}"
    return None


def compare(test, program, reference, path, query, params):
    """Asserts that both answer alike; gives whether there was anything in the answer."""
    reply = program.get(path, query=query, **params)
    status, wanted = reference.get(path, query=query, **params)
    test.assertEqual((reply.status, status), (200, 200), f"{query}: {reply.text} {json.dumps(wanted)[:500]}")
    test.assertNotIn("warnings", reply.json, query)
    test.assertIsNone(difference(reply.json["data"], wanted["data"]), query)
    return bool(wanted["data"]["result"])
