#!/usr/bin/env python3
"""A database that MariaDB's own tools dumped and restored is taken into service by `reprise adopt`.

usage: restored.py PATH-OF-REPRISE      REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import os
import subprocess
import sys
import unittest
import urllib.parse

from processes import PATIENCE, Process, database


class Restored(unittest.TestCase):
    def setUp(self):
        self.address = database()
        self.at = urllib.parse.urlsplit(self.address)
        self.name = self.at.path[1:]

    def tool(self, program, *more, said=b""):
        """What it says, in bytes, as dumps are."""
        done = subprocess.run([program, "--no-defaults", f"--host={self.at.hostname}", f"--port={self.at.port}",
                               f"--user={self.at.username}", *more], input=said,
                              capture_output=True, timeout=PATIENCE, check=True)
        return done.stdout

    def sql(self, text):
        return self.tool("mariadb", "--batch", "--skip-column-names", said=text.encode()).decode().split()

    def epoch(self):
        [least] = self.sql(f"SELECT MIN(epoch) FROM `{self.name}`.ranges")
        return int(least)

    def serve(self):
        server = Process([REPRISE, "node", "--ip", "127.0.0.1", "--port", "0", "--lease", "2",
                          "--mysql", self.address], r"gRPC +(\S+)")
        self.addCleanup(server.kill)
        self.assertEqual(self.reprise("parked", "list", "--address", server.found[1]).returncode, 0)
        return server

    def reprise(self, *arguments):
        return subprocess.run([REPRISE, *arguments], text=True, capture_output=True, timeout=PATIENCE,
                              check=False)

    def test_what_is_restored_belongs_to_nobody_who_had_it_before(self):
        server = self.serve()
        dump = self.tool("mariadb-dump", "--single-transaction", self.name)
        refused = self.reprise("adopt", "--mysql", self.address)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another server holds the lease", refused.stderr)
        self.assertEqual(server.process.poll(), None)
        server.kill()
        self.sql(f"DROP DATABASE `{self.name}`; CREATE DATABASE `{self.name}`;")
        self.tool("mariadb", self.name, said=dump)
        before = self.epoch()
        adopted = self.reprise("adopt", "--mysql", self.address)
        self.assertEqual((adopted.returncode, adopted.stderr), (0, ""))
        self.assertGreater(self.epoch(), before)
        self.assertEqual(self.serve().end(), 0)

    def test_what_cannot_be_adopted_is_told(self):
        self.assertEqual(self.reprise("adopt").returncode, 2)
        nobody = self.reprise("adopt", "--mysql", "mysql://u@127.0.0.1:1/x")
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("cannot be opened", nobody.stderr)


if __name__ == "__main__":
    REPRISE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
    unittest.main()
