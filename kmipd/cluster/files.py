"""Files that hold secrets: never readable by others, never half written, really gone when wiped."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from kmipd.cluster.errors import ClusterError

SECRET, PUBLIC, PRIVATE_DIRECTORY = 0o600, 0o644, 0o700


def private_directory(path: Path) -> Path:
    """Make the directory, or take one that is there; only its owner may look into it."""
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    path.chmod(PRIVATE_DIRECTORY)
    return path


def write(path: Path, data: bytes, mode: int = SECRET) -> None:
    """Put the whole file in place or none of it, and have it survive a power cut."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def wipe(path: Path) -> None:
    """Overwrite and remove; nothing happens when it is gone already.

    A file system that copies on write keeps the old bytes; that is why a cluster that matters uses external keys.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DirectoryLock:
    """One process per cluster directory; the kernel lets go of it however that process ends."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SECRET)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ClusterError(f"{directory} is in use by another process; stop that one first") from None

    def release(self) -> None:
        os.close(self._descriptor)
