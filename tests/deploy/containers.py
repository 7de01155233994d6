#!/usr/bin/env python3
"""The container file and the compose file: read by the Go code of BuildKit and of docker compose, they
fit each other and the binary, and what they run serves. No engine is asked.

usage: containers.py PATH-OF-REPRISE PATH-OF-READER     REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from processes import PATIENCE, account, put, serve

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
FOLDER = DEPLOY / "container"
ELSEWHERE = {"--ip": "127.0.0.1", "--port": 0, "--metrics-port": 0}


def read(kind, path):
    done = subprocess.run([READER, kind, path], text=True, capture_output=True, timeout=PATIENCE,
                          check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def packages_of(libraries):
    """Debian's packages of files, also of those that are named by their way through /lib."""
    names = {}
    for path in libraries:
        real = os.path.realpath(path)
        names[path] = {path, "/usr" + path, real, real.removeprefix("/usr")}
    asked = sorted(set().union(*names.values()))
    # It complains of the names by which it knows none.
    said = subprocess.run(["dpkg-query", "-S", *asked], text=True, capture_output=True,
                          timeout=PATIENCE, check=False).stdout
    owners = {line.rsplit(": ", 1)[1]: line.split(":")[0] for line in said.splitlines()}
    return {path: {owners[name] for name in ways if name in owners} for path, ways in names.items()}


class Containers(unittest.TestCase):
    def compose(self):
        [project], said = read("compose", FOLDER / "compose.yaml")
        self.assertEqual(said, "")
        return project

    def image(self):
        """The instructions of the last stage, by their name."""
        stages, said = read("containerfile", FOLDER / "Containerfile")
        self.assertEqual((len(stages), said), (2, ""))
        return dict(line.split(" ", 1) for line in stages[1]["instructions"])

    def test_the_judge_judges(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "wrong"
            path.write_text((FOLDER / "compose.yaml").read_text().replace("read_only:", "readonly:"))
            self.assertIn("readonly", read("compose", path)[1])
            path.write_text((FOLDER / "Containerfile").read_text().replace("EXPOSE", "EXPOES"))
            self.assertIn("EXPOES", read("containerfile", path)[1])

    def test_the_image_has_what_the_binary_is_linked_with(self):
        said = subprocess.run(["ldd", REPRISE], text=True, capture_output=True, timeout=PATIENCE,
                              check=True).stdout
        owners = packages_of(re.findall(r"=> (/\S+)", said))
        self.assertEqual([path for path, found in owners.items() if not found], [])
        installed = re.search(r"--no-install-recommends(.*?)&&", self.image()["RUN"])[1].split()
        self.assertEqual(set().union(*owners.values()), set(installed) - {"ca-certificates", "tzdata"})

    def test_what_the_image_runs_serves(self):
        [program] = json.loads(self.image()["ENTRYPOINT"])
        self.assertIn(program, self.image()["COPY"])
        with tempfile.TemporaryDirectory() as folder:
            args = put(json.loads(self.image()["CMD"]), ELSEWHERE)
            said = serve(self, [REPRISE, *args, "--port=0"], {}, cwd=folder)
            self.assertIn("reprise.db (SQLite)", said)

    def test_what_compose_runs_serves(self):
        server = self.compose()["services"]["reprise-a"]
        with tempfile.TemporaryDirectory() as folder:
            address, password = account(folder)
            args = put(server["command"], {**ELSEWHERE, "--mysql-password-file": password})
            [name] = server["environment"]
            self.assertIn("store    MySQL", serve(self, [REPRISE, *args], {name: address}))

    def test_secrets_are_where_they_are_looked_for(self):
        project = self.compose()
        server, mariadb = project["services"]["reprise-a"], project["services"]["mariadb"]
        places = {one["target"] for one in server["secrets"] + mariadb["secrets"]}
        self.assertEqual(places, {mariadb["environment"]["MARIADB_PASSWORD_FILE"]})
        self.assertIn(f"--mysql-password-file={places.pop()}", server["command"])
        address = server["environment"]["REPRISE_MYSQL"]
        self.assertEqual(address, f"mysql://{mariadb['environment']['MARIADB_USER']}@mariadb/"
                                  f"{mariadb['environment']['MARIADB_DATABASE']}")

    def test_others_look_for_servers_that_there_are(self):
        servers = sorted(name for name, one in self.compose()["services"].items()
                         if one["image"] == "reprise")
        door = re.findall(r"^ +server \w+ (\S+):7233$", (DEPLOY / "haproxy/haproxy.cfg").read_text(), re.M)
        watch = re.findall(r"(reprise-\w):9233", (FOLDER / "prometheus.yml").read_text())
        self.assertEqual((door, watch), (servers, servers))

    def test_files_that_are_mounted_are_there(self):
        for service in self.compose()["services"].values():
            for volume in service.get("volumes", []):
                if volume["type"] == "bind":
                    self.assertTrue((FOLDER / volume["source"]).is_file(), volume["source"])

    def test_prometheus_is_told_the_same_as_elsewhere(self):
        def without_targets(path):
            return [line for line in path.read_text().splitlines()
                    if line.strip() and not line.lstrip().startswith(("#", "- targets:"))]
        self.assertEqual(without_targets(FOLDER / "prometheus.yml"),
                         without_targets(DEPLOY / "prometheus/prometheus.yml"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    READER, REPRISE = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
