"""How a table of the standard becomes a class.

    @structure
    class RequestHeader:
        protocol_version: ProtocolVersion                                  # a structure, required
        maximum_response_size: int | None = None                           # Integer, optional
        client_correlation_value: Annotated[str | None, since(V1_4)] = None
        batch_count: int                                                   # the order is the standard's

The field name gives the tag, the annotation the item type, `| None` optionality, a tuple repetition, the
markers below everything else.  `kmipd.protocol.schema` reads it; nothing here does.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, TypeAlias, TypeVar, dataclass_transform

from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag
from kmipd.spec.values import frozen, quick
from kmipd.spec.versions import Version

T = TypeVar("T")

# The item types that share a Python type with another one.
LongInteger: TypeAlias = Annotated[int, ItemType.LONG_INTEGER]
BigInteger: TypeAlias = Annotated[int, ItemType.BIG_INTEGER]
DateTime: TypeAlias = Annotated[int, ItemType.DATE_TIME]
"""Seconds since 1970-01-01T00:00:00Z."""
DateTimeExtended: TypeAlias = Annotated[int, ItemType.DATE_TIME_EXTENDED]
"""Microseconds since 1970-01-01T00:00:00Z."""
Interval: TypeAlias = Annotated[int, ItemType.INTERVAL]
"""Seconds, unsigned."""


@dataclass(frozen=True, slots=True)
class Since:
    """The field is not in versions before `version`."""

    version: Version


@dataclass(frozen=True, slots=True)
class Until:
    """The field is not in versions after `version`."""

    version: Version


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tag, where the field name does not give it."""

    tag: Tag


@dataclass(frozen=True, slots=True)
class Cases:
    """The type is chosen by the value of an earlier field; `otherwise` when no case fits."""

    on: str
    types: Mapping[Any, Any]
    otherwise: Any


@dataclass(frozen=True, slots=True)
class Inner:
    """A field of the structure below is typed by an earlier field of this one.

    `Inner("key_format_type", "key_material", {...})` on `key_value`: the Key Format Type of the Key
    Block says what the Key Material inside the Key Value is (1.4 §2.1.4).
    """

    on: str
    field: str
    types: Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker that says one thing by being there."""

    meaning: str


#: The value never appears in a repr.
SECRET: Final = Mark("secret")
#: Mandatory in every version that has the field, though None in the others.
NEEDED: Final = Mark("needed")
#: Never left out of an answer: what the version cannot say here must be said otherwise, or refused.
ESSENTIAL: Final = Mark("essential")
#: Written whatever the version has: it repeats what the other side said.
ECHOED: Final = Mark("echoed")
#: The field takes whatever is left in the structure, as Items.
REST: Final = Mark("rest")
#: The strings are 1.x attribute names, so they have versions too.
ATTRIBUTE_NAMES: Final = Mark("attribute names")
#: A failure to read this field becomes its value, so that the rest of the message survives.
CONTAINED: Final = Mark("contained")


def since(version: Version) -> Since:
    """Mark a field that came with `version`."""
    return Since(version)


def until(version: Version) -> Until:
    """Mark a field that went after `version`."""
    return Until(version)


def tagged(tag: Tag) -> Tagged:
    """Give a field a tag its name does not give."""
    return Tagged(tag)


def cases(on: str, types: Mapping[Any, Any], otherwise: Any = None) -> Cases:
    """Type a field by the value of the earlier field `on`."""
    return Cases(on, types, otherwise)


def inner(on: str, field: str, types: Mapping[Any, Any]) -> Inner:
    """Type `field` of the structure below by the value of the earlier field `on` of this one."""
    return Inner(on, field, types)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def structure(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only value with slots, whose repr shows no secret."""
    made = frozen(dataclass(slots=True, kw_only=True, init=False, repr=False, eq=False)(cls))
    if "__repr__" not in cls.__dict__:
        made.__repr__ = _repr  # type: ignore[method-assign]
    return quick(made)


def hints(cls: type) -> dict[str, Any]:
    """The annotations of a structure, evaluated, in the order of the standard's table."""
    found = _hints.get(cls)
    if found is None:
        found = _hints[cls] = _evaluated(cls)
    return found


def _evaluated(cls: type[Any]) -> dict[str, Any]:
    names = [field.name for field in fields(cls)]
    known = typing.get_type_hints(cls, include_extras=True)
    return {name: known[name] for name in names}


def _secrets(cls: type) -> frozenset[str]:
    return frozenset(name for name, hint in hints(cls).items() if SECRET in getattr(hint, "__metadata__", ()))


_hints: Final[dict[type, dict[str, Any]]] = {}


def _repr(self: object) -> str:
    cls: type[Any] = type(self)
    secret = _secrets(cls)
    shown = []
    for name in hints(cls):
        value = getattr(self, name)
        if value is not None and value != ():
            shown.append(f"{name}={'<secret>' if name in secret else _shown(value)}")
    return f"{cls.__name__}({', '.join(shown)})"


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if type(value) is tuple:
        return f"[{', '.join(_shown(one) for one in value)}]"
    return repr(value)
