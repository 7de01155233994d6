#!/usr/bin/env python3
"""The binary as people meet it: what it says, where, and with which exit code.

usage: binary.py PATH-OF-REPRISE
"""

import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
PATIENCE = 60
NODE_YAML = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/node.yaml")


def run(*arguments, **more):
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run([BINARY, *arguments], env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, **more)


def ask(address):
    """The status and the text of a page."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def ports_of(process):
    """Those on which it listens, as the kernel knows them."""
    sockets = set()
    for name in os.listdir(f"/proc/{process.pid}/fd"):
        try:
            sockets.add(os.readlink(f"/proc/{process.pid}/fd/{name}"))
        except FileNotFoundError:
            pass  # Closed in between.
    with open(f"/proc/{process.pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows
            if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


class Server:
    """A development server on free ports, ended with the block."""

    def __init__(self, *flags, command=("server", "start-dev")):
        self.flags = flags
        self.command = command

    def __enter__(self):
        ports = ["--port", "0"] if "--port" not in self.command else []
        self.process = subprocess.Popen([BINARY, *self.command, *ports, *self.flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.banner = ""
        while "store" not in self.banner:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("it ended: " + self.process.communicate()[1])
            self.banner += line
        return self

    def port(self):
        return int(re.search(r"gRPC +127\.0\.0\.1:(\d+)", self.banner)[1])

    def page(self, path):
        """The status and the text of a page of the metrics' port."""
        return ask(re.search(r"http://\S+(?=/metrics)", self.banner)[0] + path)

    def end(self, how):
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Binary(unittest.TestCase):
    def refused(self, *flags, code=1):
        """The one line that a server says which does not start."""
        done = run("server", "start-dev", "--ip", "127.0.0.1", "--metrics-port", "0", *flags)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        return done.stderr

    def test_it_tells_its_version_and_helps(self):
        self.assertRegex(run("--version").stdout, r"^reprise \d+\.\d+\.\d+\n$")
        self.assertIn("start-dev", run("server", "--help").stdout)
        self.assertIn("--db-filename", run("server", "start-dev", "--help").stdout)

    def test_a_wrong_flag_is_a_mistake_of_the_caller(self):
        done = run("server", "start-dev", "--prot", "1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--prot", done.stderr)

    def test_alone_it_helps(self):
        self.assertEqual(run().returncode, 0)
        self.assertEqual(run().stdout, run("--help").stdout)

    def test_a_port_that_is_taken_is_refused_with_one_sentence(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertIn(f"cannot listen on 127.0.0.1:{port}", self.refused("--port", str(port)))

    def test_a_store_file_has_one_server(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "store.db")
            with Server("--db-filename", file) as first:
                self.assertIn(file, self.refused("--port", "0", "--db-filename", file))
                self.assertEqual(first.end(signal.SIGTERM)[0], 0)
            with Server("--db-filename", file) as second:
                self.assertEqual(second.end(signal.SIGTERM)[0], 0)

    def test_values_that_do_not_fit_are_refused(self):
        self.assertIn("--search-attribute", self.refused("--port", "0", "--search-attribute", "A=B", code=2))
        self.assertIn("--log-level", self.refused("--port", "0", "--log-level", "loud", code=2))
        setting = "limit.blobSize.error=many"
        self.assertIn(setting, self.refused("--port", "0", "--dynamic-config-value", setting, code=2))

    def test_a_file_without_a_password_is_refused(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("\nsecond line\n")
            file.flush()
            said = self.refused("--port", "0", "--mysql", "mysql://u@127.0.0.1:1/x",
                                "--mysql-password-file", file.name, code=2)
        self.assertIn("no password in its first line", said)

    def test_a_node_beyond_this_machine_has_certificates_or_is_told_not_to(self):
        with tempfile.TemporaryDirectory() as folder:
            node = ["node", "--db-filename", os.path.join(folder, "store.db"), "--port", "0"]
            for ip in ("0.0.0.0", socket.gethostname()):
                if ip != "0.0.0.0" and socket.gethostbyname(ip).startswith("127."):
                    continue
                done = run(*node, "--ip", ip)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn("--insecure", done.stderr)
            self.assertEqual(os.listdir(folder), [])
            for more in (["--ip", "localhost"], ["--ip", "0.0.0.0", "--insecure"]):
                with Server(*more, command=node) as server:
                    self.assertEqual(server.end(signal.SIGTERM)[::2], (0, ""))

    def test_a_development_server_beyond_this_machine_is_noted(self):
        with Server("--ip", "0.0.0.0") as server:
            said = server.end(signal.SIGTERM)[2]
            self.assertTrue(said.startswith("note: with --ip 0.0.0.0 other machines reach"), said)
            self.assertEqual(len(said.splitlines()), 1)

    def test_the_reference_of_the_configuration_is_what_the_code_has(self):
        printed = run("node", "--print-config").stdout
        told = run("node", "--config", NODE_YAML, "--print-config")
        self.assertEqual((told.returncode, told.stdout), (0, printed), told.stderr)
        with open(NODE_YAML, encoding="utf-8") as file:
            fields = re.findall(r"^([\w-]+):", file.read(), re.M)
        self.assertEqual(sorted(fields), sorted(re.findall(r"^([\w-]+):", printed, re.M)))

    def test_a_wrong_configuration_stops_the_start_with_one_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("port: 0\nprot: 1\n")
            file.flush()
            done = run("node", "--config", file.name)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith(f"error: {file.name}:2: there is no field prot;"), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_log_lines_for_machines_are_objects(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "store.db")
            flags = ["--log-format", "json", "--log-level", "info", "--node-name", "a \"b\""]
            with Server(*flags, "--db-filename", file) as server:
                lines = server.end(signal.SIGTERM)[2].splitlines()
        said = [json.loads(line) for line in lines]
        self.assertIn("serving all workflows of the store", [one["message"] for one in said])
        for one in said:
            self.assertEqual(list(one), ["time", "level", "node", "message"])
            self.assertEqual((one["level"], one["node"]), ("info", "a \"b\""))
            self.assertRegex(one["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_colours_are_for_terminals_that_want_them(self):
        for variables, is_colourful in (({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False),
                                        ({"TERM": "dumb"}, False)):
            environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
            environment |= {"TERM": "xterm", **variables}
            ours, theirs = pty.openpty()
            done = subprocess.run([BINARY, "server", "start-dev", "--log-level", "loud"], env=environment,
                                  stdin=subprocess.DEVNULL, stderr=theirs, timeout=PATIENCE, check=False)
            os.close(theirs)
            said = os.read(ours, 10000).decode()
            os.close(ours)
            self.assertEqual(done.returncode, 2)
            self.assertEqual("\x1b[31m" in said, is_colourful, (variables, said))

    def test_a_copy_shows_how_far_it_is_to_who_looks(self):
        with tempfile.TemporaryDirectory() as folder:
            with Server("--db-filename", os.path.join(folder, "store.db")) as server:
                ours, theirs = pty.openpty()
                done = subprocess.run([BINARY, "backup", os.path.join(folder, "copy.db"), "--address",
                                       f"127.0.0.1:{server.port()}"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=theirs, timeout=PATIENCE, check=False)
                os.close(theirs)
                said = os.read(ours, 10000).decode()
                os.close(ours)
            self.assertEqual(done.returncode, 0, said)
            self.assertIn("100 %", said)

    def test_a_migration_is_told_before_it_is_done(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "store.db")
            dry = ["migrate", "--dry-run", "--db-filename", file]
            self.assertEqual(run(*dry).returncode, 1)
            self.assertEqual(os.listdir(folder), [])
            self.assertEqual(run("migrate", "--db-filename", file).returncode, 0)
            self.assertIn("Nothing is to be done.", run(*dry).stdout)
            with sqlite3.connect(file) as store:
                store.executescript("DROP TABLE attribute_values; DROP TABLE listed_counts; PRAGMA user_version = 5")
            store.close()
            for _ in range(2):
                done = run(*dry)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("The schema is 5;", done.stdout)
                self.assertRegex(done.stdout, r"  6  .*  rows of visibility: 0\n")
                self.assertIn("Tried and taken back", done.stdout)
            self.assertEqual(run("migrate", "--db-filename", file).returncode, 0)
            self.assertIn("Nothing is to be done.", run(*dry).stdout)
        self.assertEqual(run("migrate", "--dry-run").returncode, 2)

    def test_a_setting_without_effect_is_told(self):
        with Server("--dynamic-config-value", "some.key=1") as server:
            self.assertIn("some.key", server.end(signal.SIGTERM)[2])

    def test_it_says_that_a_store_in_memory_is_lost(self):
        with Server() as server:
            self.assertIn("in memory", server.banner)

    def test_it_ends_with_0_when_asked_to(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with Server() as server:
                code, _, said = server.end(how)
                self.assertEqual(code, 0)
                self.assertEqual(said, "")

    def test_its_metrics_are_where_it_says(self):
        with Server() as server:
            self.assertIn("reprise_", server.page("/metrics")[1])

    def test_a_server_that_serves_is_alive_started_and_ready(self):
        with Server() as server:
            for path in ("/livez", "/startupz", "/readyz"):
                self.assertEqual(server.page(path), (200, "ok\n"))

    def test_while_its_store_is_being_opened_it_is_alive_and_not_started(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "store.db")
            with Server("--db-filename", file) as server:
                server.end(signal.SIGTERM)
            # Who holds the file keeps the server waiting, as a long migration would.
            holder = sqlite3.connect(file, isolation_level=None)
            holder.execute("PRAGMA locking_mode = EXCLUSIVE")
            holder.execute("BEGIN EXCLUSIVE")
            process = subprocess.Popen([BINARY, "server", "start-dev", "--port", "0", "--db-filename", file],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                end = time.monotonic() + PATIENCE
                while not (ports := ports_of(process)):
                    self.assertLess(time.monotonic(), end)
                    self.assertIsNone(process.poll())
                page = f"http://127.0.0.1:{ports[0]}"
                self.assertEqual(ask(page + "/livez"), (200, "ok\n"))
                self.assertEqual(ask(page + "/startupz")[0], 503)
                self.assertIn("is being opened", ask(page + "/startupz")[1])
                self.assertEqual(ask(page + "/readyz"), (503, "the server starts\n"))
            finally:
                process.kill()
                process.communicate()
                holder.close()


if __name__ == "__main__":
    unittest.main()
