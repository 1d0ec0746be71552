"""Item types (1.4 §9.1.1.2, 2.1 §11.23) and the neutral node that any item can be read into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from kmipd.spec.values import quick


class ItemType(IntEnum):
    """The third field of tag, type, length, value."""

    STRUCTURE = 1
    INTEGER = 2
    LONG_INTEGER = 3
    BIG_INTEGER = 4
    ENUMERATION = 5
    BOOLEAN = 6
    TEXT_STRING = 7
    BYTE_STRING = 8
    DATE_TIME = 9
    INTERVAL = 10
    DATE_TIME_EXTENDED = 11


@quick
@dataclass(frozen=True, slots=True)
class Item:
    """One item of any tag and type.

    `value` is a tuple of Items for a structure, bool, str and bytes for their types, and int for all
    others: Date-Time in seconds and Date-Time Extended in microseconds since the epoch (UTC), Interval
    in seconds.
    """

    tag: int
    kind: ItemType
    value: ItemValue

    def __repr__(self) -> str:
        # Values stay out: an item of unknown meaning may well be a secret.
        match self.value:
            case bytes() | str():
                shown = f"<{len(self.value)} {'bytes' if isinstance(self.value, bytes) else 'characters'}>"
            case tuple():
                shown = repr(self.value)
            case _:
                shown = "…"
        return f"Item({self.tag:06X}, {self.kind.name}, {shown})"


ItemValue: TypeAlias = "tuple[Item, ...] | int | str | bytes"
