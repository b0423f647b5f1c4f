"""Clusters that fail in the middle of queries that are pushed down. (plan_faults.py)"""
import unittest

from differential import Case, at, over
from plan_faults import PlanFaults, open_world
from worlds import T

NOW, RANGE = at(T + 1203), over(T + 613, T + 1213, 300)


def setUpModule():
    open_world()


class Union(PlanFaults, unittest.TestCase):
    case = Case("limits", NOW)


class UnionOverTime(PlanFaults, unittest.TestCase):
    case = Case("rate(latency_sum[2m])", RANGE)
    paths = ("/api/v1/query_range",)


class SplitAggregation(PlanFaults, unittest.TestCase):
    case = Case("sum by (job) (limits)", NOW)


class Average(PlanFaults, unittest.TestCase):
    case, each_ask = Case("avg(limits)", RANGE), 2
    paths = ("/api/v1/query_range",)


class Deviation(PlanFaults, unittest.TestCase):
    case, each_ask = Case("stddev(limits)", NOW), 3


class JoinAcrossClusters(PlanFaults, unittest.TestCase):
    case, each_ask = Case("limits / on (job) group_left () sum by (job) (constant)", NOW), 2


class Subquery(PlanFaults, unittest.TestCase):
    case = Case("max_over_time(sum(limits)[3m:1m])", NOW)
    paths = ("/api/v1/query_range",)


class Absence(PlanFaults, unittest.TestCase):
    case = Case("absent(limits > 1e6)", NOW)


class CancelledSum(PlanFaults, unittest.TestCase):
    """The sum is next to nothing: in a second round the series are asked for."""
    case, each_ask, asks_again = Case("sum(limits - 205)", NOW), 2, True


if __name__ == "__main__":
    unittest.main()
