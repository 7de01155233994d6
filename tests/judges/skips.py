#!/usr/bin/env python3
"""A judge that is absent is missed: what is skipped on a machine that lacks something fails in CI.

usage: skips.py STORE-TESTS
"""
import os
import pathlib
import subprocess
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
ONE_ON_MYSQL = "sessions that the server ended are replaced without anybody noticing"


def run(*command, ci=False):
    kept = {name: value for name, value in os.environ.items()
            if name not in ("CI", "REPRISE_TEST_MYSQL", "REPRISE_FUZZ_DIR", "REPRISE_CONFORMANCE_DIR")}
    return subprocess.run(command, env={**kept, **({"CI": "true"} if ci else {})}, text=True,
                          capture_output=True, check=False, timeout=120)


class Skips(unittest.TestCase):
    def test_a_fuzz_target_that_is_not_built(self):
        command = TESTS / "fuzz/run.sh", "query"
        self.assertEqual(run(*command).returncode, 77)
        failed = run(*command, ci=True)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("not skipped, because this is CI", failed.stderr)

    def test_a_case_on_mysql_without_a_server(self):
        command = sys.argv[1], "--no-intro", f"--test-case={ONE_ON_MYSQL}"
        here = run(*command)
        self.assertEqual(here.returncode, 0, here.stdout)
        self.assertIn("SKIPPED: MySQL", here.stdout)
        failed = run(*command, ci=True)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("not skipped, because this is CI", failed.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
