"""A moment of fuzzing with hypothesis, from the seeds of the corpus."""

from __future__ import annotations

import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import seeds, words
from tests.fuzz.targets import TARGETS
from tests.protocol.corpus import needs_corpus

_SOME = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def _seeds(target: str) -> list[bytes]:
    return seeds(target)


@st.composite
def mutated(draw: st.DrawFn, target: str) -> bytes:
    """A seed with some places replaced: by nothing, other bytes, a word, or what another seed has there."""
    data = draw(st.sampled_from(_seeds(target)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 2, 4, 8, 40])))
        other = draw(st.sampled_from(_seeds(target)))
        pieces = [st.just(b""), st.binary(max_size=8), st.just(other[start:]), st.just(data[start:end] * 3)]
        if words(target):
            pieces.append(st.sampled_from(words(target)).map(str.encode))
        data = data[:start] + draw(st.one_of(pieces)) + data[end:]
    return data


@needs_corpus
@pytest.mark.parametrize("target", TARGETS)
def test_a_mutated_message(target: str) -> None:
    @_SOME
    @given(mutated(target))
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()


@needs_corpus
@pytest.mark.parametrize("target", TARGETS)
def test_every_seed(target: str) -> None:
    assert len(_seeds(target)) > 100
    for data in _seeds(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
@_SOME
@given(data=st.binary(max_size=200))
def test_any_bytes(target: str, data: bytes) -> None:
    TARGETS[target](data)
