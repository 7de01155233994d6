"""What the benchmark's lines stand on: servers started and stopped, programs and their figures."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


class BenchError(Exception):
    """A line cannot be measured; the text says why."""


class Skipped(Exception):
    """Something that a line needs is not on this machine."""


def say(text):
    bold, plain = ("\x1b[1m", "\x1b[0m") \
        if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"{bold}{text}{plain}", file=sys.stderr, flush=True)


def step(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"gave up after {seconds} s waiting for {what}")
        time.sleep(0.002)


def port_open(port):
    with socket.socket() as s:
        return s.connect_ex((HOST, port)) == 0


def die_with_parent():
    """The kernel ends the child when this process dies, even by SIGKILL."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


class Process:
    """A child that is measured or helps to; its output goes to a file, shown when it fails."""

    def __init__(self, arguments, log, nice=0, env=None):
        if nice:
            arguments = ["nice", "-n", str(nice), *arguments]
        self.log = pathlib.Path(log)
        with self.log.open("wb") as out:
            self.child = subprocess.Popen([str(a) for a in arguments], stdout=out,
                                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                          preexec_fn=die_with_parent,
                                          env=dict(os.environ, **(env or {})))
        self.pid = self.child.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def wait_until(self, what, condition, seconds=30):
        wait_until(what, lambda: condition() or self.child.poll() is not None, seconds)
        if self.child.poll() is not None:
            raise BenchError(f"{what} did not come, the process ended:\n{self.output()[-2000:]}")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Harness:
    """The tools of one run. `folder` is emptied by whoever made it."""

    def __init__(self, options, folder):
        self.build = pathlib.Path(options.build)
        self.folder = folder
        self.quick = options.quick
        self.nice = options.nice
        self.parked = options.parked
        self.mysql_server = os.environ.get("REPRISE_TEST_MYSQL", "")
        self.yardstick = os.environ.get("REPRISE_YARDSTICK", "")
        self._names = 0

    def size(self, full, quick):
        return quick if self.quick else full

    def new_path(self, stem):
        self._names += 1
        return self.folder / f"{stem}-{self._names}"

    # -- programs

    def program(self, name, *arguments):
        """Runs bench_NAME and answers its figures."""
        figures = self.new_path("figures")
        command = [self.build / f"bench_{name}", *arguments, "--figures", figures]
        if not command[0].exists():
            raise BenchError(f"{command[0]} is not built")
        done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, check=False,
                              preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise BenchError(f"bench_{name} failed (exit {done.returncode})")
        lines = figures.read_text().splitlines() if figures.exists() else []
        return {name: float(value) for name, value in (line.split(" ") for line in lines)}

    def disk(self):
        """What an fsync takes here and now, in milliseconds."""
        return self.program("disk", "--folder", self.folder)["disk.fsync.p50_ms"]

    def load(self, kind, count, in_flight, address, pid):
        """One run of the yardstick on the official Go SDK; answers what it prints."""
        if not self.yardstick:
            raise Skipped("the yardstick ../shared/load is not beside this clone, or not built")
        return self.json_line([self.yardstick, "-addr", address, "-kind", kind, "-n", count,
                               "-c", in_flight, "-warm", min(count, 50), "-pids", pid], kind)

    def json_line(self, command, what):
        try:
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                                  timeout=600, check=False, preexec_fn=die_with_parent)
        except subprocess.TimeoutExpired as e:
            raise BenchError(f"{what} takes more than ten minutes") from e
        found = re.findall(r"^\{.*\}$", done.stdout, re.M)
        if done.returncode != 0 or not found:
            raise BenchError(f"{what} failed: {done.stderr[-2000:] or done.stdout[-2000:]}")
        out = json.loads(found[-1])
        if out["fails"]:
            raise BenchError(f"{what}: {out['fails']} calls failed: {done.stderr[-2000:]}")
        return out

    def retry(self, what, command):
        """Runs a command until it succeeds."""
        def succeeds():
            done = subprocess.run([str(c) for c in command], capture_output=True, check=False)
            return done.returncode == 0
        wait_until(what, succeeds, 60)

    # -- servers

    @contextlib.contextmanager
    def started(self, arguments, name, env=None):
        process = Process(arguments, self.new_path(name), self.nice, env)
        try:
            yield process
        finally:
            process.stop()

    @contextlib.contextmanager
    def reprise(self, *flags, file=None):
        """Our server, on a new SQLite file unless the flags or `file` name another store."""
        port = free_port()
        store = [] if "--mysql" in flags else ["--db-filename",
                                               file or f"{self.new_path('store')}.db"]
        command = [self.build / "reprise", "server", "start-dev", "--headless", "--ip", HOST,
                   "--port", port, *store, *flags]
        begun = time.monotonic()
        with self.started(command, "reprise.log") as server:
            server.wait_until("the server", lambda: port_open(port))
            server.started_in = time.monotonic() - begun
            server.address = f"{HOST}:{port}"
            yield server
        if not file and store:
            for path in self.folder.glob(pathlib.Path(store[1]).name + "*"):
                path.unlink()

    def mysql_flags(self):
        """A database of its own on the server that the tests use."""
        if not self.mysql_server:
            raise Skipped("no MySQL server is there (REPRISE_TEST_MYSQL)")
        self._names += 1
        return "--mysql", f"{self.mysql_server}reprise_bench_{os.getpid()}_{self._names}"

    def mysql_statements(self):
        """How many statements, and how many of them updates, the MySQL server was sent so far."""
        where = urllib.parse.urlsplit(self.mysql_server)
        client = shutil.which("mariadb") or shutil.which("mysql")
        if not client:
            raise Skipped("there is no MySQL client")
        done = subprocess.run(
            [client, "--no-defaults", "-N", f"--host={where.hostname}",
             f"--port={where.port or 3306}", f"--user={where.username or 'root'}",
             f"--password={where.password or ''}", "-e", "SHOW GLOBAL STATUS LIKE 'Com\\_%'"],
            capture_output=True, text=True, check=False)
        found = {name: int(n) for name, n in re.findall(r"^Com_(\w+)\s+(\d+)$", done.stdout, re.M)}
        if "update" not in found:
            raise BenchError(f"the MySQL server does not tell its statements: {done.stderr}")
        statements = sum(found[k] for k in ("select", "insert", "update", "delete", "replace"))
        return statements, found["update"]


def median(values):
    return statistics.median(values)


def middle(runs, key):
    return median([run[key] for run in runs])
