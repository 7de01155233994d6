"""The lines of the benchmark, a section each: generators of rows. Targets are those of the issue."""
import pathlib
import time

from harness import HOST, Skipped, free_port, median, middle, port_open, step
from table import Row


def skipped(line, why):
    return Row(line, skipped=True, note=str(why))


# -- the store alone

def journal(bench):
    """Journal appends alone: one row of 400 bytes and one update of its run, in groups of 512."""
    step("three loads and a thousand single commits, for each store")
    got = bench.program("store", "--seconds", bench.size(3, 0.05), "--starts",
                        bench.size(1000, 20), "--folder", bench.folder)
    for name, title, target in (("sqlite", "SQLite", 120_000), ("mysql", "MySQL", 40_000)):
        if f"{name}.groups.per_second" not in got:
            yield skipped(f"journal appends, {title}", "no MySQL server (REPRISE_TEST_MYSQL)")
            continue
        for what, text, at_least in (("groups", "", target), ("moving-timers", ", moving timers", None),
                                     ("many-runs", ", 20,000 live runs", None)):
            yield Row(f"journal appends, {title}{text}", got[f"{name}.{what}.per_second"],
                      "transitions/s", at_least=at_least,
                      note=f"{got[f'{name}.{what}.cpu_us']:.1f} us CPU of the writer each")
        yield Row(f"commit of one start, {title}", p50_ms=got[f"{name}.start.p50_ms"],
                  p99_ms=got[f"{name}.start.p99_ms"])


def rehydrate(bench):
    """An execution of 50,000 events comes back from SQLite."""
    got = bench.program("rehydrate", "--events", bench.size(50_000, 500), "--folder", bench.folder)
    for what, text, at_most in (("snapshot", "from its snapshot", 5), ("replay", "by full replay", 500)):
        yield Row(f"rehydrate 50,000 events {text}", got[f"rehydrate.{what}.p50_ms"], "ms, p50",
                  at_most=at_most, p50_ms=got[f"rehydrate.{what}.p50_ms"],
                  p99_ms=got[f"rehydrate.{what}.p99_ms"])


def long_history(bench):
    """One run of a million events on SQLite: made, read in pages, folded whole, continued as new."""
    step("a million events are made, read and folded")
    got = bench.program("long_history", "--events", bench.size(1_000_000, 1000), "--folder", bench.folder)
    yield Row("a run of 1,000,000 events: made", got["long_history.events_per_second"], "events/s")
    yield Row("a run of 1,000,000 events: a page", p50_ms=got["long_history.page.p50_ms"],
              p99_ms=got["long_history.page.p99_ms"],
              note=f"all of it in {got['long_history.paged_seconds']:.1f} s")
    yield Row("a run of 1,000,000 events: full replay", got["long_history.replay_seconds"], "s")
    yield Row("a run of 1,000,000 events: continued as new", got["long_history.continue_ms"], "ms",
              note="the run in memory: decided and committed")


# -- a server that has nothing to do

def startup(bench):
    """From the start of the process until it listens and serves, on a new file."""
    times = []
    for _ in range(bench.size(5, 1)):
        with bench.reprise() as server:
            times.append(server.started_in * 1000)
    yield Row("start-up, SQLite, a new file", median(times), "ms", at_most=1000,
              note="no target in the issue: a second is ours")


def idle(bench):
    """Nobody calls: no reads and writes, next to no processor time."""
    seconds = bench.size(15, 1)
    step(f"{seconds} s on SQLite, {seconds} s on MySQL")
    with bench.reprise() as server:
        yield from idle_rows(bench, server, seconds, "SQLite")
    line = "idle server, MySQL: store queries"
    try:
        with bench.reprise(*bench.mysql_flags()) as server:
            time.sleep(bench.size(5, 0.5))
            before = bench.mysql_statements()
            yield from idle_rows(bench, server, seconds, "MySQL")
            statements, renewals = (now - then for now, then in
                                    zip(bench.mysql_statements(), before))
            yield Row(line, statements - STATEMENTS_OF_A_RENEWAL * renewals, "not of a renewal",
                      at_most=0, note=f"{renewals} renewals of the lease")
    except Skipped as why:
        yield skipped(line, why)


# It raises the member's number, and reads owners, members, and what all are to know.
STATEMENTS_OF_A_RENEWAL = 4


def idle_rows(bench, server, seconds, store):
    time.sleep(bench.size(3, 0.2))
    got = bench.program("watch", "--pid", server.pid, "--name", "idle", "--seconds", seconds)
    yield Row(f"idle server, {store}: processor", got["idle.cpu_percent"], "% of a core", at_most=1,
              note=f"{got['idle.resident_mib']:.0f} MiB resident")
    if store == "SQLite":
        yield Row("idle server, SQLite: store queries", got["idle.io_calls"], "reads and writes",
                  at_most=0, note=f"of the process, in {seconds} s")


# -- latency of one client, with nothing else and with many parked

def touch(bench, server, name, *arguments):
    return bench.program("touch", "--target", server.address, "--pid", server.pid, "--name", name,
                         "--times", bench.size(500, 10), *arguments)


def start(bench):
    """Start, closed loop with one client, beyond the time of an fsync probed in the same run."""
    with bench.reprise() as server:
        disk, runs = bench.disk(), []
        for _ in range(bench.size(3, 1)):
            runs.append(touch(bench, server, "touch"))
            disk = min(disk, bench.disk())
    p50, p99 = (middle(runs, f"touch.start.{part}_ms") for part in ("p50", "p99"))
    for part, value, at_most in (("p50", p50, 1), ("p99", p99, 5)):
        yield Row(f"start, one client: {part} beyond an fsync", value - disk, "ms", at_most=at_most,
                  p50_ms=p50, p99_ms=p99, note=f"fsync {disk:.2f} ms")


# What one of them may cost more than a workflow that is still in memory: it has to come back from
# the store, which takes no longer the more there are.
COMES_BACK_MS = 0.2


def parked(bench):
    """A million workflows that wait: memory, and start, signal and finish beside them."""
    count = bench.size(bench.parked, 200)
    file = f"{bench.new_path('parked')}.db"
    step(f"{count:,} into a file")
    bench.program("park", "--file", file, "--count", count)
    with bench.reprise() as none, bench.reprise(file=file) as all_of_them:
        without, beside = touch_in_turns(bench, none, all_of_them, count)
        resident = all_of_them.resident_mib()
    pathlib.Path(file).unlink()
    text = f"{count:,} parked"
    yield Row(f"{text}, in the file", resident, "MiB resident", at_most=400,
              note=f"up in {all_of_them.started_in * 1000:.0f} ms")
    for what in ("start", "signal", "finish"):
        p50, before = (min(run[f"touch.{what}.p50_ms"] for run in runs) for runs in (beside, without))
        yield Row(f"{text}: {what} one", p50 - before, "ms more than with none",
                  at_most=COMES_BACK_MS, p50_ms=p50, note=f"p50 with none {before:.2f} ms",
                  p99_ms=min(run[f"touch.{what}.p99_ms"] for run in beside))
    yield from parked_by_calls(bench)


def touch_in_turns(bench, none, all_of_them, count):
    """One server is idle while the other one is asked; the best round of each counts."""
    without, beside = [], []
    rounds = bench.size(4, 1)
    for at in range(rounds):
        step(f"start, signal and finish with none, then with all: round {at + 1} of {rounds}")
        without.append(touch(bench, none, "touch"))
        beside.append(touch(bench, all_of_them, "touch", "--parked", count, "--turn", at, "--turns",
                            rounds))
    return without, beside


def scans(bench):
    """A client starts workflows while ten others count 200,000 by a filter that looks at each."""
    count, clients = bench.size(200_000, 200), 10
    file = f"{bench.new_path('scans')}.db"
    step(f"{count:,} into a file, then starts with and without {clients} clients that count them")
    bench.program("park", "--file", file, "--count", count)
    with bench.reprise(file=file) as server:
        idle_runs = [touch(bench, server, "touch")]
        beside = touch(bench, server, "touch", "--scanners", clients)
        idle_runs.append(touch(bench, server, "touch"))
    pathlib.Path(file).unlink()
    before = min(run["touch.start.p99_ms"] for run in idle_runs)
    yield Row(f"start beside {clients} clients that count {count:,}: p99", beside["touch.start.p99_ms"],
              "ms", p50_ms=beside["touch.start.p50_ms"], p99_ms=beside["touch.start.p99_ms"],
              note=f"p99 with none {before:.2f} ms; {beside['touch.counted']:.0f} counts meanwhile")


# How much more a list or count may cost on a hundred times as many workflows.
GROWS_BY = 2


def listing(bench):
    """A list page, a count by status and a keyword with 100 hits, on 10,000 and on 1,000,000 workflows."""
    few, many = bench.size(10_000, 400), bench.size(bench.parked, 1_000)
    step(f"{few:,}, then {many:,} workflows, for each store")
    got = bench.program("listing", "--few", few, "--many", many, "--times", bench.size(200, 5),
                        "--folder", bench.folder)
    for name, title in (("sqlite", "SQLite"), ("mysql", "MySQL")):
        for what, text in (("page", "first page of a list"), ("middle", "page in its middle"),
                           ("count", "count by status"), ("keyword", "keyword with 100 hits")):
            line = f"{text}, {title}, {many:,} workflows"
            if f"{name}.many.{what}_ms" not in got:
                yield skipped(line, "no MySQL server (REPRISE_TEST_MYSQL)")
                continue
            before, after = (got[f"{name}.{size}.{what}_ms"] for size in ("few", "many"))
            yield Row(line, after / before, f"times that of {few:,}", at_most=GROWS_BY,
                      p50_ms=after, note=f"{before:.2f} ms with {few:,}")


def parked_by_calls(bench):
    """The same memory when the server itself was asked to start and run all of them."""
    count = bench.size(max(1, bench.parked // 5), 200)
    step(f"{count:,} by calls")
    with bench.reprise() as server:
        got = bench.program("load", "--target", server.address, "--pid", server.pid, "--name",
                            "park", "--park", count, "--in-flight", 100)
    yield Row(f"{count:,} parked by calls", got["park.resident_mib"], "MiB resident, at most",
              at_most=400, per_second=got["park.per_second"], cpu_ms=got["park.server_cpu_ms"])


# -- throughput with a C++ load generator

def throughput(bench):
    """Start, one workflow task, complete, over gRPC; beside it a server that only echoes."""
    answers = bench.new_path("answers")
    answers.mkdir()
    ours, echo = [], []
    rounds = bench.size(3, 1)
    for at in range(rounds):
        step(f"SQLite, then the echo server: round {at + 1} of {rounds}")
        with bench.reprise() as server:
            if not any(answers.iterdir()):
                bench.program("load", "--target", server.address, "--pid", server.pid, "--record",
                              answers)
            ours.append(load(bench, server))
        port = free_port()
        command = [bench.build / "bench_echo", "--port", port, "--answers", answers]
        with bench.started(command, "echo.log") as server:
            server.wait_until("the echo server", lambda p=port: port_open(p))
            server.address = f"{HOST}:{port}"
            echo.append(load(bench, server))
    yield load_row("throughput, SQLite, 50 in flight", ours, 3000)
    yield load_row("throughput, gRPC echo of the same calls", echo, None)
    yield Row("throughput, SQLite, of the echo's", 100 * rate(ours) / rate(echo), "%", at_least=40)
    line = "throughput, MySQL, 50 in flight"
    try:
        runs = []
        for _ in range(bench.size(2, 1)):
            flags = bench.mysql_flags()
            step("MySQL")
            with bench.reprise(*flags) as server:
                runs.append(load(bench, server))
        yield load_row(line, runs, 1500)
    except Skipped as why:
        yield skipped(line, why)


def load(bench, server):
    return bench.program("load", "--target", server.address, "--pid", server.pid, "--name", "load",
                         "--in-flight", bench.size(50, 4), "--seconds", bench.size(6, 0.3),
                         "--warm-up", bench.size(2, 0.1))


def rate(runs):
    return middle(runs, "load.per_second")


def load_row(line, runs, at_least):
    return Row(line, rate(runs), "workflows/s", at_least=at_least, per_second=rate(runs),
               cpu_ms=middle(runs, "load.server_cpu_ms"), p50_ms=middle(runs, "load.p50_ms"),
               p99_ms=middle(runs, "load.p99_ms"))


# -- the yardstick: client and worker on the official Go SDK

# kind, how many, in flight, target of the server's CPU in ms
SDK_LOADS = (("noop", 6000, 50, 0.35), ("local3", 3000, 50, 0.45), ("act3", 2000, 50, 1.3),
             ("signal", 5000, 20, 0.10))
P99_OF_P50 = 5
FSYNCS_OF_A_WORKFLOW = 3


def sdk(bench):
    """Server CPU for one workflow with the generator on the official Go SDK, on SQLite."""
    for kind, count, in_flight, at_most in SDK_LOADS:
        line = f"Go SDK {kind}, {in_flight} in flight"
        try:
            runs = sdk_runs(bench, kind, bench.size(count, 20), in_flight)
        except Skipped as why:
            yield skipped(line, why)
            continue
        figures = sdk_figures(runs)
        yield Row(f"{line}: server CPU", figures["cpu_ms"], "ms each", at_most=at_most, **figures)
        if kind == "noop":
            yield Row(f"{line}: p99 of p50", figures["p99_ms"] / figures["p50_ms"], "times",
                      at_most=P99_OF_P50, **figures)
    yield from one_in_flight(bench)


def one_in_flight(bench):
    line = "Go SDK noop, 1 in flight: p50"
    disk = bench.disk()
    try:
        runs = sdk_runs(bench, "noop", bench.size(500, 10), 1)
    except Skipped as why:
        yield skipped(line, why)
        return
    disk = min(disk, bench.disk())
    figures = sdk_figures(runs)
    yield Row(line, figures["p50_ms"], "ms", at_most=3 + FSYNCS_OF_A_WORKFLOW * disk, **figures,
              note=f"3 ms and three fsyncs of {disk:.2f} ms")


def sdk_runs(bench, kind, count, in_flight):
    """Each on a server of its own."""
    out = []
    rounds = bench.size(3, 1)
    for at in range(rounds):
        step(f"{kind}, {in_flight} in flight: round {at + 1} of {rounds}")
        with bench.reprise() as server:
            out.append(bench.load(kind, count, in_flight, server.address, server.pid))
    return out


def sdk_figures(runs):
    return {"cpu_ms": middle(runs, "server_cpu_ms"), "per_second": middle(runs, "per_s"),
            "p50_ms": middle(runs, "p50_ms"), "p99_ms": middle(runs, "p99_ms")}


# The reference's batches do 50 in a second, whatever they are asked for.
BATCH_OF_REFERENCE = 50


def batch(bench):
    """One batch that ends 10,000 workflows by a query, on SQLite."""
    with bench.reprise() as server:
        got = bench.program("batch", "--target", server.address, "--pid", server.pid, "--runs",
                            bench.size(10_000, 50))
    yield Row("batch of 10,000 terminations", got["batch.per_second"], "runs/s",
              at_least=10 * BATCH_OF_REFERENCE, per_second=got["batch.per_second"],
              cpu_ms=got["batch.server_cpu_ms"],
              note=f"the reference does {BATCH_OF_REFERENCE} in a second, by its settings")


SECTIONS = {section.__name__: section
            for section in (journal, rehydrate, long_history, startup, idle, start, throughput,
                            sdk, parked, scans, listing, batch)}
