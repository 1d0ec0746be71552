"""The audit log: one JSON line an event, appended with a single write so that lines of several workers never mix.

It holds every event, reads and refusals too; changes stand in the registry as well, in the transaction that made them.
A write to an append-only file survives the death of the process; only a power failure can lose its last lines.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from kmipd.core.model import AuditEvent

_FIELDS = tuple(field.name for field in dataclasses.fields(AuditEvent))
_encode = json.JSONEncoder(ensure_ascii=False).encode


class AuditLog:
    """An append-only file, reopened on request so that it can be rotated from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, event: AuditEvent) -> None:
        os.write(self._fd, (_encode({name: getattr(event, name) for name in _FIELDS}) + "\n").encode())

    def reopen(self) -> None:
        old, self._fd = self._fd, self._open()
        os.close(old)

    def close(self) -> None:
        os.close(self._fd)
