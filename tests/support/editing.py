"""Messages changed below the level of types: what no honest writer would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kmipd.protocol import decode_item, encode_item
from kmipd.spec.kinds import Item, ItemType

Change = Callable[[Item], Item | None]


def edited(data: bytes, change: Change) -> bytes:
    """The message with every item passed through `change`, the inner ones first; None takes an item out."""
    item = _edited(decode_item(data), change)
    assert item is not None
    return encode_item(item)


def _edited(item: Item, change: Change) -> Item | None:
    if isinstance(item.value, tuple):
        children = tuple(new for child in item.value if (new := _edited(child, change)) is not None)
        item = Item(item.tag, item.kind, children)
    return change(item)


def structure(tag: int, *children: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, children)


def walk(item: Item) -> Iterator[Item]:
    """The item and all that is in it, in order."""
    yield item
    if isinstance(item.value, tuple):
        for child in item.value:
            yield from walk(child)


def child(item: Item, tag: int) -> Item | None:
    """The first direct child of that tag."""
    assert isinstance(item.value, tuple)
    return next((one for one in item.value if one.tag == tag), None)
