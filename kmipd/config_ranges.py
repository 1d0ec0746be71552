"""Between what every number of kmipd.toml must lie, and which numbers must not exceed which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_DAY, _YEAR = 86_400, 366 * 86_400
_SECONDS: Final = (0.1, _DAY)  # a time-out that nobody can keep would refuse everybody

#: Both ends are allowed. Every number has an entry.
RANGES: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "server": {"port": (0, 65535), "workers": (1, 256)},
    "store": {"sessions_max": (1, 4096), "release_kek_uses_max": (1, 1_000_000)},
    "keys": {"lease_time_seconds": (0, _YEAR), "rsa_bits_min": (1024, 8192), "certify_days": (1, 3650)},
    "limits": {
        "threads_min": (1, 1024),
        "threads_max": (1, 1024),
        "connections_max": (1, 1_000_000),
        "connections_per_client_max": (1, 1_000_000),
        "rate_per_client_max": (0, 1_000_000),  # 0 is no limit
        "handshake": _SECONDS,
        "idle": (0.1, _YEAR),
        "request": _SECONDS,
        "answer": _SECONDS,
        "hung_max": (1, 1024),
        "silence": (1, _DAY),  # workers say several times a second that they are alive
        "write": _SECONDS,
        "drain": (0, _DAY),
        "drain_idle": (0, _DAY),
        "recheck": (0, _DAY),  # 0 looks before every request
    },
    "messages": {
        "message_size_max": (1024, 1 << 30),
        "text_size_max": (1024, 1 << 30),
        "nesting_depth_max": (12, 128),  # KMIP itself needs twelve; Python's recursion limit is far above the other
        "batch_count_max": (1, 100_000),
        "items_max": (128, 10_000_000),  # a Get Attributes has about a hundred
    },
}

#: The first must not be above the second.
ORDERED: Final = (
    ("limits", "threads_min", "threads_max"),
    ("limits", "hung_max", "threads_max"),  # else a worker is out of threads before it is replaced
)


def problems(settings: object) -> Iterator[tuple[str, str, str]]:
    """Table, key and what is wrong with it, of every number that is not where it may be."""
    for table, ranges in RANGES.items():
        section = getattr(settings, table)
        for key, (low, high) in ranges.items():
            if not low <= getattr(section, key) <= high:
                yield table, key, f"must be between {low} and {high}"
    for table, lower, upper in ORDERED:
        section = getattr(settings, table)
        if getattr(section, lower) > getattr(section, upper):
            yield table, lower, f"must not be above {upper}, which is {getattr(section, upper)}"
