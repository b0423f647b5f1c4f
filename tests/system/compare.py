"""Holds an answer against that of a reference Prometheus: same series, same times, values within 1e-6."""
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
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-6 * max(abs(a), abs(b))


def compare(test, program, reference, path, query, params):
    """Asserts that both answer alike; gives whether there was anything in the answer."""
    reply = program.get(path, query=query, **params)
    status, wanted = reference.get(path, query=query, **params)
    test.assertEqual((reply.status, status), (200, 200), f"{query}: {reply.text} {json.dumps(wanted)[:500]}")
    test.assertNotIn("warnings", reply.json, query)
    got, expected = by_labels(reply.json["data"]), by_labels(wanted["data"])
    test.assertEqual(got[0], expected[0], query)
    test.assertEqual(sorted(got[1]), sorted(expected[1]), query)
    for labels, points in expected[1].items():
        test.assertEqual([t for t, _ in got[1][labels]], [t for t, _ in points], f"{query} {labels}")
        for (t, a), (_, b) in zip(got[1][labels], points):
            test.assertTrue(close(a, b), f"{query} {labels} at {t}: {a}, expected {b}")
    return bool(expected[1])
