#!/usr/bin/env python3
"""Checks what the compiler does not: includes and their direction, lengths, coroutine expressions.

usage: tidy.py [ROOT]      prints every finding as FILE:LINE: text; exit 1 when there is one
"""
import pathlib
import re
import sys

FILE_LINES, FUNCTION_LINES, COLUMNS = 800, 70, 100
SOURCES = ("base", "protocol", "store", "engine", "actors", "cluster", "frontend", "cli", "sdk",
           "examples", "tests", "bench")

# What each folder may include; see the table of docs/ARCHITECTURE.md.
BELOW = {
    "base": set(),
    "protocol": set(),
    "store": {"protocol", "base"},
    "engine": {"protocol", "base"},
    "actors": {"engine", "store", "protocol", "base"},
    "base/tls": {"base"},
    "cluster/link": {"base/tls", "protocol", "base"},
    "cluster": {"cluster/link", "base/tls", "actors", "engine", "store", "protocol", "base"},
    "frontend": {"cluster", "base/tls", "actors", "protocol", "base"},
    "cli": {"frontend", "cluster", "cluster/link", "base/tls", "actors", "engine", "store", "protocol", "base", "sdk"},
    "sdk": {"protocol", "base"},
    "sdk/actor_transport": {"sdk", "cluster/link", "protocol", "base"},
    "sdk/testing": {"sdk", "frontend", "cluster", "actors", "engine", "store", "protocol", "base"},
    "examples": {"sdk"},
}
# Other people's headers that a folder must not see.
UNSEEN = {
    "base": r"caf/|grpc|cppconn/|mysql|sqlite3|prometheus/|google/protobuf|openssl/",
    "protocol": r"caf/|grpc|cppconn/|mysql|sqlite3|prometheus/",
    "store": r"caf/|grpc",
    "engine": r"caf/|grpc|cppconn/|mysql|sqlite3|prometheus/|thread>|mutex>|fstream>|iostream>",
    "sdk": r"caf/|cppconn/|mysql|sqlite3",
}
# Other people's headers that only one folder sees.
ONLY = {
    r"caf/(?:io|openssl)/": "cluster/link",
}
# What the server's other folders may see of one.
SEEN = {
    "engine": {"engine/engine.hpp", "engine/history/page.hpp", "engine/history/pager.hpp"}
              | {f"engine/machine/{name}.hpp" for name in (
                  "context", "errors", "inquiry", "proto_time", "step",
                  "decision", "listing", "machine", "machine_of", "run_state", "session")},
}
INTERFACES = "protocol/interfaces.hpp"
# What a folder must not name: the shells of durable actors know machines, not what one decides.
UNNAMED = {
    "actors": r"\bengine::(?:execution|step|decide|evolve|describe|info_of|transition)\b"
              r"|\bExecutionState\b",
}

# Other people's headers come precompiled, so the compiler does not miss them in a header of ours.
STANDARD = {
    "algorithm": r"sort|stable_sort|find_if|any_of|all_of|none_of|clamp|lower_bound|upper_bound",
    "array": r"array", "atomic": r"atomic", "chrono": r"chrono",
    "condition_variable": r"condition_variable", "deque": r"deque", "filesystem": r"filesystem",
    "functional": r"function|hash", "list": r"list", "map": r"map|multimap",
    "memory": r"shared_ptr|unique_ptr|weak_ptr|make_shared|make_unique",
    "mutex": r"mutex|recursive_mutex|lock_guard|unique_lock|scoped_lock",
    "optional": r"optional|nullopt", "random": r"mt19937(?:_64)?", "set": r"set|multiset",
    "span": r"span", "string": r"string|to_string", "string_view": r"string_view",
    "thread": r"thread|this_thread", "tuple": r"tuple|tie", "unordered_map": r"unordered_map",
    "unordered_set": r"unordered_set", "utility": r"pair|exchange", "variant": r"variant",
    "vector": r"vector",
}
HEADERS = set()


def room(path):
    """The longest folder of BELOW that holds the file, or its first folder."""
    parts = path.parts
    pair = "/".join(parts[:2])
    return pair if pair in BELOW else parts[0]


def blank(text):
    """Comments and literals as spaces, so that braces in them do not count."""
    pattern = (r'R"(\w*)\((?:.|\n)*?\)\1"|//[^\n]*|/\*(?:.|\n)*?\*/'
               r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'')
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def check_includes(path, lines):
    folder = room(path)
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+>))', line)
        if not found:
            continue
        ours, theirs = found.groups()
        for pattern, owner in ONLY.items():
            if theirs and folder != owner and re.match(pattern, theirs):
                yield number, f"only {owner} may see <{theirs}"
        if folder not in BELOW:
            continue
        if ours:
            target = room(pathlib.PurePath(ours))
            if target in BELOW and target != folder and target not in BELOW[folder]:
                yield number, f"{folder} may not include {target}"
            if target != folder and ours not in SEEN.get(target, {ours}) and folder != "sdk/testing":
                yield number, f"{folder} may not see {ours}"
            if ours == INTERFACES and folder in ("engine", "store", "sdk"):
                yield number, f"{folder} may not see actor interfaces"
        elif folder in UNSEEN and str(path) != INTERFACES and re.match(UNSEEN[folder], theirs):
            yield number, f"{folder} may not see <{theirs}"


def all_includes(path, root, seen):
    """What a header includes, by itself or through headers of ours."""
    for found in re.finditer(r'^\s*#\s*include\s+[<"]([^>"]+)', (root / path).read_text(), re.M):
        name = found.group(1)
        if name in seen:
            continue
        seen.add(name)
        if pathlib.Path(name) in HEADERS:
            all_includes(pathlib.Path(name), root, seen)
    return seen


def check_standard(path, root, lines, text):
    """A header includes what it names of the standard library; a source begins with its header."""
    if path.suffix == ".cpp":
        own = path.with_suffix(".hpp")
        first = next((line for line in lines if line.startswith("#include")), "")
        if own in HEADERS and first != f'#include "{own}"':
            yield 1, f"its first include is not {own}"
        return
    included = all_includes(path, root, set())
    for header, names in STANDARD.items():
        found = header not in included and re.search(r"\bstd::(?:" + names + r")\b", text)
        if found:
            yield text.count("\n", 0, found.start()) + 1, f"{found.group(0)} without <{header}>"


def functions(text):
    """(first line, last line) of every outermost function body's statement."""
    stack, start = [], 0
    for found in re.finditer(r"[{};]", text):
        at, mark = found.start(), found.group(0)
        if mark == "{":
            head = text[start:at]
            inside = any(kind == "function" for kind, _ in stack)
            bare = re.sub(r"template\s*<[^{]*?>\s*(?=\w)|\([^()]*\)|<[^<>]*>", "", head)
            if re.search(r"\b(namespace|class|struct|enum|union|extern|concept)\b", bare):
                kind = "box"
            elif not inside and ")" in head and not re.search(r"=\s*$", head):
                kind = "function"
            else:
                kind = "other"
            stack.append((kind, start + len(head) - len(head.lstrip())))
        elif mark == "}" and stack:
            kind, first = stack.pop()
            if kind == "function":
                yield text.count("\n", 0, first) + 1, text.count("\n", 0, at) + 1
        start = at + 1


def check_names(path, text):
    for found in re.finditer(UNNAMED.get(room(path), r"(?!)"), text):
        yield text.count("\n", 0, found.start()) + 1, f"{room(path)} may not know {found.group(0)}"


def check_lengths(path, lines, text):
    if len(lines) > FILE_LINES:
        yield 1, f"{len(lines)} lines; split it (at most {FILE_LINES})"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and "http" not in line and 'R"' not in line:
            yield number, f"{len(line)} columns (at most {COLUMNS})"
    if path.parts[0] in ("tests", "bench"):
        return                      # doctest's cases read best in one piece
    for first, last in functions(text):
        if last - first + 1 > FUNCTION_LINES:
            yield first, f"a function of {last - first + 1} lines (at most {FUNCTION_LINES})"


def check_coroutines(lines, text):
    """GCC 12 miscompiles a braced initialiser or ?: in one expression with co_await."""
    for found in re.finditer(r"[^;{}]*\bco_await\b[^;]*;", text):
        number = text.count("\n", 0, found.start() + len(found.group(0))
                            - len(found.group(0).lstrip())) + 1
        if "coawait-ok:" in lines[number - 1]:
            continue
        if re.search(r"[{?]", found.group(0)):
            yield number, "co_await beside braces or ?: in one expression; name it first"


def check(path, root):
    raw = (root / path).read_text(errors="replace")
    lines, text = raw.splitlines(), blank(raw)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  text, flags=re.M)
    yield from check_includes(path, lines)
    yield from check_standard(path, root, lines, text)
    yield from check_names(path, text)
    yield from check_lengths(path, lines, text)
    if path.parts[0] in ("sdk", "examples"):
        yield from check_coroutines(lines, text)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    paths = sorted(p.relative_to(root) for folder in SOURCES if (root / folder).is_dir()
                   for p in (root / folder).rglob("*.?pp") if "node_modules" not in p.parts)
    if not paths:
        sys.exit(f"{root}: no source file in any known folder")
    found = 0
    HEADERS.update(path for path in paths if path.suffix == ".hpp")
    for path in paths:
        for number, what in check(path, root):
            print(f"{path}:{number}: {what}")
            found += 1
    print(f"{len(paths)} files, {found} findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
