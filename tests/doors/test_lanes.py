"""A slow lane holds all threads but one; a fast lane, and a lane alone, as many as there are."""

from __future__ import annotations

from kmipd.doors.lanes import SLOW_SECONDS, Lanes

SLOW, FAST = SLOW_SECONDS * 3, SLOW_SECONDS / 10


def lanes(**pace: float) -> Lanes[str]:
    """Lanes that have each had one request of this many seconds."""
    made: Lanes[str] = Lanes()
    for lane, seconds in pace.items():
        assert made.enter(lane, 1, "")
        made.leave(lane, seconds)
    return made


def test_a_slow_lane_leaves_a_thread_for_the_others() -> None:
    both = lanes(slow=SLOW, fast=FAST)
    assert [both.enter("slow", 4, f"request {n}") for n in range(5)] == [True, True, True, False, False]
    assert both.crowded
    assert both.enter("fast", 4, "other")
    assert both.next(4) is None, "nobody has left yet"
    both.leave("slow", SLOW)
    assert both.next(4) == "request 3", "in the order in which they came"


def test_another_thread_makes_room() -> None:
    both = lanes(slow=SLOW, fast=FAST)
    assert both.enter("slow", 2, "first")
    assert not both.enter("slow", 2, "second")
    assert both.next(2) is None
    assert both.next(3) == "second"
    assert not both.crowded


def test_one_thread_is_for_everybody() -> None:
    assert lanes(slow=SLOW, fast=FAST).enter("slow", 1, "")


def test_a_fast_lane_is_not_limited() -> None:
    both = lanes(slow=SLOW, fast=FAST)
    assert all(both.enter("fast", 2, "") for _ in range(10))


def test_a_lane_alone_is_not_limited() -> None:
    alone = lanes(slow=SLOW)
    assert all(alone.enter("slow", 2, "") for _ in range(10))


def test_a_lane_that_is_fast_again_is_let_go() -> None:
    both = lanes(slow=SLOW, fast=FAST)
    for _ in range(100):
        assert both.enter("slow", 4, "")
        both.leave("slow", FAST)
    assert all(both.enter("slow", 2, "") for _ in range(10))
