"""The command line: help, subcommands, and errors in their exact form."""
import pathlib
import tempfile
import unittest

from program import SOURCE_DIR, run

GOOD = """
clusters:
  - name: c1
    endpoints: [http://127.0.0.1:1]
"""


class CommandLine(unittest.TestCase):
    def fails(self, status, message, *args, **options):
        done = run(*args, **options)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (status, message, ""))

    def test_help_lists_every_flag_and_command(self):
        for args in (["--help"], ["-h"], ["serve", "--help"]):
            done = run(*args)
            self.assertEqual(done.returncode, 0)
            for word in ("--config.file=globalview.yml", "--web.listen-address=0.0.0.0:9490", "--query.timeout=2m",
                         "--[no-]web.enable-lifecycle", "check-config", "healthcheck"):
                self.assertIn(word, done.stdout)

    def test_help_of_a_command(self):
        done = run("query", "--help")
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]),
                         (0, "Usage: globalview query [--url=URL] [--time=TIME] QUERY"))

        self.assertIn("--config.file", run("explain", "--help").stdout)
        self.assertEqual(run("help").stdout, run("--help").stdout)

    def test_version(self):
        for args in (["version"], ["--version"]):
            done = run(*args)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"^globalview, version \d+\.\d+\.\d+\n")

    def test_unknown_command(self):
        self.fails(2, 'globalview: "chek-config" is no command (did you mean check-config?); '
                      "globalview --help lists them\n", "chek-config")

    def test_unknown_flag(self):
        self.fails(2, "globalview: --log.levle: unknown flag (did you mean --log.level?)\n", "--log.levle=info")
        self.fails(2, "globalview: --nonsense: unknown flag\n", "--nonsense")
        self.fails(2, "globalview: --config: unknown flag (did you mean --config.file?)\n", "--config=x")
        self.fails(2, "globalview: --onlin: unknown flag (did you mean --online?)\n", "check-config", "--onlin")

    def test_one_dash(self):
        self.fails(2, "globalview: -log.level=info: flags begin with two dashes (did you mean --log.level=info?)\n",
                   "-log.level=info")
        self.fails(2, "globalview: -v: flags begin with two dashes (did you mean --version?)\n", "-v")
        self.fails(2, "globalview: -x: flags begin with two dashes\n", "-x")

    def test_bad_values(self):
        self.fails(2, 'globalview: --log.level: "inf" is none of debug, info, warn, error; did you mean "info"?\n',
                   "--log.level", "inf")
        self.fails(2, 'globalview: --loops: "many" is no whole number\n', "--loops=many")
        self.fails(2, 'globalview: --web.listen-address: listen address "9490" is not host:port\n',
                   "--web.listen-address=9490")
        done = run("--enable-feature=nosuch")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "unknown feature nosuch; there are promql-experimental-functions, ")
        self.fails(2, "globalview: --loops: needs a value\n", "--loops")

    def test_what_is_not_built_is_refused(self):
        self.fails(2, "globalview: --web.config.file: this build has no TLS and no authentication of its own server yet\n",
                   "--web.config.file=web.yml")

    def test_explain(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "globalview.yml"
            file.write_text("clusters:\n- {name: c1, endpoints: [http://127.0.0.1:1]}\n"
                            "- {name: c2, endpoints: [http://127.0.0.1:2]}\n")
            done = run("explain", f"--config.file={file}", 'sum(up{cluster="c2"})')
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("c2: instant ", done.stdout)
            self.assertNotIn("c1: instant ", done.stdout)
            self.fails(1, 'globalview: invalid parameter "query": 1:5: parse error: unclosed left parenthesis\n',
                       "explain", f"--config.file={file}", "sum(")
            self.fails(2, "globalview: usage: globalview explain --config.file=FILE 'QUERY'\n", "explain")

    def test_the_page_says_what_a_reload_applies(self):
        rows = [line.split("|") for line in (SOURCE_DIR / "docs/configuration.md").read_text().splitlines()
                if line.startswith("| `")]
        reloads = {row[1].strip(" `"): row[4].strip() for row in rows if len(row) == 7}
        self.assertEqual((reloads["global"], reloads["storage"], reloads["clusters"]), ("by key", "by key", "yes"))
        self.assertEqual({v for k, v in reloads.items() if k.startswith("remote_write")}, {"no"})
        self.assertEqual({v for k, v in reloads.items() if k.startswith(("clusters[]", "ingest.write_rel"))}, {"yes"})

    def test_unreadable_file(self):
        self.fails(1, "globalview: /nowhere/g.yml: No such file or directory\n", "--config.file=/nowhere/g.yml")
        self.fails(1, "globalview: /nowhere/g.yml: No such file or directory\n", "check-config", "/nowhere/g.yml")
        self.fails(1, f"globalview: {SOURCE_DIR}: Is a directory\n", "check-config", str(SOURCE_DIR))

    def test_healthcheck_of_nobody(self):
        done = run("healthcheck", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^globalview: http://127\.0\.0\.1:1/-/healthy: .*onnect")


class CheckConfig(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="globalview-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, text, **env):
        (self.folder / "g.yml").write_text(text)
        return run("check-config", "g.yml", cwd=self.folder, env={"PATH": "/", **env})

    def refused(self, text, message, **env):
        done = self.check(text, **env)
        self.assertEqual((done.returncode, done.stderr), (1, f"globalview: {message}\n"))

    def test_good(self):
        done = self.check(GOOD)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "g.yml: ok, 1 cluster\n", ""))

    def test_online_says_whom_it_does_not_ask(self):
        (self.folder / "g.yml").write_text("storage:\ningest:\nremote_write: [{url: 'http://nowhere.invalid/write'}]\n")
        done = run("check-config", "--online", "g.yml", cwd=self.folder, env={"PATH": "/"})
        self.assertEqual((done.returncode, done.stdout), (0, "g.yml: ok, 0 clusters\n"))
        self.assertIn("remote_write: 1 endpoint was not asked", done.stderr)

    def test_unknown_key(self):
        self.refused(GOOD + "    timout: 3s\n",
                     "g.yml:5:5: clusters[0].timout: unknown key (did you mean timeout?)")

    def test_environment(self):
        text = GOOD + "    basic_auth: {username: u, password: '${SECRET}'}\n"
        self.refused(text, "g.yml:5:41: clusters[0].basic_auth.password: environment variable SECRET is not set")
        self.assertEqual(self.check(text, SECRET="x").returncode, 0)

    def test_clusters_files(self):
        (self.folder / "conf.d").mkdir()
        (self.folder / "conf.d/a.yml").write_text("clusters: [{name: a, endpoints: [http://h:1]}]")
        (self.folder / "conf.d/b.yml").write_text("clusters: [{name: b, endpoints: [http://h:2]}]")
        done = self.check("clusters_files: [conf.d/*.yml]\n" + GOOD)
        self.assertEqual((done.stdout, done.stderr), ("g.yml: ok, 3 clusters\n", ""))
        (self.folder / "conf.d/b.yml").write_text("clusters:\n- {name: c1, endpoints: [http://h:2]}")
        self.refused("clusters_files: [conf.d/*.yml]\n" + GOOD,
                     'conf.d/b.yml:2:10: clusters[0].name: cluster "c1" is there twice (first at g.yml:4:11)')

    def test_storage_alone_is_enough(self):
        done = self.check("storage: {}\ningest: {}\n")
        self.assertEqual((done.stdout, done.stderr), ("g.yml: ok, 0 clusters\n", ""))


if __name__ == "__main__":
    unittest.main()
