"""Plans unrolled into straight-line code, as `dataclasses` makes constructors: half the time for the usual message.

What is made here knows the regular case only. On anything else (an odd length, an item out of order, a word that the
version does not have) it gives up, and `read` and `write` ask the generic reader and writer, which are the reference:
they find the value after all, or say what is wrong and where. So nothing here explains an error, and nothing here may
accept what they would not. The source consists of numbers and of names of our own; no word of a peer enters it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kmipd.protocol import wire
from kmipd.protocol.limits import Limits
from kmipd.protocol.plan import Field, Plan
from kmipd.protocol.reading import read_structure
from kmipd.protocol.writing import write_structure
from kmipd.spec.errors import ProtocolError


class Irregular(Exception):
    """Something the generated code does not know: not necessarily an error."""


def read(plan: Plan, data: bytes, pos: int, end: int, depth: int, limits: Limits) -> Any:
    """As `reading.read_structure`. A message that is irregular anywhere is read twice, never more often."""
    try:
        return plan.read(data, pos, end, depth, limits)
    except (Irregular, ProtocolError, UnicodeDecodeError):
        return read_structure(plan, data, pos, end, depth, limits)


def write(head: int, plan: Plan, value: Any) -> bytes:
    """As `writing.write_structure`, into bytes of its own."""
    out = bytearray()
    try:
        plan.write(head, value, out)
    except (Irregular, ProtocolError):
        out = bytearray()
        write_structure(head, plan, value, out)
    return bytes(out)


def prepare(plan: Plan) -> None:
    """Have the code of a plan made when it is first needed: there are thousands of plans, and few of them are used."""

    def first_read(*arguments: Any) -> Any:
        plan.read = reader(plan)
        return plan.read(*arguments)

    def first_write(*arguments: Any) -> None:
        plan.write = writer(plan)
        plan.write(*arguments)

    plan.read, plan.write = first_read, first_write


def _made(lines: list[str], name: str, env: dict[str, Any]) -> Callable[..., Any]:
    exec("\n".join(lines), env)  # noqa: S102 - see above
    made: Callable[..., Any] = env[name]
    return made


# Reading -----------------------------------------------------------------------------------------------------

_NEXT: Final = "head, length = head_at(data, pos) if pos < end else (0, 0)"
_STEP: Final = ["start = pos + 8", "pos = start + (length + 7 & -8)", "if pos > end: raise Irregular"]
_FORM: Final = [  # the value of a field whose form was chosen by what was read before
    "if form.scalar is not None: {v} = form.scalar(data, start, length)",
    "elif form.structure is not None:",
    " if depth <= 0 or length & 7: raise Irregular",
    " {v} = form.structure.read(data, start, pos, depth - 1, limits)",
    "else: {v} = form.read(form, data, start, length, depth, limits)",
]
#: The expression in place of a function of `wire`, and the length it needs.
_READ: Final[dict[Any, tuple[str, int | None]]] = {
    wire.read_integer: ("integer_at(data, start)[0]", 4),
    wire.read_unsigned: ("unsigned_at(data, start)[0]", 4),
    wire.read_long: ("long_at(data, start)[0]", 8),
    wire.read_boolean: ("long_at(data, start)[0] != 0", 8),
    wire.read_text: ("str(data[start:start + length], 'utf-8')", None),
    wire.read_bytes: ("data[start:start + length]", None),
}
_READ_ENV: Final = {
    "Irregular": Irregular,
    "head_at": wire.unpack_head,
    "integer_at": wire.unpack_integer,
    "unsigned_at": wire.unpack_unsigned,
    "long_at": wire.unpack_long,
}


def reader(plan: Plan) -> Callable[..., Any]:
    """(data, pos, end, depth, limits) -> the structure."""
    env: dict[str, Any] = {**_READ_ENV, "build": plan.build}
    lines = ["def read(data, pos, end, depth, limits):", f" {_NEXT}"]
    for n, field in enumerate(plan.fields):
        lines += [f" {line}" for line in _read_field(n, field, env)]
    lines += [
        " if pos != end: raise Irregular",
        f" return build({', '.join(f'v{n}' for n in range(len(plan.fields)))})",
    ]
    return _made(lines, "read", env)


def _read_field(n: int, field: Field, env: dict[str, Any]) -> list[str]:
    condition = f"head == {field.head}"
    if field.choice is not None:
        env[f"choose{n}"] = field.choice.to_read if field.choice.by_head is None else field.choice.by_head.get
        before = "".join(f"v{m}, " for m in range(n))
        chosen = f"choose{n}(head, ({before}))" if field.choice.by_head is None else f"choose{n}(head)"
        condition = f"pos < end and (form := {chosen}) is not None"
    if field.many:
        body = [*_STEP, *_read_value("item", n, field, env), "found.append(item)", _NEXT]
        loop = ["if len(found) >= limits.items_max: raise Irregular", *body]
        return ["found = []", f"while {condition}:", *(f" {line}" for line in loop), f"v{n} = tuple(found)"]
    absent = "raise Irregular" if field.required else f"v{n} = None"
    body = [*_STEP, *_read_value(f"v{n}", n, field, env), _NEXT]
    return [f"if {condition}:", *(f" {line}" for line in body), f"else: {absent}"]


def _read_value(v: str, n: int, field: Field, env: dict[str, Any]) -> list[str]:
    if field.choice is not None:
        return [line.format(v=v) for line in _FORM]
    if field.structure is not None:
        env[f"plan{n}"] = field.structure
        check = "if depth <= 0 or length & 7: raise Irregular"
        return [check, f"{v} = plan{n}.read(data, start, pos, depth - 1, limits)"]
    if field.open:
        env[f"members{n}"] = field.members.get
        number = f"number = {_READ[wire.read_unsigned][0]}"
        return ["if length != 4: raise Irregular", number, f"{v} = members{n}(number, number)"]
    if field.scalar in _READ:
        expression, size = _READ[field.scalar]
        return [*([] if size is None else [f"if length != {size}: raise Irregular"]), f"{v} = {expression}"]
    env[f"scalar{n}"] = field.scalar
    return [f"{v} = scalar{n}(data, start, length)"]


# Writing -----------------------------------------------------------------------------------------------------

_PUT_FORM: Final = [
    "if form.refused and {v} in form.refused: raise Irregular",
    "if form.put is not None: form.put(form.head, {v}, out)",
    "elif form.structure is not None: form.structure.write(form.head, {v}, out)",
    "else: form.write(form, {v}, out)",
]
_PUT_RAW: Final = ["out += pack_head({head}, len(raw))", "out += raw", "if len(raw) & 7: out += PADDING[len(raw) & 7]"]
#: The statements in place of a function of `wire`.
_PUT: Final[dict[Any, list[str]]] = {
    wire.write_integer: ["out += pack_integer({head}, 4, {v})"],
    wire.write_unsigned: ["out += pack_unsigned({head}, 4, {v})"],
    wire.write_long: ["out += pack_long({head}, 8, {v})"],
    wire.write_boolean: ["out += pack_long({head}, 8, 1 if {v} else 0)"],
    wire.write_text: ["raw = {v}.encode()", *_PUT_RAW],
    wire.write_bytes: ["raw = {v}", *_PUT_RAW],
}
_WRITE_ENV: Final = {
    "Irregular": Irregular,
    "pack_head": wire.pack_head,
    "pack_integer": wire.pack_integer,
    "pack_unsigned": wire.pack_unsigned,
    "pack_long": wire.pack_long,
    "pack_length_into": wire.pack_length_into,
    "PADDING": wire.PADDING,
}


def writer(plan: Plan) -> Callable[..., None]:
    """(head, value, out): append the structure to `out`."""
    env: dict[str, Any] = {**_WRITE_ENV, "take": plan.take, "absent": plan.absent}
    lines = ["def write(head, value, out):", " out += pack_head(head, 0)", " mark = len(out)"]
    if plan.absent is not None:
        lines.append(" if absent(value): raise Irregular")
    if plan.fields:
        lines.append(f" {''.join(f'v{n}, ' for n in range(len(plan.fields)))}= take(value)")
    for n, field in enumerate(plan.fields):
        lines += [f" {line}" for line in _write_field(n, field, env)]
    return _made([*lines, " pack_length_into(out, mark - 4, len(out) - mark)"], "write", env)


def _write_field(n: int, field: Field, env: dict[str, Any]) -> list[str]:
    if field.many:
        return [f"for item in v{n}:", *(f" {line}" for line in _write_value("item", n, field, env))]
    value = _write_value(f"v{n}", n, field, env)
    if field.required:
        return [f"if v{n} is None: raise Irregular", *value]
    return [f"if v{n} is not None:", *(f" {line}" for line in value)]


def _write_value(v: str, n: int, field: Field, env: dict[str, Any]) -> list[str]:
    if field.choice is not None:
        put = [line.format(v=v) for line in _PUT_FORM]
        if field.choice.by_type is not None:
            env[f"choose{n}"] = field.choice.by_type.get
            return [f"form = choose{n}(type({v}))", "if form is None: raise Irregular", *put]
        env[f"choose{n}"] = field.choice.to_write
        before = "".join(f"v{m}, " for m in range(n))
        return [f"form = choose{n}({v}, ({before}))", *put]
    if field.structure is not None:
        env[f"plan{n}"] = field.structure
        return [f"plan{n}.write({field.head}, {v}, out)"]
    refused = []
    if field.refused:
        env[f"refused{n}"] = field.refused
        refused = [f"if {v} in refused{n}: raise Irregular"]
    if field.put in _PUT:
        return [*refused, *(line.format(head=field.head, v=v) for line in _PUT[field.put])]
    env[f"put{n}"] = field.put
    return [*refused, f"put{n}({field.head}, {v}, out)"]
