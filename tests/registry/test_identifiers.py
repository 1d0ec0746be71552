"""Identifiers are UUIDs of version 7 (RFC 9562, 5.7) that grow with time."""

from __future__ import annotations

import time
import uuid

import pytest

from kmipd.registry import identifiers


def test_they_are_uuids_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(identifiers.new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_later_ones_are_greater_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for nanoseconds in (0, 999_999, 1_000_000, 1_000_245, 1_795_757_000_000_000_000, 1_795_757_000_000_000_245):
        monkeypatch.setattr(time, "time_ns", lambda now=nanoseconds: now)
        found.append(identifiers.new())
    assert found == sorted(found)
    assert len({text[:18] for text in found}) == len(found)


def test_two_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_795_757_000_000_000_000)
    assert len({identifiers.new() for _ in range(1_000)}) == 1_000
