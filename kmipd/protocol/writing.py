"""The one writer that serves every declared structure.

It never says what the version does not know: such a value is left out where the plan allows, else refused.
"""

from __future__ import annotations

from typing import Any

from kmipd.protocol import wire
from kmipd.protocol.items import write_item
from kmipd.protocol.plan import Field, Plan, Put
from kmipd.protocol.wire import pack_head, pack_length_into
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.errors import NotInVersion, ProtocolError
from kmipd.spec.kinds import ItemType


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
