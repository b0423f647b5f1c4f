"""check-config --online against real servers: what they are, who is missing, who is there twice."""
import pathlib
import tempfile
import unittest

from program import free_port, run
from prometheus import Prometheus


class Online(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one, cls.two = Prometheus(), Prometheus()
        cls.addClassCleanup(cls.one.stop)
        cls.addClassCleanup(cls.two.stop)

    def check(self, clusters):
        with tempfile.TemporaryDirectory(prefix="globalview-test-") as folder:
            path = pathlib.Path(folder, "g.yml")
            path.write_text("clusters:\n" + "".join(
                f"  - name: {name}\n    endpoints: [{', '.join(urls)}]\n" for name, urls in clusters.items()))
            done = run("check-config", "--online", str(path))
            return done.returncode, done.stdout.splitlines()[1:], done.stderr

    def ok(self, name, url):
        return rf'^"{name}" {url}: ok, version "\d+\.\d+\.\d+[^"]*", takes remote reads$'

    def test_all_is_well(self):
        status, lines, errors = self.check({"c1": [self.one.url], "c2": [self.two.url]})
        self.assertEqual((status, errors, len(lines)), (0, "", 2))
        self.assertRegex(lines[0], self.ok("c1", self.one.url))
        self.assertRegex(lines[1], self.ok("c2", self.two.url))

    def test_who_does_not_answer_is_named(self):
        nobody = f"http://127.0.0.1:{free_port()}"
        status, lines, errors = self.check({"c1": [self.one.url, nobody]})
        self.assertEqual((status, errors, len(lines)), (1, "", 2))
        self.assertRegex(lines[0], self.ok("c1", self.one.url))
        self.assertRegex(lines[1], rf'^"c1" {nobody}: FAILED: connect to {nobody[7:]}: connection refused$')

    def test_one_server_as_two_clusters(self):
        same = self.one.url.replace("127.0.0.1", "localhost")
        status, lines, _ = self.check({"c1": [self.one.url], "c2": [self.two.url], "c3": [same]})
        self.assertEqual((status, lines[3:]), (1, [
            f'{self.one.url} and {same} are the same Prometheus: clusters "c1" and "c3" would show every series twice']))

    def test_one_server_as_two_replicas(self):
        same = self.one.url.replace("127.0.0.1", "localhost")
        status, lines, _ = self.check({"c1": [self.one.url, same]})
        self.assertEqual((status, lines[2:]), (0, [
            f"{self.one.url} and {same} are the same Prometheus: replicas that fail together"]))


if __name__ == "__main__":
    unittest.main()
