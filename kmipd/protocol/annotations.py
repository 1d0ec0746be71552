"""What an evaluated annotation says."""

from __future__ import annotations

import types
import typing
from typing import Any

from kmipd.spec.kinds import Item


def marks(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


def union(options: tuple[Any, ...]) -> Any:
    return options[0] if len(options) == 1 else typing.Union[options]  # noqa: UP007 - made at run time


def is_structure(hint: Any) -> bool:
    return hasattr(bare(hint), "__dataclass_fields__") and bare(hint) is not Item
