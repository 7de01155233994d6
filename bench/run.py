#!/usr/bin/env python3
"""One table of speed and memory, each line beside its target, and the same as JSON."""
import argparse
import pathlib
import shutil
import sys
import tempfile

import peers
from harness import ROOT, BenchError, Harness, Skipped, say
from lines import SECTIONS
from table import MISSED, machine, print_table, write_json


def parse():
    p = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__,
        epilog="Sections: " + "; ".join(f"{name}: {run.__doc__.splitlines()[0]}"
                                        for name, run in SECTIONS.items()))
    p.add_argument("--only", nargs="+", metavar="SECTION", choices=[*SECTIONS], default=[*SECTIONS],
                   help="measure only these: " + ", ".join(SECTIONS))
    p.add_argument("--peers", action="store_true",
                   help="instead: the same work on Restate and on the development server of the "
                        "official CLI, one after the other and back again")
    p.add_argument("--parked", type=int, default=1_000_000, metavar="N",
                   help="how many parked workflows (1,000,000)")
    p.add_argument("--nice", type=int, default=0, metavar="N",
                   help="niceness of the measured servers; below 0 needs root")
    p.add_argument("--quick", action="store_true",
                   help="tiny sizes and no verdicts: shows that everything runs")
    p.add_argument("--json", default=str(ROOT / "build/bench.json"), metavar="FILE",
                   help="where the JSON goes (build/bench.json)")
    p.add_argument("--build", default=str(ROOT / "build/release"), metavar="FOLDER",
                   help="where the programs are (build/release)")
    p.add_argument("--folder", metavar="FOLDER",
                   help="stores are made below it, on the disk to measure (build)")
    return p.parse_args()


def measure(bench, sections):
    rows, failures = [], []
    for at, (name, section) in enumerate(sections.items(), 1):
        say(f"[{at}/{len(sections)}] {name}: {section.__doc__.splitlines()[0]}")
        try:
            rows.extend(section(bench))
        except Skipped as why:
            say(f"{name} is skipped: {why}")
        except BenchError as e:
            failures.append(name)
            say(f"{name} FAILED: {e}")
    return rows, failures


def main():
    options = parse()
    sections = peers.SECTIONS if options.peers else {name: SECTIONS[name] for name in options.only}
    parent = pathlib.Path(options.folder or ROOT / "build")
    parent.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    about = {"quick": options.quick, "machine": machine()}
    try:
        rows, failures = measure(Harness(options, folder), sections)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for row in rows if options.quick else ():
        row.at_most = row.at_least = None
    print_table(rows)
    write_json(options.json, rows, dict(about, failed=failures))
    missed = sum(row.verdict() == MISSED for row in rows)
    say(f"{missed} of {sum(bool(row.target()) for row in rows)} targets missed; "
        f"the same as JSON: {options.json}")
    if failures:
        sys.exit(f"not measured: {', '.join(failures)}")


if __name__ == "__main__":
    main()
