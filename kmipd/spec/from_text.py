"""Structures of the standard from plain values, as a configuration file has them."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any, TypeVar

from kmipd.spec.declare import hints

T = TypeVar("T")


class NotOfTheStandard(ValueError):
    """A field the structure does not have, or a value it cannot have. The text says which and what it may be."""


def structure_of(cls: type[T], given: dict[str, Any]) -> T:
    """`cls` with the fields of `given`; enumerations by name ("software", "nist-cmvp"), lists for repeated fields."""
    known = hints(cls)
    for name in given:
        if name not in known:
            raise NotOfTheStandard(f"{name} is not known; there are {', '.join(known)}")
    values = {name: _value(name, known[name], value) for name, value in given.items()}
    try:
        return cls(**values)
    except TypeError:
        raise NotOfTheStandard(f"needs {', '.join(_needed(cls))}") from None


def _needed(cls: type[Any]) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]


def _value(name: str, hint: Any, value: Any) -> Any:
    kind = _plain(hint)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise NotOfTheStandard(f"{name} must be a list")
        return tuple(_value(name, typing.get_args(kind)[0], one) for one in value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        names = {member.name.replace("_", "-").lower(): member for member in kind}
        if value not in names:
            raise NotOfTheStandard(f"{name} must be one of {', '.join(names)}")
        return names[value]
    if type(value) is not kind:
        raise NotOfTheStandard(f"{name} must be a {getattr(kind, '__name__', kind)}")
    return value


def _plain(hint: Any) -> Any:
    """Without annotations and without None; of several forms the last, which is the newest."""
    if typing.get_origin(hint) is typing.Annotated:
        return _plain(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _plain([one for one in typing.get_args(hint) if one is not type(None)][-1])
    return hint
