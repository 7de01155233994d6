#!/usr/bin/env python3
"""A difference is accepted as it was looked at: any other one in the same transcript fails."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools/dev"))
import broken_off  # noqa: E402

DIFFERENCE = ["Traceback (most recent call last):", '  File "/here/scenarios/a.py", line 7, in work',
              "Refused: UNIMPLEMENTED"]


def check(difference, digest):
    with tempfile.TemporaryDirectory() as folder:
        results, accepted = pathlib.Path(folder, "results.json"), pathlib.Path(folder, "list.txt")
        results.write_text(json.dumps({"area.name": {"diff": difference}}))
        accepted.write_text(f"# why\narea.name={digest}\narea.that_did_not_run=0\n")
        return subprocess.run([sys.executable, ROOT / "tools/dev/broken_off.py", results, accepted],
                              capture_output=True, text=True, check=False)


class Differences(unittest.TestCase):
    def test_the_same_one_elsewhere_is_accepted(self):
        elsewhere = [line.replace("/here/", "/another/place/") for line in DIFFERENCE]
        self.assertEqual(check(elsewhere, broken_off.digest(DIFFERENCE)).returncode, 0)

    def test_another_one_fails(self):
        done = check(DIFFERENCE + ["$.code: NOT_FOUND"], broken_off.digest(DIFFERENCE))
        self.assertEqual(done.returncode, 1)
        self.assertIn("area.name breaks off otherwise", done.stdout)


class Lists(unittest.TestCase):
    def test_what_is_accepted_without_a_digest_breaks_off_as_told(self):
        def names(file):
            lines = (ROOT / "tests/conformance" / file).read_text().splitlines()
            return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]
        open_ones = {name for name in names("accepted.txt") if "=" not in name}
        self.assertEqual(open_ones, {name.split("=")[0] for name in names("broken_off.txt")})


if __name__ == "__main__":
    unittest.main()
