"""Which enumeration or mask an item's number is a word of, found in the declarations.

JSON and XML say words where TTLV says numbers, so they need to know what TTLV need not. One enumeration belongs to
every tag wherever it stands; only an Attribute Value of 1.x is what the Attribute Name before it says.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Mapping
from enum import IntEnum, IntFlag
from typing import Any, TypeAlias

from kmipd.protocol import annotations as hints
from kmipd.spec import declare as d
from kmipd.spec.attributes import ATTRIBUTES
from kmipd.spec.messages import RequestMessage, ResponseMessage
from kmipd.spec.tags import Tag

Words: TypeAlias = type[IntEnum] | type[IntFlag]


@functools.cache
def by_tag() -> Mapping[int, Words]:
    """The words of every tag that has any, but Attribute Value."""
    found = {tag: cls for tag, cls in uses() if tag is not Tag.ATTRIBUTE_VALUE}
    return {int(tag): cls for tag, cls in found.items()}


@functools.cache
def by_attribute() -> Mapping[str, Words]:
    """The words of the Attribute Value that follows an Attribute Name of 1.x."""
    found = {rule.name: next(_words(rule.tag, rule.type, set()), None) for rule in ATTRIBUTES.values()}
    return {name: use[1] for name, use in found.items() if use is not None and use[0] is not None}


def uses() -> Iterator[tuple[Tag, Words]]:
    """Every place of the declarations that holds a word, with the tag it stands under."""
    seen: set[type] = set()
    for message in (RequestMessage, ResponseMessage):
        yield from _words(None, message, seen)
    for rule in ATTRIBUTES.values():
        yield from _words(rule.tag, rule.type, seen)


def _words(tag: Tag | None, hint: Any, seen: set[type]) -> Iterator[tuple[Tag, Words]]:
    for mark in hints.marks(hint):
        if isinstance(mark, d.Tagged):
            tag = mark.tag
    for mark in hints.marks(hint):
        if isinstance(mark, d.Cases | d.Inner):
            for narrower in mark.types.values():
                yield from _words(tag, narrower, seen)
    bare = hints.bare(hint)
    if hints.is_union(bare) or typing.get_origin(bare) is tuple:
        for option in typing.get_args(bare):
            yield from _words(tag, option, seen)
    elif not isinstance(bare, type):
        return
    elif issubclass(bare, IntEnum | IntFlag):
        if tag is not None:
            yield tag, bare
    elif hints.is_structure(bare) and bare not in seen:
        seen.add(bare)
        for name, field in d.hints(bare).items():
            yield from _words(Tag.__members__.get(name.upper()), field, seen)
