#!/usr/bin/env python3
"""The rules of deploy/prometheus: promtool takes them, they ask for metrics that there are, and each
alert fires when it should, alone, and clears.

usage: rules.py PATH-OF-PROMTOOL
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus"
FILES = [RULES / "recording.yml", RULES / "alerts.yml"]

# A life in steps of 30 s: all is well, something is wrong, all is well. An alert has to be gone when
# its window is: a quarter of an hour, but for one.
STEP, WELL, WRONG, AFTER = 30, 16, 64, 130
CLEAR = 34
CLEARS_LATE = {"RepriseCommitsLost": AFTER}
STALE = "stale"
TWO = {
    'up{job="reprise",instance="a"}': 1, 'up{job="reprise",instance="b"}': 1,
    'reprise_serving{job="reprise",instance="a"}': 1, 'reprise_serving{job="reprise",instance="b"}': 0,
}


def life(wrong, well=0):
    """A gauge; STALE where its server cannot be scraped."""
    there = [wrong] * WRONG if wrong != STALE else [STALE] + ["_"] * (WRONG - 1)
    return [well] * WELL + there + [well] * AFTER


def counter(wrong, well=0, start=0):
    """`wrong`, `well`: by how much it grows each step."""
    value, out = start, []
    for rate in life(wrong, well):
        value += rate
        out.append(value)
    return out


def born(value):
    """A counter that is not there before it counts."""
    return ["_"] * WELL + [value] * (WRONG + AFTER)


def of(name, instance="a", **labels):
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return f'{name}{{job="reprise",instance="{instance}"{more}}}'


def commits(slow):
    """300 commits a minute: all within 5 ms, or all within 0.5 s and none within 0.25 s."""
    fast, steady = counter(0 if slow else 150, 150), counter(150, 150)
    name = "reprise_journal_commit_seconds_bucket"
    return {of(name, le="0.005"): fast, of(name, le="0.25"): fast, of(name, le="0.5"): steady,
            of(name, le="+Inf"): steady}


def waiting(tasks, waits, polls):
    return {of("reprise_tasks_pending"): tasks, of("reprise_backlog_rows"): life(0),
            of("reprise_polls_waiting"): waits, of("reprise_polls_total"): polls}


CLIMB = [0] * WELL + [100 * n for n in range(WRONG)] + [0] * AFTER

# Alert (and whom it has to bring along): the series that make it fire.
CASES = {
    "RepriseServerDown": {of("up", "b"): life(0, 1), of("reprise_serving", "b"): life(STALE)},
    "RepriseNotServing RepriseServerDown": {
        of("up", i): life(0, 1) for i in "ab"} | {
        of("reprise_serving", "a"): life(STALE, 1), of("reprise_serving", "b"): life(STALE)},
    "RepriseNotServing": {of("reprise_serving"): life(0, 1)},
    "RepriseSeveralServe": {of("reprise_serving", "b"): life(1)},
    "RepriseLeaseChangesHands": {
        of("reprise_serving", "a"): [1] * WELL + [n // 4 % 2 for n in range(WRONG)] + [1] * AFTER,
        of("reprise_serving", "b"): [0] * WELL + [1 - n // 4 % 2 for n in range(WRONG)] + [0] * AFTER},
    "RepriseServerFailed": {of("reprise_node_failed", "b"): life(1)},
    "RepriseActorsDie": {of("reprise_actors_died_total", kind="timer"): counter(1)},
    "RepriseClockSetBack": {of("reprise_clock_ahead_milliseconds"): life(5000)},
    "RepriseStoreFails": {of("reprise_store_errors_total", operation="append"): counter(3)},
    "RepriseCommitsSlow": commits(slow=True),
    "RepriseCommitsLost": {of("reprise_store_lost_commits_total"): [0] * WELL + [1] * (WRONG + AFTER)},
    "RepriseWorkflowsParked": {of("reprise_executions_parked"): life(1)},
    "RepriseMessagesParked": {of("reprise_messages_parked"): life(2)},
    "RepriseExecutionsCrash": {of("reprise_executions_crashed_total"): counter(1)},
    "RepriseCallsFail": {
        of("service_requests", operation="StartWorkflowExecution"): counter(100, 100),
        of("service_error_with_type", operation="StartWorkflowExecution", error_type="INTERNAL"): counter(9)},
    "RepriseBoundRefuses": {of("reprise_bound_refused_total", bound="workflow_calls"): counter(1)},
    "RepriseBacklogGrows": waiting(CLIMB, life(5, 5), counter(1, 1)),
    "RepriseNoWorkers": waiting(life(3), life(0, 5), counter(0, 1)),
}

# What happens in a healthy cluster, too.
QUIET = {
    "a take-over": {
        of("up"): [1] * WELL + [0] * 2 + [1] * (WRONG + AFTER - 2),
        of("reprise_serving", "a"): [1] * WELL + [STALE, "_"] + [0] * (WRONG + AFTER - 2),
        of("reprise_serving", "b"): [0] * (WELL + 1) + [1] * (WRONG + AFTER - 1)},
    "a standby whom clients meet": {
        of("service_requests", "b", operation="StartWorkflowExecution"): counter(100, 0),
        of("service_error_with_type", "b", operation="StartWorkflowExecution",
           error_type="UNAVAILABLE"): counter(100)},
    "mistakes of clients": {
        of("service_requests", operation="StartWorkflowExecution"): counter(100, 100),
        of("service_error_with_type", operation="StartWorkflowExecution",
           error_type="INVALID_ARGUMENT"): counter(90)},
    "tasks and deadlines that go to the store": {
        of("reprise_bound_refused_total", bound="queue_tasks"): counter(9),
        of("reprise_bound_refused_total", bound="deadlines"): counter(9)},
    "busy workers": waiting(life(900), life(0, 5), counter(1, 1)),
    "fast commits": commits(slow=False),
}


def at(step):
    return f"{step * STEP}s"


def firing(step, alerts):
    return {"eval_time": at(step), "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "exp_samples": [{"labels": f'{{alertname="{name}"}}',
                             "value": 2 if name == "RepriseServerDown" and len(alerts) > 1 else 1}
                            for name in sorted(alerts)]}


def lived(name, series, alerts, more=()):
    clear = CLEARS_LATE.get(name, CLEAR)
    checks = [firing(WELL - 1, []), firing(WELL + WRONG - 1, alerts),
              firing(WELL + WRONG + clear - 1, []), *more]
    values = {**{name: life(value, value) for name, value in TWO.items()}, **series}
    return {"name": name, "interval": f"{STEP}s", "promql_expr_test": checks,
            "input_series": [{"series": key, "values": " ".join(map(str, value))}
                             for key, value in values.items()]}


class Rules(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=300,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def judge(self, tests):
        document = {"rule_files": [str(path) for path in FILES], "evaluation_interval": f"{STEP}s",
                    "tests": tests}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tests.yml"
            path.write_text(json.dumps(document))
            return self.promtool("test", "rules", str(path))

    def passes(self, tests):
        code, said = self.judge(tests)
        self.assertEqual(code, 0, said)

    def alerts(self):
        return re.findall(r"^ +- alert: (\w+)$", (RULES / "alerts.yml").read_text(), re.M)

    def test_promtool_takes_rules_and_configuration(self):
        for command in (("check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES)),
                        ("check", "config", "--lint=all", "--lint-fatal", str(RULES / "prometheus.yml"))):
            code, said = self.promtool(*command)
            self.assertEqual(code, 0, said)

    def test_every_alert_fires_alone_and_clears(self):
        self.passes([lived(names, series, names.split()) for names, series in CASES.items()])

    def test_every_alert_has_a_case(self):
        tried = {name for names in CASES for name in names.split()}
        self.assertEqual(sorted(tried), sorted(self.alerts()))

    def test_what_happens_in_a_healthy_cluster_alerts_nobody(self):
        more = {"a take-over": [firing(WELL + n, []) for n in range(1, 10)]}
        self.passes([lived(name, series, [], more.get(name, ())) for name, series in QUIET.items()])

    def test_a_first_death_of_an_actor_is_seen(self):
        series = {of("reprise_actors_died_total", kind="timer"): born(1)}
        self.passes([lived("a first death", series, [], [firing(WELL + 2, ["RepriseActorsDie"])])])

    def test_no_server_at_all_is_told(self):
        test = lived("nobody", {}, [])
        test["input_series"] = []
        test["promql_expr_test"] = [firing(WELL, ["RepriseNotServing"])]
        self.passes([test])

    def test_the_judge_judges(self):
        code, said = self.judge([lived("an alert too many", {}, ["RepriseNotServing"])])
        self.assertEqual(code, 1, said)

    def test_rules_ask_for_metrics_that_there_are(self):
        # tools/facts.py compares that table with the code.
        table = (ROOT / "README.md").read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
        known = set(re.findall(r"`((?:reprise|service)_\w+)", table))
        asked = set()
        for path in FILES:
            for line in path.read_text().splitlines():
                if not line.lstrip().startswith("#"):
                    asked |= set(re.findall(r"\b((?:reprise|service)_\w+)", line))
        asked = {re.sub(r"(_seconds|_latency)_bucket$", r"\1", name) for name in asked}
        self.assertEqual(asked - known, set())

    def test_every_alert_says_what_to_do(self):
        text = (RULES / "alerts.yml").read_text()
        for block in text.split("- alert: ")[1:]:
            for part in ("for:", "severity:", "summary:", "description:"):
                self.assertIn(part, block, block)


if __name__ == "__main__":
    PROMTOOL = sys.argv.pop(1) if len(sys.argv) > 1 else sys.exit(__doc__)
    unittest.main()
