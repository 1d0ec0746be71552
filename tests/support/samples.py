"""A value for any annotation of `kmipd.spec`: every field set, every enumeration at its youngest member."""

from __future__ import annotations

import typing
from enum import IntEnum, IntFlag
from typing import Any

from kmipd.spec import declare, introduced
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag
from tests.support.vocabulary import newest

TEXT = "sample"
BYTES = b"sample"
NUMBER = 1_000_000_000  # as a date: 2001


def sample(hint: Any) -> Any:
    """A value that says as much as the annotation allows."""
    if typing.get_origin(hint) is typing.Annotated:
        return sample(typing.get_args(hint)[0])
    if typing.get_origin(hint) is tuple:
        return (sample(typing.get_args(hint)[0]),)
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    if options:
        return sample(options[0])
    if hint in _PLAIN:
        return _PLAIN[hint]
    if issubclass(hint, IntEnum):
        return newest(hint)
    if issubclass(hint, IntFlag):
        return max(hint, key=introduced)
    return hint(**{name: sample(kind) for name, kind in declare.hints(hint).items()})


_PLAIN: dict[Any, Any] = {
    bool: True,
    int: NUMBER,
    str: TEXT,
    bytes: BYTES,
    object: Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, TEXT),
    Item: Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, TEXT),
}
