#!/usr/bin/env python3
"""The benchmark runs: every section gives its lines, and the JSON holds what the table shows.

usage: quick_test.py BUILD-FOLDER
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import table

HERE = pathlib.Path(__file__).parent
BUILD = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parent / "build/release")


def run(folder, *arguments):
    file = pathlib.Path(folder) / "bench.json"
    done = subprocess.run([sys.executable, HERE / "run.py", "--quick", "--build", BUILD, "--folder",
                           folder, "--json", file, *arguments], capture_output=True, text=True,
                          check=False)
    return done, json.loads(file.read_text()) if file.exists() else None


class Quick(unittest.TestCase):
    def test_every_section_is_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            done, whole = run(folder)
            left = [path.name for path in pathlib.Path(folder).iterdir()]
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(left, ["bench.json"], "stores are left behind")
        self.assertEqual(whole["failed"], [])
        self.assertTrue(whole["quick"])
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        rows = {row["line"]: row for row in whole["rows"]}
        self.assertEqual(len(rows), len(whole["rows"]), "two lines of one name")
        for line, row in rows.items():
            self.assertIn(line, done.stdout)
            if row["skipped"]:
                self.assertTrue(row["note"], f"{line} does not say why it is skipped")
            else:
                self.assertTrue(any(row[key] is not None for key in ("measured", "p50_ms")), line)
                self.assertEqual(row["verdict"], "", "tiny sizes prove nothing")
        self.check_skips(rows)

    def check_skips(self, rows):
        """Only what needs something from outside may be skipped, and only when that is absent."""
        for line, row in rows.items():
            absent = ("MySQL" in line and not os.environ.get("REPRISE_TEST_MYSQL")) \
                or ("Go SDK" in line and not os.environ.get("REPRISE_YARDSTICK"))
            self.assertEqual(row["skipped"], absent, line)

    def test_a_section_that_cannot_be_measured_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            done, whole = run(folder, "--only", "rehydrate", "--build", folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not measured: rehydrate", done.stderr)
        self.assertEqual(whole["failed"], ["rehydrate"])


class Verdicts(unittest.TestCase):
    def test_a_target_is_met_at_its_bound_and_missed_beyond(self):
        self.assertEqual(table.Row("x", 5.0, at_most=5).verdict(), "ok")
        self.assertEqual(table.Row("x", 5.1, at_most=5).verdict(), "MISSED")
        self.assertEqual(table.Row("x", 5.0, at_least=5).verdict(), "ok")
        self.assertEqual(table.Row("x", 4.9, at_least=5).verdict(), "MISSED")
        self.assertEqual(table.Row("x", 4.9).verdict(), "")
        self.assertEqual(table.Row("x", at_least=5, skipped=True).verdict(), "skipped")

    def test_numbers_keep_three_digits(self):
        told = [table.number(v) for v in (None, 0, 0.0123, 0.354, 12.34, 351.2, 123456.7)]
        self.assertEqual(told, ["", "0", "0.012", "0.35", "12.3", "351", "123,457"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
