"""Steps of a process that is to be killed at one of them: the moment before and the moment after certain calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def watch(methods: Sequence[tuple[type, str]], step: Callable[[], None]) -> None:
    """Have `step` called before and after each call of these methods, from now on."""

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            step()
            result = call(*arguments, **named)
            step()
            return result

        return stepped

    for cls, name in methods:
        setattr(cls, name, around(getattr(cls, name)))
