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

from processes import PATIENCE, Process, database

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "deploy/haproxy/haproxy.cfg"


class Door(unittest.TestCase):
    def start(self):
        server = Process([REPRISE, "server", "start-dev", "--ip", "127.0.0.1", "--port", "0",
                          "--metrics-port", "0", "--lease", "2", "--mysql", self.database],
                         r"gRPC +(127\.0\.0\.1:\d+)")
        self.addCleanup(server.kill)
        return server

    def door(self, folder, servers):
        """Its port is a socket that it inherits."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        config, bound = re.subn(r"bind \S+", f"bind fd@{listener.fileno()}", CONFIG.read_text())
        for name, server in servers.items():
            config, named = re.subn(rf"server {name} \S+", f"server {name} {server.found[1]}", config)
            self.assertEqual((bound, named), (1, 1))
        path = pathlib.Path(folder) / "haproxy.cfg"
        path.write_text(config)
        proxy = Process([HAPROXY, "-V", "-db", "-f", path], r"Using epoll",
                        pass_fds=[listener.fileno()],
                        env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES})
        self.addCleanup(proxy.kill)
        return "{}:{}".format(*listener.getsockname())

    def call(self, address):
        """The exit code and the words of a call that only the one who serves answers."""
        done = subprocess.run([REPRISE, "parked", "list", "--address", address], text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout + done.stderr

    def until_answered(self, address):
        end = time.monotonic() + PATIENCE
        while self.call(address)[0] != 0:
            self.assertLess(time.monotonic(), end, self.call(address))
            time.sleep(0.05)

    def test_calls_reach_the_one_that_serves(self):
        self.database = database()
        first = self.start()
        self.until_answered(first.found[1])
        second = self.start()
        self.assertIn("does not serve", self.call(second.found[1])[1])
        # The standby stands first: the door may not take it for that.
        with tempfile.TemporaryDirectory() as folder:
            address = self.door(folder, {"a": second, "b": first})
            self.until_answered(address)
            first.kill()
            self.until_answered(address)
            self.assertEqual(self.call(second.found[1])[0], 0)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    LIBRARIES = sys.argv.pop(3)
    HAPROXY, REPRISE = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
