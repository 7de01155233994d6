#!/usr/bin/env python3
"""Runs h2spec against the binary's gRPC port and compares what fails with what is accepted.

usage: h2spec.py H2SPEC REPRISE
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

H2SPEC, REPRISE = sys.argv[1:]
ACCEPTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "accepted.txt")
# Seconds to wait for an answer; and again, where one was missed: the machine may be slow.
PATIENCE, MORE_PATIENCE = 2, 15


def accepted():
    """(section, test) to reason."""
    out = {}
    with open(ACCEPTED, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                section, test, reason = (part.strip() for part in line.split(" | "))
                out[section, test] = reason
    return out


def run(port, patience, sections=()):
    """All (section, test), and what each that failed says."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        subprocess.run([H2SPEC, "-h", "127.0.0.1", "-p", str(port), "-o", str(patience),
                        "-j", report, *sections],
                       stdout=subprocess.DEVNULL, check=False, timeout=240)
        tests, failed = set(), {}
        for case in tree.parse(report).iter("testcase"):
            name = (case.get("package"), case.get("classname"))
            tests.add(name)
            for kind in ("error", "failure"):
                if case.find(kind) is not None:
                    failed[name] = case.find(kind).text
        return tests, failed


def judge(port):
    known = accepted()
    tests, failed = run(port, PATIENCE)
    late = {section for section, test in failed if (section, test) not in known}
    if late:
        again = run(port, MORE_PATIENCE, sorted(late))[1]
        failed = {name: text for name, text in failed.items() if name[0] not in late} | again
    problems = [f"{section}: {test}\n{text}" for (section, test), text in failed.items()
                if (section, test) not in known]
    problems += [f"accepted, but it does not fail: {section} | {test}"
                 for (section, test), reason in known.items()
                 if (section, test) not in failed and not reason.startswith("sometimes")]
    if len(tests) < 140:
        problems.append(f"only {len(tests)} tests ran")
    print(f"{len(tests) - len(failed)} of {len(tests)} pass; accepted: {len(known)}")
    return problems


def main():
    command = [REPRISE, "server", "start-dev", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            banner = ""
            while "store" not in banner:
                line = server.stdout.readline()
                if not line:
                    sys.exit("the server ended: " + banner)
                banner += line
            problems = judge(int(re.search(r"gRPC +\S+:(\d+)", banner)[1]))
        finally:
            server.terminate()
            code = server.wait(timeout=30)
    for problem in problems:
        print("FAILED", problem)
    if code != 0:
        print("FAILED the server ended with", code)
    sys.exit(1 if problems or code != 0 else 0)


if __name__ == "__main__":
    main()
