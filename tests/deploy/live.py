#!/usr/bin/env python3
"""A real Prometheus with the configuration and the rules of deploy/prometheus looks at two servers on
one MySQL while they are killed and come back.

usage: live.py PATH-OF-REPRISE PATH-OF-PROMETHEUS      REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from processes import PATIENCE, Process, database

RULES = pathlib.Path(__file__).resolve().parents[2] / "deploy/prometheus"
JOB = "reprise"


class Prometheus:
    """On a copy of the configuration whose intervals are short. A file of its own names the servers,
    so that one that comes back may have another port and is the same instance."""

    def __init__(self, program, folder):
        self.folder = folder
        config = (RULES / "prometheus.yml").read_text()
        config = re.sub(r"(scrape|evaluation)_interval: \S+", r"\1_interval: 500ms", config)
        config = re.sub(r"scrape_timeout: \S+", "scrape_timeout: 500ms", config)
        config, replaced = re.subn(r"static_configs:\n(?: +#.*\n)* +- targets: .*",
                                   "file_sd_configs: [{files: [servers.json]}]", config)
        assert replaced == 1, config
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(RULES / "recording.yml", folder)
        alerts = re.sub(r"\bfor: \w+", "for: 1s", (RULES / "alerts.yml").read_text())
        (folder / "alerts.yml").write_text(alerts)
        self.look_at({})
        process = Process([program, f"--config.file={folder}/prometheus.yml",
                           f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:0"],
                          r'msg="Listening on" address=127\.0\.0\.1:(\d+)')
        self.kill, self.said = process.kill, process.said
        self.address = "http://127.0.0.1:" + process.found[1]

    def look_at(self, servers):
        targets = [{"targets": [target], "labels": {"instance": name}}
                   for name, target in servers.items()]
        new = self.folder / "servers.new"
        new.write_text(json.dumps(targets))
        new.rename(self.folder / "servers.json")

    def ask(self, path):
        try:
            with urllib.request.urlopen(self.address + path, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            if refused.code == 503:  # It is still starting.
                return {"result": [], "alerts": []}
            raise

    def value(self, query):
        found = self.ask("/api/v1/query?" + urllib.parse.urlencode({"query": query}))["result"]
        return {one["metric"].get("instance"): float(one["value"][1]) for one in found}

    def alerts(self):
        """Those that fire: name and instance."""
        return {(one["labels"]["alertname"], one["labels"].get("instance")): one["annotations"]
                for one in self.ask("/api/v1/alerts")["alerts"] if one["state"] == "firing"}


class Live(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.database = database()
        self.servers, self.targets = {}, {}
        self.addCleanup(lambda: [server.kill() for server in self.servers.values()])
        self.prometheus = Prometheus(PROMETHEUS, pathlib.Path(folder.name))
        self.addCleanup(self.prometheus.kill)

    def start(self, name):
        server = Process([REPRISE, "server", "start-dev", "--ip", "127.0.0.1", "--port", "0",
                          "--metrics-port", "0", "--lease", "2", "--mysql", self.database],
                         r"metrics +http://(\S+)/metrics")
        self.servers[name] = server
        self.targets[name] = server.found[1]
        self.prometheus.look_at(self.targets)

    def until(self, what, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                said = "".join(line for server in (self.prometheus, *self.servers.values())
                               for line in server.said[-20:])
                self.fail(f"gave up waiting until {what}; alerts: {self.prometheus.alerts()}\n{said}")
            time.sleep(0.05)

    def probe(self, name, path):
        """The status and the words of a probe."""
        try:
            with urllib.request.urlopen(f"http://{self.targets[name]}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def serving(self):
        return [name for name, value in self.prometheus.value("reprise_serving").items() if value]

    def until_all_is_well(self):
        self.until("both are seen, one serves and no alert fires", lambda:
                   self.prometheus.value("up") == {"a": 1, "b": 1} and len(self.serving()) == 1
                   and not self.prometheus.alerts())

    def test_servers_that_are_killed_and_come_back(self):
        self.start("a")
        self.start("b")
        self.until_all_is_well()

        first = self.serving()[0]
        second = "b" if first == "a" else "a"
        for path in ("/livez", "/startupz"):
            self.assertEqual([self.probe(name, path)[0] for name in (first, second)], [200, 200])
        self.assertEqual(self.probe(first, "/readyz"), (200, "ok\n"))
        code, why = self.probe(second, "/readyz")
        self.assertEqual(code, 503)
        self.assertIn("stands by", why)
        self.servers[first].kill()
        down = ("RepriseServerDown", first)
        self.until("the dead server's alert fires", lambda: down in self.prometheus.alerts())
        self.assertIn(f"{first} of {JOB} cannot be scraped", self.prometheus.alerts()[down]["summary"])
        self.until("the other one has taken over", lambda: self.serving() == [second])
        self.assertEqual(self.probe(second, "/readyz")[0], 200)

        self.servers[second].kill()
        self.until("that nobody serves is told", lambda:
                   ("RepriseNotServing", None) in self.prometheus.alerts())
        self.start(first)
        self.start(second)
        self.until_all_is_well()
        waiting = self.prometheus.value("reprise:tasks_waiting")
        self.assertEqual(list(waiting.values()), [0.0], "the recording rules record")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PROMETHEUS, REPRISE = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
