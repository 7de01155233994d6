#!/usr/bin/env python3
"""The systemd unit: systemd takes it and finds it closed enough, and what it starts serves.

usage: unit.py PATH-OF-REPRISE      REPRISE_TEST_MYSQL: mysql://user@host:port/
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from processes import certificates, database, serve

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/systemd"
UNIT = FOLDER / "reprise.service"
# Ten times what `systemd-analyze security` says; an open service has 96.
EXPOSURE_MAX = 15
PATIENCE = 60


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", "--no-pager", *map(str, arguments)], text=True,
                          capture_output=True, timeout=PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr


def settings(text):
    """The lines of a unit as pairs, those that go on in the next one joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(r"^(\w+)=(.*)$", joined, re.M)


def environment(*more):
    """What the unit and a file like reprise.env give the process."""
    lines = [value for name, value in settings(UNIT.read_text()) if name == "Environment"]
    return dict(line.split("=", 1) for line in [*lines, *more])


def command(variables):
    """ExecStart as systemd expands it: ${NAME} is one word, $NAME any number of them."""
    words = []
    for word in dict(settings(UNIT.read_text()))["ExecStart"].split():
        if re.fullmatch(r"\$\w+", word):
            words += variables[word[1:]].split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda m: variables[m[1]], word))
    return words


def offered(variable):
    """A line of reprise.env that is there to be taken, without its #."""
    text = (FOLDER / "reprise.env").read_text()
    return re.search(rf"^#({variable}=.*)$", text, re.M)[1]


class Unit(unittest.TestCase):
    def installed(self, folder):
        """The unit as on a machine on which the binary lies where it says."""
        path = pathlib.Path(folder) / UNIT.name
        path.write_text(UNIT.read_text().replace("/usr/local/bin/reprise", REPRISE))
        return path

    def test_systemd_understands_every_line(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = analyze("verify", self.installed(folder))
            # What it says of other units is the machine's.
            about_it = [line for line in said.splitlines() if UNIT.name in line]
            self.assertEqual((code, about_it), (0, []), said)

    def test_the_judge_judges(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.installed(folder)
            path.write_text(path.read_text().replace("ProtectHome=yes", "ProtectHoem=yes"))
            self.assertIn("ProtectHoem", analyze("verify", path)[1])

    def test_it_is_closed(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}",
                                 self.installed(folder))
            self.assertEqual(code, 0, said)

    def start(self, *more):
        """Runs what the unit starts, but on free ports, until it says where it listens."""
        variables = environment(*more)
        words = command(variables)
        self.assertEqual(words[0], "/usr/local/bin/reprise")
        words[0] = REPRISE
        for flag in ("--port", "--metrics-port"):
            words[words.index(flag) + 1] = "0"
        with tempfile.TemporaryDirectory() as folder:
            return serve(self, words, variables, cwd=folder), os.listdir(folder)

    def test_what_it_starts_serves_from_its_folder(self):
        said, files = self.start()
        self.assertIn("reprise.db (SQLite)", said)
        self.assertIn("reprise.db", files)

    def test_flags_of_the_environment_file_count(self):
        said, _ = self.start(offered("REPRISE_FLAGS"))
        self.assertIn("(SQLite)", said)

    def test_the_environment_file_moves_it_to_mysql(self):
        address = re.match(r"(\w+)=mysql://", offered("REPRISE_MYSQL"))[1]
        said, files = self.start(offered("REPRISE_STORE"), f"{address}={database()}")
        self.assertIn("store    MySQL", said)
        self.assertEqual(files, [])

    def test_the_drop_in_gives_it_certificates(self):
        text = (FOLDER / "tls.conf").read_text()
        loaded = [value.split(":")[0] for name, value in settings(text) if name == "LoadCredential"]
        flags = dict(settings(text))["Environment"].strip('"')
        self.assertEqual(sorted(re.findall(r"%d/(\S+)", flags)), sorted(loaded))
        with tempfile.TemporaryDirectory() as folder:
            certificates(folder)
            os.rename(f"{folder}/ca.pem", f"{folder}/clients.pem")
            self.assertIn("(SQLite)", self.start(flags.replace("%d", folder))[0])
            os.remove(f"{folder}/clients.pem")
            with self.assertRaisesRegex(AssertionError, "does not start"):
                self.start(flags.replace("%d", folder))


if __name__ == "__main__":
    REPRISE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
    unittest.main()
