"""Processes of tests, which end with the test, however that ends."""
import os
import pathlib
import re
import secrets
import subprocess
import threading
import urllib.parse

PATIENCE = 120


class Process:
    """Begun, and ready: `pattern` is what it says then. `found` is the match."""

    def __init__(self, command, pattern, **more):
        self.said, self.found, self.ready = [], None, threading.Event()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)],
                                        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, **more)
        self.reader = threading.Thread(target=self.read, args=(pattern,))
        self.reader.start()
        if not self.ready.wait(PATIENCE) or not self.found:
            self.kill()
            raise AssertionError(f"{command[0]} does not start:\n" + "".join(self.said))

    def read(self, pattern):
        for line in self.process.stdout:
            self.said.append(line)
            self.found = self.found or re.search(pattern, line)
            if self.found:
                self.ready.set()
        self.ready.set()

    def kill(self):
        self.process.kill()
        self.wait()

    def end(self):
        """By SIGTERM; the exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()


def database():
    """A database of the test's own on the MySQL that REPRISE_TEST_MYSQL names; the server makes it."""
    return os.environ["REPRISE_TEST_MYSQL"] + "reprise_" + secrets.token_hex(6)


def account(folder):
    """A database of the test's own, as an account with a password sees it, and a file that holds the
    password."""
    address, password = database(), secrets.token_hex(16)
    at = urllib.parse.urlsplit(address)
    name = "reprise_" + secrets.token_hex(6)
    subprocess.run(["mariadb", "--no-defaults", f"--host={at.hostname}", f"--port={at.port}",
                    f"--user={at.username}"], text=True, check=True, timeout=PATIENCE,
                   input=f"CREATE USER {name}@'%' IDENTIFIED BY '{password}';"
                         f"GRANT ALL ON `{at.path[1:]}`.* TO {name}@'%';")
    path = pathlib.Path(folder) / "password"
    path.write_text(password + "\n")
    return f"mysql://{name}@{at.hostname}:{at.port}{at.path}", path


def serve(test, command, variables, **more):
    """Runs a server until it says where its store is, ends it in order and returns what it said."""
    inherited = {name: value for name, value in os.environ.items() if name != "REPRISE_MYSQL"}
    server = Process(command, "^  store ", env={**inherited, **variables}, **more)
    code = server.end()
    test.assertEqual(code, 0, server.said)
    return "".join(server.said)


def certificates(folder):
    """Of an authority, a server on 127.0.0.1 and a client, each with its key: ca.pem, server.pem,
    server.key, client.pem, client.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE,
                       cwd=folder)

    def key_of(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-subj", f"/CN={name}"]

    openssl("req", "-x509", *key_of("ca"), "-out", "ca.pem", "-days", "2")
    for name in ("server", "client"):
        openssl("req", "-x509", *key_of(name), "-out", f"{name}.pem", "-days", "2",
                "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1",
                "-addext", "basicConstraints=critical,CA:FALSE")


def put(arguments, mine):
    """Arguments of the form --flag=value, some of them with other values."""
    names = [one.split("=", 1)[0] for one in arguments]
    return [f"{name}={mine[name]}" if name in mine else one for name, one in zip(names, arguments)]
