#!/usr/bin/env python3
"""Writes rules.yaml, beside this file, from the rules of deploy/prometheus.

usage: rules.py [--check]      --check: only exit with 1 when it says something else
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parents[1] / "prometheus"
HEAD = """\
# Written by rules.py from the files of deploy/prometheus.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: reprise
  labels:
    app.kubernetes.io/name: reprise
spec:
  groups:
"""


def groups(path):
    """What stands below `groups:`, two columns further right."""
    lines = path.read_text().split("\ngroups:\n", 1)[1].splitlines()
    return "".join(f"  {line}".rstrip() + "\n" for line in lines)


def main():
    text = HEAD + groups(RULES / "recording.yml") + "\n" + groups(RULES / "alerts.yml")
    path = HERE / "rules.yaml"
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if path.read_text() == text else f"{path} is old: run {__file__}")
    path.write_text(text)


if __name__ == "__main__":
    main()
