"""Connecting a key store: in a program of its own, so that a module that hangs or crashes harms nobody.

Somebody asks for it by moving the state to CONNECTING. The first worker (or the command itself, when no server runs)
starts `kmipd _connect`, gives it the store's time-out, and settles what it could not say itself: that it crashed, or
took too long. Workers open the store once it is CONNECTED.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmipd.core.failures import FailureReason
from kmipd.core.keystores import ConnectionState, KeyStoreRecord
from kmipd.keystores.auditing import audit
from kmipd.registry import Registry

log = logging.getLogger(__name__)
START_SECONDS = 15.0  # for the program to start, beyond the store's own time-out
_S = ConnectionState


def attempt(registry: Registry, directory: Path, record: KeyStoreRecord) -> None:
    """One attempt to connect `record`, to its end: afterwards it is not CONNECTING any more."""
    command = [sys.executable, "-m", "kmipd", "_connect", "--dir", str(directory), "--store", record.name]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        code = process.wait(record.connect_timeout + START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        settle(registry, record.name, FailureReason.TIMED_OUT, f"no answer within {record.connect_timeout} s")
        return
    except BaseException:  # Ctrl-C does not reach a module that hangs, and what holds the lock keeps the next one out
        process.kill()
        process.wait()
        registry.key_stores.finish(record.name, _S.CONNECTING, _S.DISCONNECTED)
        raise
    if code < 0:
        name = signal.Signals(-code).name
        settle(registry, record.name, FailureReason.MODULE_CRASHED, f"the attempt to connect was ended by {name}")
    elif code:
        settle(registry, record.name, FailureReason.INTERNAL_ERROR, f"the attempt to connect ended with code {code}")


def settle(registry: Registry, name: str, failure: FailureReason | None, why: str = "") -> None:
    """CONNECTING becomes CONNECTED or FAILED, unless somebody has disconnected it meanwhile."""
    state = _S.CONNECTED if failure is None else _S.FAILED
    if registry.key_stores.finish(name, _S.CONNECTING, state, failure, why):
        audit(registry, "CONNECT_STORE", name, reason="" if failure is None else failure.name)
        if failure is None:
            log.info("key store %r is connected", name)
        else:
            log.error("key store %r could not be connected: %s: %s; %s", name, failure.name, why, failure.remedy)


@contextmanager
def alone(directory: Path, name: str) -> Iterator[None]:
    """Keep others from connecting the same store: a PIN must not be rotated twice at a time."""
    descriptor = os.open(directory / f"{name}+connect.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
