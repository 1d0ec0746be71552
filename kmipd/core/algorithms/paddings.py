"""Padding to whole blocks, under the names of the standard."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import padding

from kmipd.core.algorithms.errors import failed
from kmipd.spec.enumerations import PaddingMethod as P

Pad = Callable[[bytes, int], bytes]  # data and the size of a block in bytes


def _library(scheme: Callable[[int], Any]) -> tuple[Pad, Pad]:
    def pad(data: bytes, size: int) -> bytes:
        padder = scheme(size * 8).padder()
        return bytes(padder.update(data) + padder.finalize())

    def unpad(data: bytes, size: int) -> bytes:
        unpadder = scheme(size * 8).unpadder()
        try:
            return bytes(unpadder.update(data) + unpadder.finalize())
        except ValueError:
            raise failed("the data does not decrypt under this key and these parameters") from None

    return pad, unpad


def _pad_iso10126(data: bytes, size: int) -> bytes:
    """Random bytes, the last one says how many (ISO/IEC 10126)."""
    count = size - len(data) % size
    return data + secrets.token_bytes(count - 1) + bytes([count])


def _unpad_iso10126(data: bytes, size: int) -> bytes:
    return _cut(data, data[-1] if data else 0, size)


def _pad_ssl3(data: bytes, size: int) -> bytes:
    """The last byte says how many came before it (RFC 6101, 5.2.3.2)."""
    count = size - len(data) % size
    return data + bytes(count - 1) + bytes([count - 1])


def _unpad_ssl3(data: bytes, size: int) -> bytes:
    return _cut(data, data[-1] + 1 if data else 0, size)


def _pad_zeros(data: bytes, size: int) -> bytes:
    """As many zeros as are missing, none where the data is whole: data that ends in zeros does not come back."""
    return data + bytes(-len(data) % size)


def _unpad_zeros(data: bytes, size: int) -> bytes:
    return data[: max(len(data) - size, 0)] + data[-size:].rstrip(b"\0")


def _cut(data: bytes, count: int, size: int) -> bytes:
    if not 0 < count <= min(size, len(data)):
        raise failed("the data does not decrypt under this key and these parameters")
    return data[:-count]


PADDINGS: dict[P, tuple[Pad, Pad]] = {
    P.PKCS5: _library(padding.PKCS7),
    P.ANSI_X9_23: _library(padding.ANSIX923),
    P.ISO10126: (_pad_iso10126, _unpad_iso10126),
    P.SSL3: (_pad_ssl3, _unpad_ssl3),
    P.ZEROS: (_pad_zeros, _unpad_zeros),
}
