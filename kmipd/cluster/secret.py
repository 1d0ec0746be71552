"""Bytes that do not print."""

from __future__ import annotations

import hmac


class Secret:
    """Key material. Its repr is its length; comparing takes the same time whatever the bytes are."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves; for the call that needs them, never for a log."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret has no place in a set or as a key of a dictionary

    def __repr__(self) -> str:
        return f"Secret({len(self._value)} bytes)"
