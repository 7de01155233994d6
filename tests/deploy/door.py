#!/usr/bin/env python3
"""HAProxy with the configuration of deploy/haproxy leads clients to the server that serves, whoever
that is.

usage: door.py PATH-OF-REPRISE PATH-OF-HAPROXY ITS-LIBRARIES     REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from processes import PATIENCE, Process, certificates, database

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "deploy/haproxy/haproxy.cfg"


class Door(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.database = database()
        self.of_server, self.of_client = [], []

    def with_certificates(self):
        certificates(self.folder)
        at = {name: self.folder / name for name in os.listdir(self.folder)}
        self.of_server = ["--tls-cert-path", at["server.pem"], "--tls-key-path", at["server.key"],
                          "--tls-client-ca-path", at["ca.pem"]]
        self.of_client = ["--tls-ca-path", at["ca.pem"], "--tls-cert-path", at["client.pem"],
                          "--tls-key-path", at["client.key"]]
        # HAProxy wants both in one file.
        both = at["client.pem"].read_text() + at["client.key"].read_text()
        (self.folder / "door.pem").write_text(both)

    def start(self):
        server = Process([REPRISE, "server", "start-dev", "--ip", "127.0.0.1", "--port", "0",
                          "--metrics-port", "0", "--lease", "2", "--mysql", self.database,
                          *self.of_server], r"gRPC +(127\.0\.0\.1:\d+)")
        self.addCleanup(server.kill)
        return server

    def config(self, listener, servers):
        text = CONFIG.read_text()
        edits = [(r"bind \S+", f"bind fd@{listener.fileno()}")]
        edits += [(rf"server {name} \S+", f"server {name} {server.found[1]}")
                  for name, server in servers.items()]
        if self.of_server:
            # What its comment says.
            told = re.search(r"`(check-ssl [^`]*) ca-file FILE` \(and `crt FILE`", text)[1]
            edits.append((r"default-server check", f"default-server check {told} ca-file "
                          f"{self.folder}/ca.pem crt {self.folder}/door.pem"))
        for pattern, new in edits:
            text, found = re.subn(pattern, new, text)
            self.assertEqual(found, 1, pattern)
        return text

    def door(self, servers):
        """Its port is a socket that it inherits."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        path = self.folder / "haproxy.cfg"
        path.write_text(self.config(listener, servers))
        proxy = Process([HAPROXY, "-V", "-db", "-f", path], r"Using epoll",
                        pass_fds=[listener.fileno()],
                        env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES})
        self.addCleanup(proxy.kill)
        return "{}:{}".format(*listener.getsockname())

    def call(self, address):
        """The exit code and the words of a call that only the one who serves answers."""
        done = subprocess.run([REPRISE, "parked", "list", "--address", address, *self.of_client],
                              text=True, capture_output=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout + done.stderr

    def until_answered(self, address):
        end = time.monotonic() + PATIENCE
        while self.call(address)[0] != 0:
            self.assertLess(time.monotonic(), end, self.call(address))
            time.sleep(0.05)

    def calls_reach_the_one_that_serves(self):
        first = self.start()
        self.until_answered(first.found[1])
        second = self.start()
        self.assertIn("does not serve", self.call(second.found[1])[1])
        # The standby stands first: the door may not take it for that.
        address = self.door({"a": second, "b": first})
        self.until_answered(address)
        first.kill()
        self.until_answered(address)
        self.assertEqual(self.call(second.found[1])[0], 0)

    def test_in_the_clear(self):
        self.calls_reach_the_one_that_serves()

    def test_with_certificates_of_both_sides(self):
        self.with_certificates()
        self.calls_reach_the_one_that_serves()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    LIBRARIES = sys.argv.pop(3)
    HAPROXY, REPRISE = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
