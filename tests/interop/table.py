"""docs/COMPATIBILITY.md: what the judge found, as a table."""

NAMES = {"typescript": "TypeScript", "python": "Python", "go": "Go", "java": "Java"}

HEAD = """# Compatibility with the official SDKs

Written by `./dev interop`, which runs every scenario of `tests/interop/scenarios.json` against the
server, once in each language: workers and clients of the official SDK, as its users write them. One
list says what each scenario has to result in, so that all languages agree; afterwards each SDK's own
replayer replays every history that was made. `tests/interop/README.md` tells more.

✓ as expected, ✗ not so, – not something that this SDK has; the notes say why.
"""


def cell(row, language, complaints):
    if language in row.get("unless", {}):
        return "–"
    return "✗" if complaints[row["name"]] else "✓"


def rows_of(plan, found):
    """(name, what, [cell of each language]) of every scenario."""
    for row in plan["scenarios"]:
        cells = [cell(row, language, complaints) for language, complaints in found.items()]
        yield row["name"], row["what"], cells


def line(*cells):
    return f"| {' | '.join(cells)} |"


def cross_cell(plan, crossed, caller, peer):
    good = sum(not crossed[row["name"], caller, peer] for row in plan["cross"])
    return f"{good} of {len(plan['cross'])}"


def render(plan, found, crossed, versions):
    languages = list(found)
    text = [HEAD, line("SDK", "version", "scenarios"), line("---", "---", "---:")]
    for language in languages:
        cells = [cell(row, language, found[language]) for row in plan["scenarios"]]
        good, there = cells.count("✓"), len(cells) - cells.count("–")
        text.append(line(NAMES[language], versions[language], f"{good} of {there}"))
    if crossed:
        text += ["", "## Across languages", "",
                 "A workflow or client of each language (a row) with workers of each (a column):", ""]
        text += [f"- {row['what']}" for row in plan["cross"]]
        text += ["", line("from", *(f"to {NAMES[peer]}" for peer in languages)),
                 line("---", *("---:" for _ in languages))]
        for caller in languages:
            cells = (cross_cell(plan, crossed, caller, peer) for peer in languages)
            text.append(line(NAMES[caller], *cells))
    text += ["", "## Scenarios", "", line("scenario", "what", *(NAMES[name] for name in languages)),
             line("---", "---", *(":---:" for _ in languages))]
    text += [line(f"`{name}`", what, *cells) for name, what, cells in rows_of(plan, found)]
    notes = [f"- `{row['name']}`, {NAMES[language]}: {why}" for row in plan["scenarios"]
             for language, why in row.get("unless", {}).items() if language in languages]
    if notes:
        text += ["", "## Notes", "", *notes]
    return "\n".join(text) + "\n"


def cells_of(path):
    """{(row, column): cell} of every table of the file."""
    cells, head = {}, None
    for text in path.read_text().splitlines():
        if not text.startswith("| "):
            head = None
            continue
        parts = [part.strip() for part in text.strip("|").split(" | ")]
        head = head or parts
        cells.update({(parts[0], column): part for column, part in zip(head, parts)})
    return cells


def differences(path, plan, found, crossed):
    """Where the file says something else than what was found; of other languages it may say more."""
    written = cells_of(path)
    wanted = {}
    for language in found:
        for row in plan["scenarios"]:
            wanted[f"`{row['name']}`", NAMES[language]] = cell(row, language, found[language])
    for _, caller, peer in crossed:
        wanted[NAMES[caller], f"to {NAMES[peer]}"] = cross_cell(plan, crossed, caller, peer)
    return [f"{path}: {row}, {column}: {written.get((row, column))} instead of {value}"
            for (row, column), value in wanted.items() if written.get((row, column)) != value]
