#!/usr/bin/env python3
"""Runs the suites of the official SDKs against a server, and compares what they say with one list.

usage: judge.py [--table FILE | --check FILE] [--cross] SERVER LANGUAGE=COMMAND...

Each COMMAND is one language's suite: "COMMAND scenarios ADDRESS" prints a line of JSON for every
scenario and for the replay of its histories; "COMMAND cross ADDRESS PEER..." is described in
README.md. scenarios.json is the list. --cross runs the cross-language part alone. --table writes
docs/COMPATIBILITY.md from what was found, --check fails where the file says something else.
"""
import argparse
import collections
import copy
import json
import pathlib
import shlex
import subprocess
import sys
import threading
import time

import table
from server import Server

HERE = pathlib.Path(__file__).parent
SUITE_SECONDS = 400


class Suite:
    """One language's process, whose lines of JSON are read as they come; the rest is its log."""

    def __init__(self, language, command, arguments):
        self.language = language
        self.lines, self.log = [], []
        self.arrived = threading.Condition()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *shlex.split(command), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        threading.Thread(target=self.read_log, daemon=True).start()

    def read(self):
        for text in self.process.stdout:
            try:
                line = json.loads(text) if text.startswith("{") else None
            except ValueError:
                line = None
            with self.arrived:
                (self.log if line is None else self.lines).append(text if line is None else line)
                self.arrived.notify_all()
        with self.arrived:
            self.process.wait()
            self.arrived.notify_all()

    def read_log(self):
        for text in self.process.stderr:
            with self.arrived:
                self.log.append(text)

    def wait(self, there):
        """Waits until a line is there, or the process has ended; tells whether it is there."""
        with self.arrived:
            self.arrived.wait_for(
                lambda: any(map(there, self.lines)) or self.process.returncode is not None,
                SUITE_SECONDS)
            return any(map(there, self.lines))

    def finish(self):
        """Lets the suite end, and kills it when it takes too long. Nothing, or what went wrong."""
        self.process.stdin.close()
        self.reader.join(SUITE_SECONDS)
        late = self.reader.is_alive()
        if late:
            self.process.kill()
            self.reader.join()
        if late or self.process.returncode != 0:
            how = "took too long" if late else f"ended with {self.process.returncode}"
            return [f"{self.language}: its suite {how}\n{''.join(self.log[-40:])}"]
        return []


def agrees(wanted, told):
    """Whether a result is the one wanted; a text may leave a part open, with a * for it."""
    if type(wanted) is not type(told):
        return isinstance(wanted, float | int) and isinstance(told, float | int) \
            and not isinstance(wanted, bool) and not isinstance(told, bool) and wanted == told
    if isinstance(wanted, dict):
        return wanted.keys() == told.keys() and all(agrees(wanted[key], told[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(wanted) == len(told) and all(map(agrees, wanted, told))
    if isinstance(wanted, str) and "*" in wanted:
        head, tail = wanted.split("*")
        return len(told) > len(head + tail) and told.startswith(head) and told.endswith(tail)
    return wanted == told


def differs(wanted, line):
    return "error" in line or "result" not in line or not agrees(wanted, line["result"])


def compare(name, wanted, lines):
    """What is wrong with the lines of one scenario: nothing when there is one, and it is right."""
    if len(lines) != 1:
        return [f"{name}: told {len(lines)} times"]
    if differs(wanted, lines[0]):
        told = lines[0].get("error") or json.dumps(lines[0].get("result"), ensure_ascii=False)
        return [f"{name}: expected {json.dumps(wanted, ensure_ascii=False)}\n    told {told}"]
    return []


def judge(language, listed, lines):
    """The complaints about one language's scenarios, by scenario."""
    told = collections.defaultdict(list)
    replayed = collections.defaultdict(list)
    for line in lines:
        if "scenario" in line:
            told[line["scenario"]].append(line)
        elif "replay" in line:
            replayed[line["replay"]].append(line)
    complaints = {}
    for row in listed:
        name = row["name"]
        if language in row.get("unless", {}):
            wrong = [f"{name}: told, though it is said not to be there"] if told[name] else []
        else:
            wrong = compare(name, row["expect"], told[name])
            if row.get("starts", True) and sum(r["histories"] for r in replayed[name]) == 0:
                wrong.append(f"{name}: none of its histories was replayed")
        wrong += [f"{name}: replay: {text}" for r in replayed[name] for text in r["failures"]]
        complaints[name] = wrong
    for name in set(told) - {row["name"] for row in listed}:
        complaints[name] = [f"{name}: is not in the list"]
    return complaints


def judge_cross(listed, languages, lines):
    """The complaints about the cross-language part, by (scenario, caller, callee)."""
    told = collections.defaultdict(list)
    for caller, line in lines:
        if "scenario" in line:
            told[line["scenario"], caller, line["peer"]].append(line)
    complaints = {}
    for row in listed:
        for caller in languages:
            for peer in languages:
                wanted = json.loads(json.dumps(row["expect"]).replace("$peer", peer))
                key = (row["name"], caller, peer)
                complaints[key] = compare(f"{row['name']} {caller} to {peer}", wanted, told[key])
    return complaints


def check_judge(language, plan, lines):
    """A judge that misses a fault judges nothing: each kind of fault is made, and has to be seen."""
    blind = []

    def must_see(what, name, spoiled):
        if not judge(language, plan["scenarios"], spoiled).get(name):
            blind.append(f"the judge of {language} does not see {what} of {name}")

    for at, line in enumerate(lines):
        name = line.get("scenario") or line.get("replay")
        if name is None or name.startswith("control/"):
            continue
        rest = lines[:at] + lines[at + 1:]
        spoiled = copy.deepcopy(line)
        if "scenario" in line:
            must_see("the lack", name, rest)
            must_see("a repetition", name, [*lines, line])
            spoiled["result"] = {"spoiled": line.get("result")}
            must_see("a wrong result", name, [*rest, spoiled])
            must_see("an error", name, [*rest, {"scenario": name, "error": "spoiled"}])
        else:
            spoiled["failures"] = ["spoiled"]
            must_see("a failed replay", name, [*rest, spoiled])
    control = plan["control"]
    answers = [line for line in lines if line.get("scenario") == control["name"]]
    if not compare(control["name"], control["expect"], answers) or not answers:
        blind.append(f"the judge of {language} believes {control['name']}")
    return blind


def without_control(plan, lines):
    name = plan["control"]["name"]
    return [line for line in lines if name not in (line.get("scenario"), line.get("replay"))]


def run_scenarios(server, suites, plan):
    """Each language's complaints, by scenario, and what is wrong beside them."""
    found, wrong, versions = {}, [], {}
    for language, command in suites.items():
        started = time.monotonic()
        suite = Suite(language, command, ["scenarios", server.address])
        wrong += suite.finish()
        versions[language] = next((line["sdk"] for line in suite.lines if "sdk" in line), "?")
        lines = without_control(plan, suite.lines)
        found[language] = judge(language, plan["scenarios"], lines)
        wrong += check_judge(language, plan, suite.lines)
        report(language, found[language], time.monotonic() - started)
        if any(found[language].values()):
            print("".join(suite.log[-200:]))
    return found, wrong, versions


def run_cross(server, suites, plan):
    """The complaints of the cross-language part, and what is wrong beside them."""
    started = time.monotonic()
    running = [Suite(language, command, ["cross", server.address, *suites])
               for language, command in suites.items()]
    wrong = [f"{suite.language}: offers no worker" for suite in running
             if not suite.wait(lambda line: "ready" in line)]
    for suite in [] if wrong else running:
        suite.process.stdin.write("meet\n")
        suite.process.stdin.flush()
        if not suite.wait(lambda line: "done" in line):
            wrong.append(f"{suite.language}: never met all its peers")
    for suite in running:
        wrong += suite.finish()
    lines = [(suite.language, line) for suite in running for line in suite.lines]
    found = judge_cross(plan["cross"], list(suites), lines)
    spoiled = [(caller, {**line, "result": "spoiled"}) for caller, line in lines]
    blind = [key for key, complaints in judge_cross(plan["cross"], list(suites), spoiled).items()
             if not complaints]
    wrong += [f"the judge does not see a wrong result of {key}" for key in blind]
    report("cross-language", found, time.monotonic() - started)
    return found, wrong


def report(what, complaints, seconds):
    bad = [name for name, texts in complaints.items() if texts]
    print(f"{what}: {len(complaints) - len(bad)} as expected, {len(bad)} not, {seconds:.0f} s")
    for name in bad:
        for text in complaints[name]:
            print(f"  {text}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--table")
    parser.add_argument("--check")
    parser.add_argument("--cross", action="store_true")
    parser.add_argument("server")
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()
    suites = dict(suite.split("=", 1) for suite in options.suites)
    plan = json.loads((HERE / "scenarios.json").read_text())
    found, crossed, wrong, versions = {}, {}, [], {}
    with Server(options.server) as server:
        if not options.cross:
            found, wrong, versions = run_scenarios(server, suites, plan)
        if options.cross or (options.table and len(suites) > 1):
            crossed, more = run_cross(server, suites, plan)
            wrong += more
    complaints = [texts for told in (*found.values(), crossed) for texts in told.values()]
    failed = sum(map(bool, complaints))
    if options.check:
        wrong += table.differences(pathlib.Path(options.check), plan, found, crossed)
    if options.table:
        pathlib.Path(options.table).write_text(table.render(plan, found, crossed, versions))
    for text in wrong:
        print(text)
    print(f"{len(complaints) - failed} passed, {failed + len(wrong)} failed")
    sys.exit(1 if failed or wrong else 0)


if __name__ == "__main__":
    main()
