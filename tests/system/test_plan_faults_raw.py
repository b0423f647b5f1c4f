"""Clusters that fail in the middle of queries for which samples are fetched. (plan_faults.py)"""
import unittest

from differential import Case, at
from plan_faults import PlanFaults, open_world
from worlds import T

NOW = at(T + 1203)


def setUpModule():
    open_world()


class Histograms(PlanFaults, unittest.TestCase):
    """They lose their schema in query results: in a second round samples are asked for."""
    case, each_ask, asks_again = Case("histogram_count(sum(native))", NOW), 2, True
    paths = ("/api/v1/query", "/api/v1/read")


class Streamed(PlanFaults, unittest.TestCase):
    case, pushdown = Case("sum(rate(latency_sum[2m]))", NOW), {"all": "    pushdown: never\n"}
    paths = ("/api/v1/read",)


class Samples(PlanFaults, unittest.TestCase):
    case, pushdown = Case("sum(rate(latency_sum[2m]))", NOW), {"all": "    pushdown: never\n"}
    relay, paths = {"only_samples": True}, ("/api/v1/read",)


class MatrixSelectors(PlanFaults, unittest.TestCase):
    """What a server adds to its samples is not known: they are not read."""
    case, pushdown = Case("sum(rate(latency_sum[2m]))", NOW), {"all": "    pushdown: never\n"}
    relay = {"hides_config": True}


class SomeRaw(PlanFaults, unittest.TestCase):
    case, pushdown = Case("sum by (job) (limits)", NOW), {"c2": "    pushdown: never\n"}
    paths = ("/api/v1/query", "/api/v1/read")


if __name__ == "__main__":
    unittest.main()
