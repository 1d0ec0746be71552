"""Frozen values that are made quickly.

The constructor of a frozen dataclass sets every field through `object.__setattr__`, and takes 1.5 µs for nine fields
where a mutable one takes 0.45. A request makes dozens of them: a fifth of its processor time. Here a value
is made as an instance of a twin, a class of the same layout that is not frozen, and becomes what it is when all its
fields are set, before anybody else has it. (Assigning `__class__` between classes of equal slots is Python's own.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, FrozenInstanceError, fields
from operator import attrgetter
from typing import Any, Final, TypeVar

T = TypeVar("T")

_BECOME: Final = object.__dict__["__class__"].__set__  # past the `__setattr__` of a frozen class


def twin(cls: type) -> type:
    """A class of the same layout whose fields can be set."""
    thawed = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__, **thawed})  # type: ignore[attr-defined]


def frozen(cls: type[T]) -> type[T]:
    """Make a dataclass with slots a value: equal by its fields, hashable, not to be changed.

    What `dataclass(frozen=True)` does by compiling five functions for each class, which for two hundred classes is a
    fifth of the start of every command. These are the same functions for all.
    """
    for name, method in _OF_A_VALUE.items():
        setattr(cls, name, method)
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    cls._values = attrgetter(*names) if names else _nothing  # type: ignore[attr-defined]
    return cls


def _refuse_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _nothing(_value: object) -> tuple[()]:
    return ()


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = self.__class__._values
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(self.__class__._values(self))


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_OF_A_VALUE: Final = {
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__eq__": _equal,
    "__hash__": _hash,
    "__getstate__": _state,  # to be copied and pickled past the two above
    "__setstate__": _restore,
}


def quick(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots a quick constructor that takes what its own takes."""
    declared = fields(cls)  # type: ignore[arg-type]
    if hasattr(cls, "__post_init__") or any(f.default_factory is not MISSING for f in declared):
        return cls
    # No field begins with an underscore, so none can hide these.
    env: dict[str, Any] = {"_become": _BECOME, "_mutable": twin(cls), "_cls": cls}
    by_place: list[str] = []
    by_name: list[str] = []
    for field in declared:
        parameter = field.name
        if field.default is not MISSING:
            env[f"_default_{field.name}"] = field.default
            parameter += f"=_default_{field.name}"
        (by_name if field.kw_only else by_place).append(parameter)
    parameters = ", ".join(["self", *by_place, *(["*", *by_name] if by_name else [])])
    lines = [f"def __init__({parameters}):", " _become(self, _mutable)"]
    lines += assignments("self", [field.name for field in declared])
    exec("\n".join([*lines, " self.__class__ = _cls"]), env)  # noqa: S102 - names of our own declarations, nothing else
    made = env["__init__"]
    made.__annotations__ = {field.name: field.type for field in declared} | {"return": None}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def assignments(value: str, names: Sequence[str]) -> list[str]:
    """The statements that set fields from variables of the same names."""
    return [f" {value}.{name} = {name}" for name in names]
