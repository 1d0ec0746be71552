"""The audit log: one JSON line an event, appended with a single write so that lines of several workers never mix.

It holds every event, reads and refusals too; changes stand in the registry as well, in the transaction that made them.
A write to an append-only file survives the death of the process; only a power failure can lose its last lines.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from kmipd.core.model import AuditEvent
from kmipd.core.registry_port import RegistryUnavailable

_quote = json.encoder.encode_basestring  # a JSON string, in C


class AuditLog:
    """An append-only file, reopened on request so that it can be rotated from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, event: AuditEvent) -> None:
        rest = line(event).encode()
        try:
            while rest:  # a disk that is almost full takes a part, and says so only when asked for the rest
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise RegistryUnavailable(f"the audit log {self._path} cannot be written: {error.strerror}") from None

    def reopen(self) -> None:
        """In place: another thread may be about to write to the number, which must never become another file's."""
        fd = self._open()
        os.dup2(fd, self._fd, inheritable=False)
        os.close(fd)

    def close(self) -> None:
        os.close(self._fd)


def line(event: AuditEvent) -> str:
    """The event as a JSON object. Written out: every request writes one, and the encoder costs three times as much."""
    return (
        f'{{"time": {event.time}, "principal": {_quote(event.principal)}, "group": {_quote(event.group)}, '
        f'"operation": {_quote(event.operation)}, "uid": {_quote(event.uid)}, "result": {_quote(event.result)}, '
        f'"reason": {_quote(event.reason)}, "peer": {_quote(event.peer)}, "place": {_quote(event.place)}}}\n'
    )
