"""How the codec makes and takes apart values: fast, and only after every value has been checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntFlag
from operator import attrgetter
from typing import Any, Final

from kmipd.spec.values import assignments, twin

#: Python keeps every combination of flags it ever made; a peer must not be able to grow that for ever.
_COMBINATIONS_MAX: Final = 4096


def builder(cls: type, names: list[str], empties: Mapping[str, Any]) -> Callable[..., Any]:
    """A constructor that takes `names` by position and calls nothing (see `spec.values`).

    The source it is made of holds nothing but field names of our own declarations.
    """
    env: dict[str, Any] = {"_new": object.__new__, "_mutable": twin(cls), "_cls": cls, **empties}
    lines = [f"def build({', '.join(names)}):", " _made = _new(_mutable)", *assignments("_made", [*names, *empties])]
    exec("\n".join([*lines, " _made.__class__ = _cls", " return _made"]), env)  # noqa: S102 - see above
    build: Callable[..., Any] = env["build"]
    return build


def taker(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of `names`, in order."""
    if not names:
        return lambda _value: ()
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda value: (only(value),)
    return attrgetter(*names)


def bounded_mask(cls: type[IntFlag]) -> Callable[[int], IntFlag]:
    """`cls`, without its unbounded memory of combinations."""
    made: dict[int, Any] = cls._value2member_map_

    def convert(number: int) -> IntFlag:
        mask = cls(number)
        if len(made) > _COMBINATIONS_MAX:
            made.pop(number, None)
        return mask

    return convert
