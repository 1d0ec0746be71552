"""The one reader and the one writer that serve every declared structure.

A `Plan` is a declaration compiled for one protocol version; a `Field` is one row of it and knows how its
own value is read and written.  Nothing here knows KMIP.

Speed is bought in three places: a field in its usual form is found by comparing one number (tag and
type together), its reader is called directly, and objects are built over their slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kmipd.protocol import wire
from kmipd.protocol.items import read_item, write_item
from kmipd.protocol.limits import Limits
from kmipd.protocol.wire import invalid, pack_head, pack_length_into, unpack_head, unpack_unsigned
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import NotInVersion, ProtocolError
from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag

Reader = Callable[["Field", bytes, int, int, int, Limits], Any]
Writer = Callable[["Field", Any, bytearray], None]
Scalar = Callable[[bytes, int, int], Any]
Put = Callable[[int, Any, bytearray], None]


class Choice(Protocol):
    """Decides which of several forms a field has."""

    def to_read(self, head: int, values: list[Any]) -> Field | None:
        """The form that `head` announces, or None when the field is not there."""

    def to_write(self, value: Any, values: tuple[Any, ...]) -> Field:
        """The form for `value`; raises NotInVersion when the version has none."""


class Field:
    """One row of a structure's table."""

    __slots__ = (
        "choice",
        "contain",
        "droppable",
        "empty",
        "head",
        "many",
        "members",
        "name",
        "plain",
        "plan",
        "put",
        "read",
        "refused",
        "required",
        "scalar",
        "tag",
        "write",
    )

    def __init__(self, name: str, tag: int, kind: int, read: Reader, write: Writer) -> None:
        self.name = name
        self.tag = tag
        self.head = tag << 8 | kind
        self.read = read
        self.write = write
        #: How a value that is no structure is read and written: nothing but place, length and head matter.
        self.scalar: Scalar | None = None
        self.put: Put | None = None
        self.required = True
        self.many = False
        self.empty: Any = None
        self.choice: Choice | None = None
        self.plan: Plan | None = None
        #: The same plan, where reading the structure is all there is to do.
        self.plain: Plan | None = None
        #: Enumeration members by number.
        self.members: Mapping[int, Any] = {}
        #: Values the version has no word for.
        self.refused: frozenset[Any] = frozenset()
        #: Whether such a value, or an element holding one, is left out.
        self.droppable = False
        #: What to keep in place of a value that cannot be read.
        self.contain: Callable[[ProtocolError], Any] | None = None


class Plan:
    """One structure's table, compiled for one protocol version."""

    __slots__ = ("absent", "build", "empties", "fields", "name", "next_required", "places", "take")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: tuple[Field, ...] = ()
        #: The field of a head, for fields of one form.
        self.places: dict[int, int] = {}
        #: For every place, and the end, the first required field from there on.
        self.next_required: list[int] = [0]
        self.empties: list[Any] = []
        self.build: Callable[..., Any] = dict
        self.take: Callable[[Any], tuple[Any, ...]] = tuple
        #: Says which field the version lacks has a value, where that is to be refused.
        self.absent: Callable[[Any], str | None] | None = None

    def complete(self, fields: tuple[Field, ...]) -> None:
        """Take the fields, and make the tables that follow from them."""
        self.fields = fields
        self.places = {field.head: place for place, field in enumerate(fields) if field.choice is None}
        self.empties = [field.empty for field in fields]
        following = len(fields)
        self.next_required = [following] * (following + 1)
        for place in reversed(range(following)):
            following = place if fields[place].required else following
            self.next_required[place] = following


# --- reading ------------------------------------------------------------------------------------------


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
        number = wire.read_unsigned(data, start, length)
        member = members.get(number)
        if member is None:
            raise ProtocolError(ResultReason.INVALID_FIELD, f"{number:#x} is not in this enumeration", offset=start)
        return member

    return read


def mask(convert: Callable[[int], Any]) -> Scalar:
    """Read a mask."""

    def read(data: bytes, start: int, length: int) -> Any:
        return convert(wire.read_integer(data, start, length) & 0xFFFFFFFF)

    return read


def not_structural(_field: Field, _data: bytes, start: int, *_rest: Any) -> Any:
    """The structural reader of a scalar field, which is never called."""
    raise invalid("not a structure", start)


# --- writing ------------------------------------------------------------------------------------------


def write_structure(head: int, plan: Plan, value: Any, out: bytearray) -> None:
    """Write `value` as the structure `plan` describes, under `head`."""
    out += pack_head(head, 0)
    mark = len(out)
    if plan.absent is not None and (name := plan.absent(value)):
        raise NotInVersion("this version has no such field", path=(name,))
    values = plan.take(value)
    index = 0
    try:
        for field in plan.fields:
            item = values[index]
            index += 1
            if item is None:
                if field.required:
                    raise ProtocolError(ResultReason.GENERAL_FAILURE, "required, but not set")
            elif field.many:
                if item:
                    _write_many(field, item, values, out)
            elif field.put is not None and (not field.refused or item not in field.refused):
                field.put(field.head, item, out)
            else:
                _write_one(field, item, values, out)
    except ProtocolError as error:
        if not field.many or not error.path:
            error.path = (field.name, *error.path)
        raise
    pack_length_into(out, mark - 4, len(out) - mark)


def _write_one(field: Field, item: Any, values: tuple[Any, ...], out: bytearray) -> None:
    chosen = field if field.choice is None else field.choice.to_write(item, values)
    if chosen.refused and item in chosen.refused:
        if field.droppable:
            return
        raise NotInVersion(f"this version has no {_said(item)}")
    if chosen.put is not None:
        chosen.put(chosen.head, item, out)
    else:
        chosen.write(chosen, item, out)


def _write_many(field: Field, items: tuple[Any, ...], values: tuple[Any, ...], out: bytearray) -> None:
    for index, item in enumerate(items):
        mark = len(out)
        try:
            _write_element(field, item, values, out)
        except ProtocolError as error:
            if isinstance(error, NotInVersion) and field.droppable:
                del out[mark:]
                continue
            error.path = (f"{field.name}[{index}]", *error.path)
            raise


def _write_element(field: Field, item: Any, values: tuple[Any, ...], out: bytearray) -> None:
    chosen = field if field.choice is None else field.choice.to_write(item, values)
    if chosen.refused and item in chosen.refused:
        raise NotInVersion(f"this version has no {_said(item)}")
    if chosen.put is not None:
        chosen.put(chosen.head, item, out)
    else:
        chosen.write(chosen, item, out)


def _said(value: Any) -> str:
    # Only enumeration members and attribute names are ever refused, so nothing secret is said.
    return f"{type(value).__name__}.{value.name}" if hasattr(value, "name") else f'attribute "{value}"'


def structure_writer(field: Field, value: Any, out: bytearray) -> None:
    assert field.plan is not None
    write_structure(field.head, field.plan, value, out)


def item_writer(field: Field, value: Any, out: bytearray) -> None:
    write_item(value, field.tag or value.tag, out)


def attribute_writer(field: Field, value: Any, out: bytearray) -> None:
    assert field.plan is not None
    _write_one(field.plan.fields[0], value.value, (), out)


def unknown_attribute_writer(_field: Field, value: Any, out: bytearray) -> None:
    write_item(value.value, value.tag, out)


def mask_writer(newer_bits: int) -> Put:
    """Write a mask, without the bits the version has no word for."""

    def put(head: int, value: Any, out: bytearray) -> None:
        wire.write_unsigned(head, int(value) & 0xFFFFFFFF & ~newer_bits, out)

    return put


def not_structure(_field: Field, value: Any, _out: bytearray) -> None:
    """The structural writer of a scalar field, which is never called."""
    raise TypeError(f"{type(value).__name__} is not a structure")


PUTS: dict[int, Put] = {
    **{int(kind): write for kind, write in wire.WRITERS.items()},
    ItemType.TEXT_STRING: wire.write_text,
    ItemType.BYTE_STRING: wire.write_bytes,
}


def scalar_field(name: str, tag: int, kind: ItemType, scalar: Scalar | None = None, put: Put | None = None) -> Field:
    """A field that is no structure."""
    field = Field(name, tag, kind, not_structural, not_structure)
    field.scalar = wire.READERS[kind] if scalar is None else scalar
    field.put = PUTS[kind] if put is None else put
    return field
