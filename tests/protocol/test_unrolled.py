"""The generated code against the generic reader and writer, the reference: same value, same bytes, same error.

All other tests of this room run over the generated code; here both are asked, about whole messages and broken ones.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from kmipd.protocol import unrolled
from kmipd.protocol.limits import DEFAULT_LIMITS
from kmipd.protocol.reading import read_structure
from kmipd.protocol.schema import schema
from kmipd.protocol.ttlv import READ_WITH
from kmipd.protocol.writing import write_structure
from kmipd.spec.errors import ProtocolError
from kmipd.spec.messages import RequestMessage, ResponseMessage, Undecodable
from kmipd.spec.tags import Tag
from kmipd.spec.versions import VERSIONS as ALL
from tests.protocol.corpus import VERSIONS, Sample, case_samples, hex_samples, needs_corpus

MUTATIONS = 6


def outcome(call: Any, *arguments: Any) -> Any:
    try:
        result = call(*arguments)
    except ProtocolError as error:
        return said(error)
    for item in getattr(result, "batch_item", ()):
        payload = getattr(item, "request_payload", None)
        if isinstance(payload, Undecodable):
            return said(payload.error), repr(result)
    return result


def said(error: ProtocolError) -> tuple[Any, ...]:
    return type(error), error.reason, str(error), error.path, error.offset


def generic_write(head: int, plan: Any, value: Any) -> bytes:
    out = bytearray()
    write_structure(head, plan, value, out)
    return bytes(out)


def compare(data: bytes, major: int, depth: int = DEFAULT_LIMITS.nesting_depth_max) -> Any:
    cls = RequestMessage if data[:3] == Tag.REQUEST_MESSAGE.to_bytes(3, "big") else ResponseMessage
    plan = schema(READ_WITH[major]).plan(cls)
    span = (plan, data, 8, len(data), depth, DEFAULT_LIMITS)
    found = outcome(unrolled.read, *span)
    assert found == outcome(read_structure, *span)
    return found


def mutated(data: bytes, chance: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 3))):
        place = chance.randrange(8, len(broken))
        broken[place] = chance.choice((0, 1, 4, 8, 0xFF, broken[place] ^ 1 << chance.randrange(8)))
    return bytes(broken)


def check(sample: Sample, major: int, chance: random.Random) -> None:
    message = compare(sample.data, major)
    if isinstance(message, RequestMessage | ResponseMessage):
        head = int.from_bytes(sample.data[:4], "big")
        for version in ALL:
            plan = schema(version).plan(type(message))
            assert outcome(unrolled.write, head, plan, message) == outcome(generic_write, head, plan, message)
    for _ in range(MUTATIONS):
        compare(mutated(sample.data, chance), major)
    compare(sample.data, major, depth=chance.randrange(5))


@needs_corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_test_cases(version: str) -> None:
    chance = random.Random(version)
    for sample in case_samples(version):
        check(sample, int(version[0]), chance)


@needs_corpus
def test_hex_messages() -> None:
    chance = random.Random("hex")
    for sample in hex_samples():
        check(sample, 1, chance)


@needs_corpus
def test_the_generated_code_knows_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, giving up every time would pass unseen."""
    asked: list[object] = []
    monkeypatch.setattr(unrolled, "read_structure", lambda *arguments: asked.append(arguments))
    total = 0
    for sample in case_samples("1.4"):
        request = sample.data[:3] == Tag.REQUEST_MESSAGE.to_bytes(3, "big")
        plan = schema(READ_WITH[1]).plan(RequestMessage if request else ResponseMessage)
        unrolled.read(plan, sample.data, 8, len(sample.data), 32, DEFAULT_LIMITS)
        total += 1
    assert len(asked) <= total // 100
