"""A PIN that was refused is never tried again by ourselves: real tokens lock or erase themselves after a few attempts.

The latch remembers a slow hash of each refused PIN; when the source yields another PIN, that one is tried, once. With a
file beside the token's lock file the latch holds for all worker processes and across restarts, since ten workers that
each try once, and are each replaced, are as bad as a loop.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_ROUNDS = 200_000  # some 60 ms per guess; only computed while a refused PIN is remembered
_SALT = 16
_ENTRY = _SALT + 32  # salt and hash
_ENTRIES_MAX = 8  # a change that was interrupted has two candidates; the operator may mistype a few more


class PinLatch:
    """Remembers the refused PINs of one token."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._refused = b""  # entries, one behind the other
        self._stored = False  # whether the file has them too

    def blocks(self, pin: str) -> bool:
        """Whether this very PIN has been refused."""
        record = self._record()
        entries = [record[at : at + _ENTRY] for at in range(0, len(record) - _SALT, _ENTRY)]
        return any(hmac.compare_digest(entry[_SALT:], _digest(pin, entry[:_SALT])) for entry in entries)

    def refuse(self, pin: str) -> None:
        """Remember that the token refused this PIN."""
        salt = secrets.token_bytes(_SALT)
        self._refused = (self._record() + salt + _digest(pin, salt))[-_ENTRY * _ENTRIES_MAX :]
        if self.path is None:
            return
        self._stored = False
        with contextlib.suppress(OSError):  # this process remembers it all the same
            self._store(self.path)
            self._stored = True

    def _store(self, path: Path) -> None:
        """All of it or nothing: a file that was cut short would vouch for the PIN. On the disk before the next try."""
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._refused)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise

    def clear(self) -> None:
        """A login succeeded, or the operator vouches for the PIN."""
        self._refused, self._stored = b"", False
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _record(self) -> bytes:
        if self.path is None:
            return self._refused
        try:
            found = self.path.read_bytes()
        except FileNotFoundError:
            if self._stored:  # the operator has removed it
                self._refused, self._stored = b"", False
            return self._refused
        except OSError:
            return self._refused
        return found if self._stored else found + self._refused  # what the disk did not take counts all the same


def latch_of(lock_file: Path | None) -> PinLatch:
    """The latch of the token with this lock file: beside it, for all processes."""
    return PinLatch(lock_file and lock_file.with_name(lock_file.name + ".pin-refused"))


def _digest(pin: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, _ROUNDS)
