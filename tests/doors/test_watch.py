"""Requests that are given up: answered once, and changed before that or never."""

from __future__ import annotations

import pytest

from kmipd.core.errors import KmipError
from kmipd.doors.limits import DoorLimits
from kmipd.doors.watch import Watch


class Door:
    """Notes the last words of its connections."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.watch = Watch(
            DoorLimits(answer=10), lambda data, changed: data + (b" changed" if changed else b" unchanged")
        )


def test_an_overdue_request_is_answered_once_by_somebody_else() -> None:
    door = Door()
    request = door.watch.begin(b"get", "peer", door.said.append)
    door.watch.look(request.begun + 9)
    assert door.said == []
    door.watch.look(request.begun + 10)
    door.watch.look(request.begun + 11)
    assert door.said == [b"get unchanged"]
    assert not door.watch.finish(request), "its own thread is not to answer as well"


def test_nothing_is_changed_after_it_was_given_up() -> None:
    door = Door()
    request = door.watch.begin(b"create", "peer", door.said.append)
    door.watch.look(request.begun + 10)
    with pytest.raises(KmipError, match="given up"):
        request.change()


def test_what_was_changed_before_is_said() -> None:
    door = Door()
    request = door.watch.begin(b"destroy", "peer", door.said.append)
    request.change()
    door.watch.look(request.begun + 10)
    assert door.said == [b"destroy changed"]


def test_an_answer_that_is_under_way_is_left_alone() -> None:
    door = Door()
    request = door.watch.begin(b"get", "peer", door.said.append)
    assert request.finish()
    door.watch.look(request.begun + 10)
    assert door.said == []


def test_threads_that_do_not_come_back_are_counted() -> None:
    door = Door()
    requests = [door.watch.begin(b"get", "peer", door.said.append) for _ in range(3)]
    begun = requests[0].begun
    assert door.watch.busy(begun + 5)
    assert not door.watch.busy(begun + 15), "nobody waits for these"
    assert door.watch.hung(begun + 15) == 0, "they may be waiting for a lock"
    assert door.watch.hung(begun + 25) == 3
    door.watch.finish(requests[0])
    assert door.watch.hung(begun + 25) == 2
