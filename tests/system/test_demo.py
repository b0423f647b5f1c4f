"""The founding scenario through the single endpoint: the 80/20 split, then the failover of reviews, then back."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "demo"))
import demo as scenario  # noqa: E402


def edge(source, destination):
    return frozenset({("source_workload", source), ("destination_workload", destination)})


class Failover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = scenario.Demo()
        cls.addClassCleanup(cls.demo.stop)
        cls.demo.start()

    def edges(self):
        return self.demo.query(scenario.REVIEWS_EDGES)

    def test_split_and_failover(self):
        with self.subTest("the gateway sends four fifths to cluster1"):
            def split():
                rates = {dict(labels)["destination_workload"]: rate
                         for labels, rate in self.demo.query(scenario.GATEWAY_SPLIT).items()}
                return len(rates) == 2 and rates
            rates = scenario.wait_for("both sides of the split", split)
            share = rates["productpage-cluster1"] / sum(rates.values())
            self.assertAlmostEqual(share, 0.8, delta=0.02)

        with self.subTest("every service calls its own cluster"):
            scenario.wait_for("both reviews edges", lambda: len(self.edges()) == 2)
            self.assertEqual(set(self.edges()), {
                edge("productpage-cluster1", "reviews-cluster1"),
                edge("productpage-cluster2", "reviews-cluster2")})

        with self.subTest("with reviews-cluster1 at zero, productpage-cluster1 calls reviews-cluster2"):
            self.demo.failover(True)
            crossing = edge("productpage-cluster1", "reviews-cluster2")
            own = edge("productpage-cluster1", "reviews-cluster1")
            scenario.wait_for("the crossing edge alone",
                              lambda: crossing in (found := self.edges()) and own not in found)

        with self.subTest("no outage: the callee in cluster2 sees both callers"):
            seen = self.demo.query(
                'sum by (cluster, source_cluster) (rate(istio_requests_total{reporter="destination",'
                'destination_workload="reviews-cluster2"}[10s])) > 0')
            self.assertEqual({dict(labels)["source_cluster"] for labels in seen}, {"cluster1", "cluster2"})
            self.assertEqual({dict(labels)["cluster"] for labels in seen}, {"cluster2"})

        with self.subTest("and back"):
            self.demo.failover(False)
            scenario.wait_for("the own edge again", lambda: own in self.edges())


if __name__ == "__main__":
    unittest.main()
