"""Writing secrets and certificates: whole or not at all, and never readable by others."""

from __future__ import annotations

import os
from pathlib import Path

SECRET, PUBLIC = 0o600, 0o644


def write(path: Path, data: bytes, mode: int) -> None:
    """Replace `path` atomically; the data is on the disk before the name points to it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
