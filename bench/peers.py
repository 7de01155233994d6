"""Peers: the same work on other servers, one after the other and back again, in one table."""
import contextlib
import json
import os
import pathlib
import urllib.request

from harness import HOST, BenchError, Skipped, free_port, middle, port_open, say, step
from table import Row

# The work, how many in flight, and what each system calls it. `slow`: how many of it a server gets
# that does some dozens in a second.
WORKS = (
    {"line": "no-op, 1 in flight", "in_flight": 1, "count": 500, "slow": 100,
     "kinds": {"Reprise": "noop", "Temporal dev server": "noop", "Restate": "noop"}},
    {"line": "no-op, 50 in flight", "in_flight": 50, "count": 4000, "slow": 400,
     "kinds": {"Reprise": "noop", "Temporal dev server": "noop", "Restate": "noop"}},
    {"line": "3 local steps, 50 in flight", "in_flight": 50, "count": 3000, "slow": 300,
     "kinds": {"Reprise": "local3", "Temporal dev server": "local3", "Restate": "steps3"}},
    {"line": "3 activities, 50 in flight", "in_flight": 50, "count": 1500, "slow": 150,
     "kinds": {"Reprise": "act3", "Temporal dev server": "act3"}},
    {"line": "signals to one, 20 in flight", "in_flight": 20, "count": 5000, "slow": 2000,
     "kinds": {"Reprise": "signal", "Temporal dev server": "signal"}},
    {"line": "updates of one, 1 in flight", "in_flight": 1, "count": 1500, "slow": 400,
     "kinds": {"Reprise": "update", "Temporal dev server": "update"}},
    {"line": "queries of one, 1 in flight", "in_flight": 1, "count": 2000, "slow": 400,
     "kinds": {"Reprise": "query", "Temporal dev server": "query"}},
    {"line": "3 children in a row, 20 in flight", "in_flight": 20, "count": 1000, "slow": 100,
     "kinds": {"Reprise": "children", "Temporal dev server": "children"}},
    {"line": "3 activities, same worker, 20 in flight", "in_flight": 20, "count": 1000, "slow": 100,
     "kinds": {"Reprise": "activities", "Temporal dev server": "activities"}},
    {"line": "batch of terminations", "in_flight": 1, "count": 10_000, "slow": 1000,
     "kinds": {"Reprise": "terminations", "Temporal dev server": "terminations"}},
)
ROUNDS = 2

# What Reprise's figure is to be of the development server's, and where.
RATIOS = (
    ("updates of one, 1 in flight", "p50", "p50_ms", {"at_most": 1 / 4}),
    ("updates of one, 1 in flight", "CPU", "server_cpu_ms", {"at_most": 1 / 20}),
    ("queries of one, 1 in flight", "p50", "p50_ms", {"at_most": 1 / 2}),
    ("3 children in a row, 20 in flight", "CPU", "server_cpu_ms", {"at_most": 1 / 20}),
    ("signals to one, 20 in flight", "rate", "per_s", {"at_least": 5}),
    ("batch of terminations", "rate", "per_s", {"at_least": 10}),
)
CHILDREN, ACTIVITIES = (WORKS[at]["line"] for at in (-3, -2))
CHILDREN_OF_ACTIVITIES = 5


@contextlib.contextmanager
def reprise(bench):
    with bench.reprise() as server:
        yield runner(bench, server.address, server.pid)


def runner(bench, address, pid):
    """Has the program that knows a kind of work put so much of it on a server."""
    def program(name, *arguments):
        got = bench.program(name, "--target", address, "--pid", pid, *arguments)
        return {"server_cpu_ms": got[f"{name}.server_cpu_ms"], "per_s": got[f"{name}.per_second"],
                "p50_ms": got.get(f"{name}.p50_ms"), "p99_ms": got.get(f"{name}.p99_ms"),
                "server_rss_mb": got[f"{name}.resident_mib"]}

    def run(kind, count, in_flight):
        if kind in ("children", "activities"):
            return program("steps", "--of", kind, "--count", count, "--warm-up", min(count, 50),
                           "--in-flight", in_flight)
        if kind == "terminations":
            return program("batch", "--runs", count)
        return bench.load(kind, count, in_flight, address, pid)

    return run


@contextlib.contextmanager
def temporal(bench):
    """The development server of the official CLI, on a SQLite file of its own as well."""
    binary = os.environ.get("TEMPORAL_CLI", "")
    if not binary:
        raise Skipped("the official CLI is not built (it needs Go)")
    port = free_port()
    command = [binary, "server", "start-dev", "--headless", "--ip", HOST, "--port", port,
               "--db-filename", f"{bench.new_path('temporal')}.db", "--log-level", "error"]
    with bench.started(command, "temporal.log") as server:
        server.wait_until("the development server", lambda: port_open(port), 60)
        address = f"{HOST}:{port}"
        wait_for_namespace(bench, binary, address)
        yield runner(bench, address, server.pid)


def wait_for_namespace(bench, binary, address):
    """It listens before its namespace can be used."""
    command = [binary, "operator", "namespace", "describe", "default", "--address", address]
    bench.retry("the namespace 'default'", command)


@contextlib.contextmanager
def restate(bench):
    """Restate's server, and beside it in Node the service that it drives."""
    folder = pathlib.Path(__file__).parent / "restate"
    found = list(folder.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))
    if not found:
        raise Skipped("Restate is not installed (npm)")
    ports = {name: free_port() for name in ("service", "node", "ingress", "admin")}
    settings = {"RESTATE_DISABLE_TELEMETRY": "true", "RESTATE_LISTEN_MODE": "tcp",
                "RESTATE_LOG_FILTER": "error", "RESTATE_BIND_ADDRESS": f"{HOST}:{ports['node']}",
                "RESTATE_INGRESS__BIND_ADDRESS": f"{HOST}:{ports['ingress']}",
                "RESTATE_ADMIN__BIND_ADDRESS": f"{HOST}:{ports['admin']}"}
    data = bench.new_path("restate")
    with bench.started(["node", folder / "service.js", ports["service"]], "service.log") as service, \
            bench.started([found[0], "--no-logo", "--base-dir", data], "restate.log",
                          settings) as server:
        service.wait_until("Restate's service", lambda: port_open(ports["service"]))
        server.wait_until("Restate", lambda: port_open(ports["admin"]) and healthy(ports["admin"]), 60)
        deploy(ports["admin"], ports["service"])
        yield lambda kind, count, in_flight: bench.json_line(
            ["node", folder / "load.js", ports["ingress"], kind, count, in_flight, server.pid], kind)


def healthy(port):
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health") as answer:
            return answer.status == 200
    except OSError:
        return False


def deploy(admin, service):
    body = json.dumps({"uri": f"http://{HOST}:{service}"}).encode()
    call = urllib.request.Request(f"http://{HOST}:{admin}/deployments", body,
                                  {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(call):
            pass
    except OSError as e:
        raise BenchError(f"Restate does not take the service: {e}") from e


def known(runs, key):
    return None if runs[0][key] is None else middle(runs, key)


SYSTEMS = {"Reprise": reprise, "Temporal dev server": temporal, "Restate": restate}


def compare(bench):
    """Server CPU, throughput and latency of Reprise, Temporal and Restate (A B C A B C)"""
    runs, missing = {}, {}
    for _ in range(bench.size(ROUNDS, 1)):
        for system, started in SYSTEMS.items():
            try:
                one_round(bench, system, started, runs, missing)
            except Skipped as why:
                missing.update({(work["line"], system): why for work in WORKS})
    for work in WORKS:
        for system in work["kinds"]:
            key = work["line"], system
            yield row_of(*key, runs.get(key), missing.get(key))
    yield from ratio_rows(runs, missing)


def ratio_rows(runs, missing):
    """What was asked for beside the development server, and of children beside activities."""
    for line, what, key, target in RATIOS:
        ours, theirs = (runs.get((line, system)) for system in ("Reprise", "Temporal dev server"))
        name = f"{line}: {what}, of the dev server's"
        if not ours or not theirs or middle(theirs, key) == 0:
            yield Row(name, skipped=True, note=str(missing.get((line, "Temporal dev server"))))
            continue
        yield Row(name, middle(ours, key) / middle(theirs, key), "times", **target,
                  note=f"{middle(ours, key):.3g} beside {middle(theirs, key):.3g}")
    children, activities = (runs.get((line, "Reprise")) for line in (CHILDREN, ACTIVITIES))
    if children and activities and middle(activities, "server_cpu_ms") > 0:
        yield Row("3 children: CPU, of 3 activities'",
                  middle(children, "server_cpu_ms") / middle(activities, "server_cpu_ms"), "times",
                  at_most=CHILDREN_OF_ACTIVITIES, note="of Reprise")


def one_round(bench, system, started, runs, missing):
    """All works on one server; the first one of a server is cold for it as for the others."""
    with started(bench) as run:
        for work in WORKS:
            if system not in work["kinds"]:
                continue
            step(f"{system}: {work['line']}")
            count = work["slow" if system == "Temporal dev server" else "count"]
            key = work["line"], system
            try:
                got = run(work["kinds"][system], bench.size(count, 10), work["in_flight"])
                runs.setdefault(key, []).append(got)
            except BenchError as why:
                if system == "Reprise":
                    raise
                # A peer that fails at one thing is compared by the others.
                say(f"{system}: {work['line']}: {why}")
                missing[key] = why


def row_of(line, system, runs, why):
    name = f"{line}: {system}"
    if not runs:
        return Row(name, skipped=True, note=str(why))
    each = ", ".join(f"{run['server_cpu_ms']:.2f}" for run in runs)
    return Row(name, middle(runs, "server_cpu_ms"), "ms CPU each",
               cpu_ms=middle(runs, "server_cpu_ms"), per_second=middle(runs, "per_s"),
               p50_ms=known(runs, "p50_ms"), p99_ms=known(runs, "p99_ms"),
               note=f"rounds: {each} ms; {runs[-1]['server_rss_mb']:.0f} MiB resident")


SECTIONS = {"peers": compare}
