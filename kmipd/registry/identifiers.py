"""Identifiers of new objects and keys: UUIDs of version 7, which grow with time (RFC 9562, 5.7 and 6.2, method 3).

The registry keeps identifiers in order. Those of version 4 fall all over its trees: each of a thousand new objects
changes three or four pages of its own, and every one of them is written twice. Those that grow change the last pages.
"""

from __future__ import annotations

import os
import time
from typing import Final

_VERSION: Final = 7 << 76
_VARIANT: Final = 0b10 << 62
_RANDOM_BITS: Final = (1 << 62) - 1  # against two in the same quarter of a microsecond: in another process, say


def new() -> str:
    """One more; the millisecond and its 4,096th part of now, and 62 random bits."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & _RANDOM_BITS
    text = f"{milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | random:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
