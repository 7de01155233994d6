#!/usr/bin/env python3
"""Compares how scenarios break off that need a call of later work.

usage: broken_off.py RESULTS-OF-RUN.JSON LIST   each line of the list: NAME=DIGEST

Such a difference holds a traceback, which names where the transcripts lie on this machine. So the list of
accepted differences cannot tell it by the digest of run.py: here it is told without those places.
"""
import hashlib
import json
import pathlib
import re
import sys


def digest(difference):
    lines = [re.sub(r'File ".*/', 'File "', line) for line in difference]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    lines = (line.split("#")[0].strip() for line in pathlib.Path(sys.argv[2]).read_text().splitlines())
    known = dict(line.split("=") for line in lines if line)
    wrong = 0
    for name, wanted in known.items():
        if name not in results:
            continue
        found = digest(results[name]["diff"])
        if found != wanted:
            wrong += 1
            print(f"FAIL {name} breaks off otherwise: difference {found}, not the accepted {wanted}")
            for line in results[name]["diff"][:40]:
                print("    " + line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
