#!/usr/bin/env python3
"""Checks that the tests which docs/RULES.md and tests/README.md name exist.

usage: rules.py [ROOT]   prints what is wrong; exit 1 when something is

A test is named by its file, in back quotes and without its ending (`engine/workflow_start`), and behind it, if not
all of the file is meant, by titles in double quotes; "…" stands for a part that is left out. `crash/*` is all
files of a folder.
"""
import pathlib
import re
import sys

DOCUMENTS = ("docs/RULES.md", "tests/README.md")
SECTIONS = ("2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.12", "2.13", "2.14", "2.15", "2.23", "3",
            "4", "10")
ENDINGS = (".cpp", ".hpp", ".py", ".sh")
NAMED = re.compile(r"`([a-z]+/[\w*]+)`|\"([^\"]+)\"")


def texts_of(root, name):
    """The files that a name means, as one line each, so that a title may be broken in them."""
    folder, stem = name.split("/")
    for path in sorted((root / "tests" / folder).glob(stem.rstrip("*") + "*")):
        if path.suffix in ENDINGS and (stem.endswith("*") or path.stem == stem):
            yield re.sub(r'"\s*"', "", path.read_text())


def title_pattern(title):
    return ".*".join(re.escape(part.strip()) for part in title.split("…"))


def tests_in(document, line):
    """What of a line names tests: of a rule's row, the cell in the middle."""
    cells = line.split("|")
    return cells[2] if document.endswith("RULES.md") and len(cells) == 5 else line


def check_line(root, line, folders):
    texts, file = [], None
    for name, title in NAMED.findall(line):
        if name:
            if name.split("/")[0] not in folders:
                file = None
                continue
            file, texts = name, list(texts_of(root, name))
            if not texts:
                yield f"`{name}` is no test"
        elif file is not None:
            if not any(re.search(title_pattern(title), text) for text in texts):
                yield f"`{file}` has no \"{title}\""


def check_rules(text):
    """Every section that is served has rules, and each rule a test or a word on its absence."""
    sections = dict(re.findall(r"^## (\d[\d.]*)[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    for number in SECTIONS:
        if number not in sections:
            yield f"section {number} is missing"
    for number, body in sections.items():
        rows = [row for row in re.findall(r"^\|(.*)\|$", body, re.M)][2:]
        if not rows:
            yield f"section {number} has no rules"
        for row in rows:
            cells = [cell.strip() for cell in row.split("|")]
            if len(cells) != 3:
                yield f"section {number} has a row of {len(cells)} cells: {cells[0]}"
            elif not re.search(r"`|\*\w+\.|none", cells[1]):
                yield f"section {number}, \"{cells[0]}\": no test is named, and not that there is none"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    folders = {path.name for path in (root / "tests").iterdir() if path.is_dir()}
    found = 0
    for document in DOCUMENTS:
        path = root / document
        wrong = [(i + 1, what) for i, line in enumerate(path.read_text().splitlines())
                 for what in check_line(root, tests_in(document, line), folders)]
        if document.endswith("RULES.md"):
            wrong += [("", what) for what in check_rules(path.read_text())]
        for number, what in wrong:
            print(f"{document}:{number}: {what}")
        found += len(wrong)
    print(f"{found} mistakes in what documents say of tests")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
