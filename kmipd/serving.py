"""Running the server: what is checked before the first worker starts, and the programs the supervisor runs."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kmipd import app
from kmipd.config import Settings
from kmipd.core.recovery import Recovered
from kmipd.doors import systemd
from kmipd.doors.supervisor import Supervisor, listen
from kmipd.registry import schema
from kmipd.trust.contexts import server_context

log = logging.getLogger(__name__)
LOCK_SECONDS = 5.0  # the workers of a daemon that was killed need a moment to notice
PREPARE_SECONDS = 300  # recovery asks the token once per unfinished request; a slow HSM may take a while


class AlreadyServedError(Exception):
    """A daemon of this directory is running."""


def serve(settings: Settings, workers: int, ready: Callable[[Sequence[str]], None]) -> int:
    """Supervise until SIGTERM. `ready` is called with the addresses once every worker serves."""
    schema.require_current(settings.registry)
    tls = settings.tls
    server_context(tls.certificate, tls.key, tls.client_cas, tls.crls)  # better a refusal now than in every worker
    lock = _lock(settings.directory)
    listeners = systemd.inherited_listeners() or [listen(*address) for address in settings.server.addresses]
    _prepare(settings.directory)
    supervisor = Supervisor(
        listeners, workers, lambda *fds: _worker_command(settings.directory, *fds), (lock,), settings.limits.silence
    )
    try:
        return supervisor.run(lambda: ready([named(listener.getsockname()) for listener in listeners]))
    finally:
        supervisor.close()


def named(address: tuple[str, int]) -> str:
    """HOST:PORT."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _lock(directory: Path) -> int:
    """One daemon a directory: recovery at start takes away what a live one is making. Workers hold the lock too, so
    that it is free only when the last of them has ended."""
    fd = os.open(directory / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(fd)
                raise AlreadyServedError(f"another kmipd serves {directory}: stop it first") from None
            time.sleep(0.1)
        else:
            return fd


def _prepare(directory: Path) -> None:
    """In a process of its own, because it opens the token and the supervisor must not."""
    done = subprocess.run(
        [sys.executable, "-m", "kmipd", "_prepare", "--dir", str(directory)],
        timeout=PREPARE_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise SystemExit(done.returncode)


def _worker_command(directory: Path, index: int, listeners: Sequence[int], lifeline: int, ready: int) -> list[str]:
    numbers = [
        ("--index", index),
        *(("--listener", fd) for fd in listeners),
        ("--lifeline", lifeline),
        ("--ready", ready),
    ]
    options = [text for name, number in numbers for text in (name, str(number))]
    return [sys.executable, "-m", "kmipd", "_worker", "--dir", str(directory), *options]


def configure_logging(level: str) -> None:
    """To standard error; under systemd without a time of our own, since the journal has one."""
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=level.upper(), format=f"{stamp}%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it reports every look at the schema


def prepare(settings: Settings) -> Recovered:
    """What `_prepare` runs."""
    application = app.compose(settings)
    try:
        return app.make_ready(application)
    finally:
        application.close()
