"""A real kmipd: made by the command line, serving on a free port, with as many enrolled clients as a test wants."""

from __future__ import annotations

import atexit
import itertools
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from kmipd import administration, config
from kmipd_pkcs11 import provision

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
_KMIPD = [sys.executable, "-m", "kmipd"]
_numbers = itertools.count()


@dataclass(frozen=True)
class Identity:
    """One enrolled client: its name, its group, and the files `kmipd client add` wrote."""

    name: str
    group: str
    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "cert.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.certificate, self.key)
        return context


def run(*arguments: object) -> str:
    """One kmipd command; its output, or an AssertionError with what it said."""
    done = subprocess.run(
        [*_KMIPD, *map(str, arguments)], capture_output=True, text=True, timeout=READY_SECONDS, check=False
    )
    assert done.returncode == 0, f"kmipd {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done.stdout


@cache
def _prototype() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kmipd-prototype-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run("init", "--dir", folder / "kmipd", "--port", 0, "--key-type", "ec")
    return folder / "kmipd"


@dataclass
class Server:
    """A kmipd directory and, between `start` and `stop`, the daemon over it."""

    directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    ports: list[int] = field(default_factory=list)  # of every address
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.directory.parent / f"{self.directory.name}.log"

    @classmethod
    def make(cls, directory: Path) -> Self:
        """A copy of what `kmipd init` made for this process: token, PIN and authority are those of its other copies."""
        shutil.copytree(_prototype(), directory)
        configuration = directory / "softhsm2" / provision.CONFIGURATION
        configuration.write_text(configuration.read_text().replace(str(_prototype()), str(directory)))
        return cls(directory)

    def configure(self, table: str, **values: object) -> Self:
        """Set keys of kmipd.toml, before `start`."""
        path = self.directory / config.FILE
        lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
        text = path.read_text()
        head = f"[{table}]\n"
        text = (
            text.replace(head, head + "\n".join(lines) + "\n") if head in text else f"{text}\n{head}" + "\n".join(lines)
        )
        path.write_text(text)
        return self

    def append(self, text: str) -> Self:
        """Add tables to kmipd.toml, before `start`."""
        with (self.directory / config.FILE).open("a") as file:
            file.write(f"\n{text}\n")
        return self

    # Enrolment -----------------------------------------------------------------------------------------------

    def enrol(self, name: str | None = None, *, group: str | None = None, role: str = "client") -> Identity:
        """A new client, by default in a group of its own: it sees an empty server."""
        name = name or f"client-{next(_numbers)}"
        out = self.directory.parent / f"{self.directory.name}-clients" / name
        clients = administration.Clients(config.load(self.directory, {}))
        try:
            clients.issue(name, out, group=group or name, role=role, key_type="ec")
        finally:
            clients.close()
        return Identity(name, group or name, out)

    # The daemon ----------------------------------------------------------------------------------------------

    def start(self, *listeners: socket.socket, workers: int = 1, **environment: str) -> Self:
        """Serve; returns when every worker does. With `listeners`, as systemd would hand them over."""
        assert self.process is None
        command: Sequence[str] = [*_KMIPD, "serve", "--dir", str(self.directory), "--workers", str(workers)]
        env: dict[str, str] = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        inherited: tuple[int, ...] = ()
        if listeners:
            command, inherited = activated(command, listeners)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, pass_fds=inherited
            )
        self._await_ready()
        return self

    def _await_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        until = time.monotonic() + READY_SECONDS
        said = b""
        while b"is ready" not in said or not said.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                self.kill()
                raise AssertionError(f"kmipd did not become ready: {said.decode()}{self.log.read_text()}")
            said += chunk
        addresses = re.search(rb"KMIP on (.*), ", said)
        assert addresses is not None
        self.ports = [int(port) for port in re.findall(rb":(\d+)(?: |$)", addresses[1])]
        self.port = self.ports[0]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(c) for c in children if b"_worker" in Path(f"/proc/{c}/cmdline").read_bytes()]

    def stop(self) -> int:
        """SIGTERM, and wait for the drain; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """No drain: for teardown. Workers end when the supervisor's lifeline does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None


_ACTIVATE = """
import os, sys
count = int(sys.argv[1])
for n, fd in enumerate([os.dup(int(fd)) for fd in sys.argv[2:2 + count]]):
    os.dup2(fd, 3 + n)
    os.set_inheritable(3 + n, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count))
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


def activated(command: Sequence[str], listeners: Sequence[socket.socket]) -> tuple[list[str], tuple[int, ...]]:
    """`command` started as sd_listen_fds(3) describes: sockets from descriptor 3 on, LISTEN_PID is its own pid."""
    fds = tuple(listener.fileno() for listener in listeners)
    return [sys.executable, "-c", _ACTIVATE, str(len(fds)), *map(str, fds), *command], fds


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
