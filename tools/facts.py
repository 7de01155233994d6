#!/usr/bin/env python3
"""Checks that README.md (and, of bounds, docs/BOUNDS.md) says what the code does: calls, flags, settings, metrics.

usage: facts.py API-PROTO-FOLDER [ROOT]   prints every difference; exit 1 when there is one
"""
import pathlib
import re
import sys

SERVICES = ("workflowservice", "operatorservice")
FOLDERS = ("actors", "cli", "cluster", "frontend", "store")


def api_calls(root, protos):
    """Every RPC of the public API that this server answers for, and its own."""
    files = [protos / "temporal/api" / service / "v1/service.proto" for service in SERVICES]
    for path in files + [root / "protocol/operator.proto"]:
        yield from re.findall(r"^\s*rpc\s+(\w+)\s*\(", path.read_text(), re.M)


def section(readme, title):
    """The rows of the first table below a heading, as lists of cells."""
    body = readme.split(f"\n## {title}\n", 1)[-1].split("\n## ", 1)[0]
    rows = re.findall(r"^\|(.*)\|$", body, re.M)
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


def check_calls(root, readme, protos):
    handled = set()
    for path in (root / "frontend/handlers").glob("*.cpp"):
        handled |= set(re.findall(r'table\["(\w+)"\]', path.read_text()))
    told = {"served": [], "answered empty": [], "UNIMPLEMENTED": []}
    for row in section(readme, "What is served"):
        for column, cell in zip(told, row[1:]):
            told[column] += re.findall(r"\w{4,}", cell)
    known = set(api_calls(root, protos))
    answered = told["served"] + told["answered empty"]
    everywhere = answered + told["UNIMPLEMENTED"]
    for name in sorted(known - set(everywhere)):
        yield f"{name} is missing in the table of calls"
    for name in sorted(set(everywhere) - known):
        yield f"{name} is no call of the API"
    for name in sorted({n for n in everywhere if everywhere.count(n) > 1}):
        yield f"{name} stands twice in the table of calls"
    for name in sorted(handled - set(answered)):
        yield f"{name} has a handler, but the table does not say so"
    for name in sorted(set(answered) - handled):
        yield f"{name} is said to be answered, but has no handler"


def compare(what, told, real):
    for name in sorted(real - told):
        yield f"{what} {name} is not told"
    for name in sorted(told - real):
        yield f"{what} {name} does not exist"


def first_cells(rows, pattern):
    return {name for row in rows for name in re.findall(pattern, row[0])}


def check_rest(root, readme):
    options = "".join((root / "cli" / name).read_text()
                      for name in ("settings.cpp", "server_options.cpp", "reference_flags.cpp"))
    bounds = (root / "docs/BOUNDS.md").read_text()
    yield from compare("flag", first_cells(section(readme, "Quick start by hand"), r"--[\w-]+"),
                       set(re.findall(r'"(?:-\w,)?(--[\w-]+)",', options)))
    yield from compare("setting", first_cells(section(readme, "Limits and settings"), r"`(\w+(?:\.\w+)+)`")
                       | set(re.findall(r"`(reprise(?:\.\w+)+)`", bounds)),
                       set(re.findall(r'\{"(\w+(?:\.\w+)+)",', options)))
    metrics = set()
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.?pp"):
            metrics |= set(re.findall(r'"((?:reprise|service)_[a-z_]+)"', path.read_text()))
    yield from compare("metric", first_cells(section(readme, "Metrics"), r"`(\w+)"),
                       metrics - {"service_name"})


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent.parent)
    readme = (root / "README.md").read_text()
    found = list(check_calls(root, readme, pathlib.Path(sys.argv[1]))) \
        + list(check_rest(root, readme))
    for what in found:
        print(f"README.md: {what}")
    print(f"{len(found)} differences between README.md and the code")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
