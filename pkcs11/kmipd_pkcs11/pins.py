"""A PIN that was refused is never tried again by ourselves: real tokens lock or erase themselves after a few attempts.

The latch remembers a slow hash of the refused PIN; when the source yields another PIN, that one is tried, once. With a
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


class PinLatch:
    """Remembers the refused PIN of one token."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._refused = b""  # salt and hash
        self._stored = False  # whether the file has it too

    def blocks(self, pin: str) -> bool:
        """Whether this very PIN has been refused."""
        record = self._record()
        if len(record) <= _SALT:
            return False
        return hmac.compare_digest(record[_SALT:], _digest(pin, record[:_SALT]))

    def refuse(self, pin: str) -> None:
        """Remember that the token refused this PIN."""
        salt = secrets.token_bytes(_SALT)
        self._refused = salt + _digest(pin, salt)
        if self.path is None:
            return
        with contextlib.suppress(OSError):  # this process remembers it all the same
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._refused)
            self._stored = True

    def clear(self) -> None:
        """A login succeeded, or the operator vouches for the PIN."""
        self._refused = b""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _record(self) -> bytes:
        if self.path is None:
            return self._refused
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            if self._stored:  # the operator has removed it
                self._refused, self._stored = b"", False
            return self._refused
        except OSError:
            return self._refused


def _digest(pin: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, _ROUNDS)
