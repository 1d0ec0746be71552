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
from kmipd.protocol.wire import invalid, pack_head, pack_length_into, unpack_head
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import NotInVersion, ProtocolError
from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag

Reader = Callable[["Field", bytes, int, int, int, Limits], Any]
Writer = Callable[["Field", Any, bytearray], None]


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
        "convert",
        "droppable",
        "empty",
        "head",
        "many",
        "members",
        "name",
        "newer_bits",
        "plan",
        "read",
        "refused",
        "required",
        "tag",
        "write",
    )

    def __init__(self, name: str, tag: int, kind: int, read: Reader, write: Writer) -> None:
        self.name = name
        self.tag = tag
        self.head = tag << 8 | kind
        self.read = read
        self.write = write
        self.required = True
        self.many = False
        self.empty: Any = None
        self.choice: Choice | None = None
        self.plan: Plan | None = None
        #: Enumeration members by number.
        self.members: Mapping[int, Any] = {}
        #: Makes a mask out of a number.
        self.convert: Callable[[int], Any] | None = None
        #: Values the version has no word for.
        self.refused: frozenset[Any] = frozenset()
        #: Bits of a mask it has no word for; they are never written.
        self.newer_bits = 0
        #: Whether such a value, or an element holding one, is left out.
        self.droppable = False
        #: What to keep in place of a value that cannot be read.
        self.contain: Callable[[ProtocolError], Any] | None = None


class Plan:
    """One structure's table, compiled for one protocol version."""

    __slots__ = ("absent", "build", "fields", "name", "take")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: tuple[Field, ...] = ()
        self.build: Callable[..., Any] = dict
        self.take: Callable[[Any], tuple[Any, ...]] = tuple
        #: Says which field the version lacks has a value, where that is to be refused.
        self.absent: Callable[[Any], str | None] | None = None


# --- reading ------------------------------------------------------------------------------------------


def read_structure(plan: Plan, data: bytes, pos: int, end: int, depth: int, limits: Limits) -> Any:
    """Read the fields between `pos` and `end`, which are a multiple of eight apart.

    So wherever a field may begin there are eight bytes for its head.
    """
    values: list[Any] = []
    found: list[Any] = []
    field: Field | None = None
    head = length = 0  # a head of zero means that the structure is over
    if pos < end:
        head, length = unpack_head(data, pos)
    try:
        for field in plan.fields:
            choice = field.choice
            chosen = field if head == field.head else choice.to_read(head, values) if choice and head else None
            if chosen is None:
                if field.required:
                    raise invalid(_missing(head, field), pos)
                values.append(field.empty)
                continue
            found = []
            while chosen is not None:
                after = pos + 8 + ((length + 7) & -8)
                if after > end:
                    raise invalid("the value runs past its structure", pos)
                value = chosen.read(chosen, data, pos + 8, length, depth, limits)
                pos = after
                if pos < end:
                    head, length = unpack_head(data, pos)
                else:
                    head = 0
                if not field.many:
                    break
                found.append(value)
                if len(found) > limits.items_max:
                    raise invalid(f"more than {limits.items_max} elements", pos)
                chosen = field if head == field.head else choice.to_read(head, values) if choice and head else None
            values.append(tuple(found) if field.many else value)
        field = None
        if head:
            raise invalid(f"unexpected {_tag(head)}", pos)
    except ProtocolError as error:
        if field is not None:
            step = f"{field.name}[{len(found)}]" if field.many else field.name
            error.path = (step, *error.path)
        raise
    return plan.build(*values)


def _missing(head: int, field: Field) -> str:
    if head >> 8 == field.tag and field.tag:
        return f"item type {head & 0xFF:#04x} is not what it holds"
    return f"missing or out of order: {_tag(head)} is in its place" if head else "missing"


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
        value = inner.read(inner, data, start, length, depth, limits)
    except ProtocolError as error:
        error.path = (inner.name, *error.path)
        raise
    return field.plan.build(inner.tag, value)


def unknown_attribute_reader(field: Field, data: bytes, start: int, _length: int, depth: int, limits: Limits) -> Any:
    assert field.plan is not None
    item = read_item(data, start - 8, depth, limits)
    return field.plan.build(item.tag, item)


def enumeration_reader(field: Field, data: bytes, start: int, length: int, _depth: int, _limits: Limits) -> Any:
    number = wire.read_unsigned(data, start, length)
    member = field.members.get(number)
    return number if member is None else member


def closed_enumeration_reader(field: Field, data: bytes, start: int, length: int, _depth: int, _limits: Limits) -> Any:
    """Read an enumeration that shares its place with an Integer, so a bare number would be ambiguous."""
    number = wire.read_unsigned(data, start, length)
    member = field.members.get(number)
    if member is None:
        raise ProtocolError(ResultReason.INVALID_FIELD, f"{number:#x} is not in this enumeration", offset=start)
    return member


def mask_reader(field: Field, data: bytes, start: int, length: int, _depth: int, _limits: Limits) -> Any:
    assert field.convert is not None
    return field.convert(wire.read_integer(data, start, length) & 0xFFFFFFFF)


def scalar_reader(read: Callable[[bytes, int, int], Any]) -> Reader:
    """The reader of a field whose value is what the bytes say."""

    def reader(_field: Field, data: bytes, start: int, length: int, _depth: int, _limits: Limits) -> Any:
        return read(data, start, length)

    return reader


SCALAR_READERS: dict[int, Reader] = {kind: scalar_reader(read) for kind, read in wire.READERS.items()}


# --- writing ------------------------------------------------------------------------------------------


def write_structure(head: int, plan: Plan, value: Any, out: bytearray) -> None:
    """Write `value` as the structure `plan` describes, under `head`."""
    out += pack_head(head, 0)
    mark = len(out)
    if plan.absent is not None and (name := plan.absent(value)):
        raise NotInVersion("this version has no such field", path=(name,))
    values = plan.take(value)
    for field, item in zip(plan.fields, values, strict=True):
        if item is None:
            if field.required:
                raise ProtocolError(ResultReason.GENERAL_FAILURE, "required, but not set", path=(field.name,))
        elif field.many:
            _write_many(field, item, values, out)
        else:
            _write_one(field, item, values, out)
    pack_length_into(out, mark - 4, len(out) - mark)


def _write_one(field: Field, item: Any, values: tuple[Any, ...], out: bytearray) -> None:
    try:
        chosen = field if field.choice is None else field.choice.to_write(item, values)
        if chosen.refused and item in chosen.refused:
            if field.droppable:
                return
            raise NotInVersion(f"this version has no {_said(item)}")
        chosen.write(chosen, item, out)
    except ProtocolError as error:
        error.path = (field.name, *error.path)
        raise


def _write_many(field: Field, items: tuple[Any, ...], values: tuple[Any, ...], out: bytearray) -> None:
    for index, item in enumerate(items):
        mark = len(out)
        try:
            chosen = field if field.choice is None else field.choice.to_write(item, values)
            if chosen.refused and item in chosen.refused:
                raise NotInVersion(f"this version has no {_said(item)}")
            chosen.write(chosen, item, out)
        except NotInVersion as error:
            if not field.droppable:
                error.path = (f"{field.name}[{index}]", *error.path)
                raise
            del out[mark:]
        except ProtocolError as error:
            error.path = (f"{field.name}[{index}]", *error.path)
            raise


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


def mask_writer(field: Field, value: Any, out: bytearray) -> None:
    wire.write_unsigned(field.head, int(value) & 0xFFFFFFFF & ~field.newer_bits, out)


def scalar_writer(write: Callable[[int, Any, bytearray], None]) -> Writer:
    """The writer of a field whose bytes are what the value says."""

    def writer(field: Field, value: Any, out: bytearray) -> None:
        write(field.head, value, out)

    return writer


SCALAR_WRITERS: dict[int, Writer] = {
    **{kind: scalar_writer(write) for kind, write in wire.WRITERS.items()},
    ItemType.TEXT_STRING: scalar_writer(wire.write_text),
    ItemType.BYTE_STRING: scalar_writer(wire.write_bytes),
}
