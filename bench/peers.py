"""Peers: the same work on other servers, one after the other and back again, in one table."""
import contextlib
import json
import os
import pathlib
import urllib.request

from harness import HOST, BenchError, Skipped, free_port, middle, port_open, step
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
)
ROUNDS = 2


@contextlib.contextmanager
def reprise(bench):
    with bench.reprise() as server:
        yield lambda kind, count, in_flight: bench.load(kind, count, in_flight, server.address,
                                                        server.pid)


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
        yield lambda kind, count, in_flight: bench.load(kind, count, in_flight, address, server.pid)


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


SYSTEMS = {"Reprise": reprise, "Temporal dev server": temporal, "Restate": restate}


def compare(bench):
    """Server CPU, throughput and latency of Reprise, Temporal and Restate (A B C A B C)"""
    runs, missing = {}, {}
    for _ in range(bench.size(ROUNDS, 1)):
        for system, started in SYSTEMS.items():
            try:
                one_round(bench, system, started, runs)
            except Skipped as why:
                missing[system] = why
    for work in WORKS:
        for system in work["kinds"]:
            yield row_of(work["line"], system, runs.get((work["line"], system)), missing.get(system))


def one_round(bench, system, started, runs):
    """All works on one server; the first one of a server is cold for it as for the others."""
    with started(bench) as run:
        for work in WORKS:
            if system not in work["kinds"]:
                continue
            step(f"{system}: {work['line']}")
            count = work["slow" if system == "Temporal dev server" else "count"]
            got = run(work["kinds"][system], bench.size(count, 10), work["in_flight"])
            runs.setdefault((work["line"], system), []).append(got)


def row_of(line, system, runs, why):
    name = f"{line}: {system}"
    if not runs:
        return Row(name, skipped=True, note=str(why))
    each = ", ".join(f"{run['server_cpu_ms']:.2f}" for run in runs)
    return Row(name, middle(runs, "server_cpu_ms"), "ms CPU each",
               cpu_ms=middle(runs, "server_cpu_ms"), per_second=middle(runs, "per_s"),
               p50_ms=middle(runs, "p50_ms"), p99_ms=middle(runs, "p99_ms"),
               note=f"rounds: {each} ms; {runs[-1]['server_rss_mb']:.0f} MiB resident")


SECTIONS = {"peers": compare}
