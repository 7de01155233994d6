"""Rows of the benchmark: what was measured, beside its target, as a table and as JSON."""
import dataclasses
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
from typing import Optional

OK, MISSED, SKIPPED, PLAIN = "ok", "MISSED", "skipped", ""


@dataclasses.dataclass
class Row:
    """One line. `at_most` or `at_least` is the target; neither: a reference, without a verdict."""

    line: str
    measured: Optional[float] = None
    unit: str = ""
    at_most: Optional[float] = None
    at_least: Optional[float] = None
    per_second: Optional[float] = None
    cpu_ms: Optional[float] = None
    p50_ms: Optional[float] = None
    p99_ms: Optional[float] = None
    note: str = ""
    skipped: bool = False

    def verdict(self):
        if self.skipped:
            return SKIPPED
        if self.at_most is not None:
            return OK if self.measured <= self.at_most else MISSED
        if self.at_least is not None:
            return OK if self.measured >= self.at_least else MISSED
        return PLAIN

    def target(self):
        if self.at_most is not None:
            return f"<= {number(self.at_most)}"
        return f">= {number(self.at_least)}" if self.at_least is not None else ""


def number(value):
    """Three digits that count, and a thousands' separator."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 or abs(value - round(value)) < 1e-9 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"


HEADINGS = ("line", "target", "measured", "unit", "", "CPU ms", "per s", "p50 ms", "p99 ms", "note")


def cells(row):
    return (row.line, row.target(), number(row.measured), row.unit, row.verdict(),
            number(row.cpu_ms), number(row.per_second), number(row.p50_ms), number(row.p99_ms),
            row.note)


def colours():
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_table(rows):
    lines = [HEADINGS] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    left = {0, 3, 4, 9}
    paint = {OK: "\x1b[32m", MISSED: "\x1b[31m", SKIPPED: "\x1b[33m"} if colours() else {}
    for at, line in enumerate(lines):
        out = [cell.ljust(width) if i in left else cell.rjust(width)
               for i, (cell, width) in enumerate(zip(line, widths))]
        if line[4] in paint:
            out[4] = paint[line[4]] + out[4] + "\x1b[0m"
        print("  ".join(out).rstrip())
        if at == 0:
            print("  ".join("-" * width for width in widths))
    print("\nCPU ms: of the server, its children included, for one workflow (or signal).", flush=True)


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next((line.split(":", 1)[1].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cpus": os.cpu_count(), "model": model, "memory_gib": round(memory, 1),
            "kernel": platform.release(), "load_before": round(os.getloadavg()[0], 2)}


def commit():
    out = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                         cwd=pathlib.Path(__file__).parent, check=False)
    return out.stdout.strip()


def write_json(path, rows, about):
    """Beside `rows`, `about` says on what and how it was measured."""
    whole = dict(about, commit=commit(), time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                 rows=[dict(dataclasses.asdict(row), verdict=row.verdict()) for row in rows])
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(whole, indent=2) + "\n")
