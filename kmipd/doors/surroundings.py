"""What a worker asks of the world beyond its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kmipd.core.model import Principal


def _nobody_listens() -> None:
    """There is no supervisor."""


def _no_trouble() -> str:
    return ""


def _no_lane(_: Principal) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Functions that never block."""

    beat: Callable[[], None] = _nobody_listens  # called about once a second: the process is alive
    trouble: Callable[[], str] = _no_trouble  # why it should be replaced although its threads come back, or nothing
    lane: Callable[[Principal], str] = _no_lane  # the key store that this client may keep waiting, if there are several


ALONE = Surroundings()
