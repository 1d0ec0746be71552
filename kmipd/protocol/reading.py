"""The one reader that serves every declared structure.

Speed is bought in three places: an item finds its field by one look-up of tag and type together, scalars
are read by the functions of `wire` directly, and objects are built over their slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kmipd.protocol.items import read_item
from kmipd.protocol.limits import Limits
from kmipd.protocol.plan import Field, Plan, Scalar
from kmipd.protocol.wire import invalid, read_integer, read_unsigned, unpack_head, unpack_unsigned
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import ProtocolError
from kmipd.spec.tags import Tag


def read_structure(plan: Plan, data: bytes, pos: int, end: int, depth: int, limits: Limits) -> Any:
    """Read the items between `pos` and `end`, which are a multiple of eight apart.

    So wherever an item may begin there are eight bytes for its head.  The work is for the items that are
    there; a field that is not keeps the empty value the list begins with.
    """
    values = plan.empties.copy()
    at = 0  # the first field that may still come
    field: Field | None = None
    try:
        while pos < end:
            field = None
            head, length = unpack_head(data, pos)
            place = plan.places.get(head, -1)
            if place >= at:
                chosen = plan.fields[place]
            else:
                place, chosen = _search(plan, at, head, values, pos)
            field = plan.fields[place]
            if plan.next_required[at] < place:
                field = plan.fields[plan.next_required[at]]
                raise invalid(_missing(head, field), pos)
            at = place + 1
            if field.many:
                values[place], pos = _read_many(field, chosen, values, data, pos, end, depth, limits)
                continue
            after = pos + 8 + ((length + 7) & -8)
            if after > end:
                raise invalid("the value runs past its structure", pos)
            if chosen.scalar is not None:
                values[place] = chosen.scalar(data, pos + 8, length)
            elif chosen.plain and depth > 0 and not length & 7:
                values[place] = read_structure(chosen.plain, data, pos + 8, after, depth - 1, limits)
            else:
                values[place] = chosen.read(chosen, data, pos + 8, length, depth, limits)
            pos = after
        if plan.next_required[at] < len(values):
            field = plan.fields[plan.next_required[at]]
            raise invalid("missing", pos)
    except ProtocolError as error:
        if field is not None:
            inside = error.path if field.many else ("", *error.path)
            error.path = (field.name + "".join(inside[:1]), *inside[1:])
        raise
    return plan.build(*values)


def _search(plan: Plan, at: int, head: int, values: list[Any], pos: int) -> tuple[int, Field]:
    """The field with several forms that takes `head`."""
    for place in range(at, len(plan.fields)):
        choice = plan.fields[place].choice
        if choice is not None and (chosen := choice.to_read(head, values)) is not None:
            return place, chosen
    for field in plan.fields[at:]:
        if field.tag == head >> 8:
            raise ProtocolError(ResultReason.INVALID_MESSAGE, _missing(head, field), path=(field.name,), offset=pos)
    raise invalid(f"unexpected {_tag(head)}", pos)


def _read_many(
    field: Field,
    chosen: Field | None,
    values: list[Any],
    data: bytes,
    pos: int,
    end: int,
    depth: int,
    limits: Limits,
) -> tuple[tuple[Any, ...], int]:
    """Read the elements of a list; also where it ends."""
    found: list[Any] = []
    head, length = unpack_head(data, pos)
    try:
        while chosen is not None:
            after = pos + 8 + ((length + 7) & -8)
            if after > end:
                raise invalid("the value runs past its structure", pos)
            if len(found) >= limits.items_max:
                raise invalid(f"more than {limits.items_max} elements", pos)
            if chosen.scalar is not None:
                found.append(chosen.scalar(data, pos + 8, length))
            else:
                found.append(chosen.read(chosen, data, pos + 8, length, depth, limits))
            pos = after
            if pos >= end:
                break
            head, length = unpack_head(data, pos)
            if head == field.head:
                chosen = field
            else:
                chosen = None if field.choice is None else field.choice.to_read(head, values)
    except ProtocolError as error:
        error.path = (f"[{len(found)}]", *error.path)
        raise
    return tuple(found), pos


def _missing(head: int, field: Field) -> str:
    if head >> 8 == field.tag and field.tag:
        return f"item type {head & 0xFF:#04x} is not what it holds"
    return f"missing or out of order: {_tag(head)} is in its place"


def _tag(head: int) -> str:
    number = head >> 8
    return Tag(number).name if number in Tag._value2member_map_ else f"tag {number:06X}"


def structure_reader(field: Field, data: bytes, start: int, length: int, depth: int, limits: Limits) -> Any:
    if length & 7:
        raise invalid(f"a Structure of {length} bytes", start)
    if depth <= 0:
        raise invalid(f"nested deeper than {limits.nesting_depth_max}", start)
    assert field.plan is not None
    return read_structure(field.plan, data, start, start + length, depth - 1, limits)


def contained_reader(field: Field, data: bytes, start: int, length: int, depth: int, limits: Limits) -> Any:
    """Read a structure; what goes wrong inside stays inside (real-clients §2, rule 10)."""
    assert field.contain is not None
    try:
        return structure_reader(field, data, start, length, depth, limits)
    except ProtocolError as error:
        return field.contain(error)


def item_reader(_field: Field, data: bytes, start: int, _length: int, depth: int, limits: Limits) -> Any:
    return read_item(data, start - 8, depth, limits)


def attribute_reader(field: Field, data: bytes, start: int, length: int, depth: int, limits: Limits) -> Any:
    """Read an attribute and put it under its tag."""
    assert field.plan is not None
    inner = field.plan.fields[0]
    try:
        if inner.scalar is not None:
            value = inner.scalar(data, start, length)
        else:
            value = inner.read(inner, data, start, length, depth, limits)
    except ProtocolError as error:
        error.path = (inner.name, *error.path)
        raise
    return field.plan.build(inner.tag, value)


def unknown_attribute_reader(field: Field, data: bytes, start: int, _length: int, depth: int, limits: Limits) -> Any:
    assert field.plan is not None
    item = read_item(data, start - 8, depth, limits)
    return field.plan.build(item.tag, item)


def open_enumeration(members: Mapping[int, Any]) -> Scalar:
    """Read an enumeration; a number no version lists stays a number."""

    def read(data: bytes, start: int, length: int) -> Any:
        if length != 4:
            raise invalid(f"an Enumeration of {length} bytes", start)
        number = unpack_unsigned(data, start)[0]
        member = members.get(number)
        return number if member is None else member

    return read


def closed_enumeration(members: Mapping[int, Any]) -> Scalar:
    """Read an enumeration that shares its place with an Integer, so a bare number would be ambiguous."""

    def read(data: bytes, start: int, length: int) -> Any:
        number = read_unsigned(data, start, length)
        member = members.get(number)
        if member is None:
            raise ProtocolError(ResultReason.INVALID_FIELD, f"{number:#x} is not in this enumeration", offset=start)
        return member

    return read


def mask(convert: Callable[[int], Any]) -> Scalar:
    """Read a mask."""

    def read(data: bytes, start: int, length: int) -> Any:
        return convert(read_integer(data, start, length) & 0xFFFFFFFF)

    return read


def not_structural(_field: Field, _data: bytes, start: int, *_rest: Any) -> Any:
    """The structural reader of a scalar field, which is never called."""
    raise invalid("not a structure", start)
