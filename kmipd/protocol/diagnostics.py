"""A message in one line for the log: tags and types, never a value.

RequestMessage(RequestHeader(ProtocolVersion(Integer Integer) BatchCount:Integer) BatchItem(...))
"""

from __future__ import annotations

from typing import Final

from kmipd.protocol.items import decode_item
from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item
from kmipd.spec.names import camel, tag_name
from kmipd.spec.tags import Tag

#: Characters; a log line that long has said enough.
_LENGTH_MAX: Final = 2000


def outline(data: bytes | Item, limits: Limits = DEFAULT_LIMITS) -> str:
    """The structure of a message, also of one that cannot be read."""
    try:
        item = decode_item(data, limits=limits) if isinstance(data, bytes) else data
    except ProtocolError as error:
        assert isinstance(data, bytes)
        return f"<{len(data)} bytes: {error}>"
    text = _outline(item)
    return text if len(text) <= _LENGTH_MAX else f"{text[:_LENGTH_MAX]}…"


def _outline(item: Item) -> str:
    name = tag_name(Tag(item.tag)) if item.tag in Tag._value2member_map_ else f"{item.tag:06X}"
    if isinstance(item.value, tuple):
        return f"{name}({' '.join(_outline(child) for child in item.value)})"
    return f"{name}:{camel(item.kind.name)}"
