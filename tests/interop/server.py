"""A server of its own for the judge, on free ports, with its store in a temporary folder."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ATTRIBUTES = ("Keyword", "Text", "Int", "Double", "Bool", "Datetime", "KeywordList")
START_SECONDS = 30


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, binary):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reprise-interop-"))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        command = ["setpriv", "--pdeathsig", "KILL", binary, "server", "start-dev", "--headless",
                   "--ip", "127.0.0.1", "--port", str(self.port),
                   "--metrics-port", str(free_port()), "--log-level", "warn",
                   "--db-filename", str(self.folder / "store.db")]
        for kind in ATTRIBUTES:
            command += ["--search-attribute", f"Interop{kind}={kind}"]
        with open(self.folder / "server.log", "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def __enter__(self):
        end = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server did not start\n{self.output()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)

    def output(self):
        return (self.folder / "server.log").read_text()

    def __exit__(self, *_):
        ended = self.process.poll()
        if ended is None:
            self.process.terminate()
            self.process.wait()
        else:
            print(f"the server ended by itself with {ended}\n{self.output()[-4000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)
