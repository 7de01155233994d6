#!/usr/bin/env python3
"""The Kubernetes manifests: each fits the Go types of its kind, they fit each other, and what the
container is told to run serves.

usage: manifests.py PATH-OF-REPRISE PATH-OF-READER     REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from processes import PATIENCE, Process, account, put, serve

PROBES = {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes"


def read(*paths):
    """Code, objects, and what was not understood."""
    done = subprocess.run([READER, "kubernetes", *map(str, paths)], text=True, capture_output=True,
                          timeout=PATIENCE, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def files():
    return sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.code, cls.objects, cls.said = read(*files())

    def of(self, kind):
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def pod(self):
        return self.of("Deployment")["reprise"]["spec"]["template"]

    def container(self):
        return self.pod()["spec"]["containers"][0]

    def test_they_fit_their_types(self):
        self.assertEqual((self.code, self.said), (0, ""))
        self.assertEqual(len(self.objects), 8)

    def test_the_judge_judges(self):
        text = (FOLDER / "disruption.yaml").read_text()
        with tempfile.TemporaryDirectory() as folder:
            for wrong in ("minimumAvailable", "minavailable"):
                path = pathlib.Path(folder) / f"{wrong}.yaml"
                path.write_text(text.replace("minAvailable", wrong))
                code, _, said = read(path)
                self.assertEqual(code, 1)
                self.assertIn(wrong, said)

    def test_what_kustomize_is_told_is_there_and_all_of_it(self):
        for folder in (FOLDER, FOLDER / "monitoring"):
            told = (folder / "kustomization.yaml").read_text()
            names = re.findall(r"^  - (\S+\.yaml)$", told, re.M)
            there = [path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml"]
            self.assertEqual(sorted(names), sorted(there))

    def test_the_operators_rules_are_those_of_prometheus(self):
        subprocess.run([FOLDER / "monitoring/rules.py", "--check"], check=True, timeout=PATIENCE)

    def test_selectors_find_the_pods(self):
        labels = self.pod()["metadata"]["labels"].items()
        selectors = [one["spec"]["selector"] for one in self.of("Service").values()]
        selectors += [self.of("PodDisruptionBudget")["reprise"]["spec"]["selector"]["matchLabels"],
                      self.of("Deployment")["reprise"]["spec"]["selector"]["matchLabels"],
                      self.of("NetworkPolicy")["reprise"]["spec"]["podSelector"]["matchLabels"]]
        for selector in selectors:
            self.assertTrue(selector and selector.items() <= labels, selector)

    def test_ports_have_the_names_by_which_they_are_called(self):
        ports = {one["name"]: one["containerPort"] for one in self.container()["ports"]}
        self.assertEqual(ports, {"grpc": self.flag("--port"), "metrics": self.flag("--metrics-port")})
        for service in self.of("Service").values():
            for port in service["spec"]["ports"]:
                self.assertEqual(ports[port["targetPort"]], port["port"])
        for probe, path in PROBES.items():
            asked = self.container()[probe]["httpGet"]
            self.assertEqual((asked["port"], asked["path"]), ("metrics", path))

    def test_prometheus_looks_at_every_server_once(self):
        watch = self.of("ServiceMonitor")["reprise"]["spec"]
        wanted = watch["selector"]["matchLabels"].items()
        met = [one for one in self.of("Service").values() if wanted <= one["metadata"]["labels"].items()]
        self.assertEqual([one["metadata"]["name"] for one in met], ["reprise-metrics"])
        self.assertTrue(met[0]["spec"]["publishNotReadyAddresses"])
        self.assertEqual([one["port"] for one in watch["endpoints"]], ["metrics"])

    def test_the_secret_is_where_the_server_looks(self):
        mount = self.container()["volumeMounts"][0]
        path = pathlib.Path(self.flag("--mysql-password-file"))
        self.assertEqual(str(path.parent), mount["mountPath"])
        self.assertEqual(self.pod()["spec"]["volumes"][0]["name"], mount["name"])

    def flag(self, name):
        value = next(one.split("=", 1)[1] for one in self.container()["args"]
                     if one.startswith(name + "="))
        return int(value) if value.isdigit() else value

    def test_what_the_container_runs_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            address, password = account(folder)
            args = put(self.container()["args"], {"--ip": "127.0.0.1", "--port": 0, "--metrics-port": 0,
                                                  "--mysql-password-file": password})
            [variable] = self.container()["env"]
            said = serve(self, [REPRISE, *args], {variable["name"]: address})
            self.assertIn("store    MySQL", said)

    def test_what_the_container_runs_answers_the_probes(self):
        args = put(self.container()["args"], {"--ip": "127.0.0.1", "--port": 0, "--metrics-port": 0})
        args = [one for one in args if not one.startswith("--mysql")] + ["--db-filename=store.db"]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        server = Process([REPRISE, *args], r"metrics +(http://\S+)/metrics", cwd=folder.name)
        self.addCleanup(server.kill)
        for path in PROBES.values():
            with urllib.request.urlopen(server.found[1] + path, timeout=PATIENCE) as answer:
                self.assertEqual(answer.read(), b"ok\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    READER, REPRISE = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
