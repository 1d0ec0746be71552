"""Keys in parts: every threshold of them makes the key again, fewer or the wrong ones do not."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmipd.core.algorithms import splitting
from kmipd.core.algorithms.fields import FIPS_197, GF256, GF65536, REED_SOLOMON, PrimeField
from kmipd.core.errors import KmipError
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import Attributes, TemplateAttribute
from kmipd.spec.enumerations import (
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
)
from kmipd.spec.kinds import Item
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.masks import ProtectionStorageMask
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_1, V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import (
    attributes_of,
    create,
    create_pair,
    destroy,
    get,
    material,
    register,
    secret,
    symmetric,
)
from tests.support.client import wanted

S = SplitKeyMethod
PRIME = 2**127 - 1
FIELDS = [GF256(REED_SOLOMON), GF256(FIPS_197), GF65536(REED_SOLOMON), GF65536(FIPS_197), PrimeField(PRIME)]


@pytest.mark.parametrize("field", FIELDS)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_the_fields_are_fields(field: Any, data: st.DataObject) -> None:
    top = {GF256: 255, GF65536: 65535}.get(type(field), PRIME - 1)
    a, b, c = (data.draw(st.integers(0, top)) for _ in range(3))
    add, times = field.add, field.multiply
    assert times(a, b) == times(b, a)
    assert times(times(a, b), c) == times(a, times(b, c))
    assert times(a, add(b, c)) == add(times(a, b), times(a, c))
    assert times(a, 1) == a
    assert field.subtract(add(a, b), b) == a
    if a:
        assert times(a, field.invert(a)) == 1


def test_the_parts_of_the_standards_test_case() -> None:
    """TC-SJ-2: the fixed parts of a fixed key show which field is meant."""
    key = bytes.fromhex("0102030405060708090A0B0C0D0E0F10")
    parts = {
        1: "66C46A7754F94DE420C7B1A7FFF5EC56",
        2: "CF93D1E2A7E593CD5B8D6247F4E5D49C",
        3: "A855B891F61AD9217240D8EC061E37DA",
        4: "803DBAD55CDD329FAD19D99AE2C5A415",
    }
    for numbers in itertools.permutations(parts, 2):
        shares = {number: bytes.fromhex(parts[number]) for number in numbers}
        assert splitting.join(GF256(REED_SOLOMON), shares) == key


@pytest.mark.parametrize("method", S)
@given(secret=st.binary(min_size=1, max_size=40), shape=st.tuples(st.integers(2, 6), st.integers(0, 4)))
@settings(deadline=None, max_examples=40)
def test_enough_parts_make_the_secret(method: SplitKeyMethod, secret: bytes, shape: tuple[int, int]) -> None:
    threshold, more = shape
    parts = threshold if method is S.XOR else threshold + more
    field = splitting.field_of(method, splitting.prime_for(len(secret), None), REED_SOLOMON)
    shares = dict(enumerate(splitting.split(field, secret, parts, threshold, os.urandom), 1))
    for chosen in list(itertools.combinations(shares, threshold))[:5]:
        joined = splitting.join(field, {number: shares[number] for number in chosen})
        fits = joined.lstrip(b"\0") == secret.lstrip(b"\0") or joined.rstrip(b"\0") == secret.rstrip(b"\0")
        assert fits


@pytest.mark.parametrize("bad", [4, 2**128, 2**127 - 3, 2**61 - 1, 561, 0])
def test_what_is_no_prime_is_refused(bad: int) -> None:
    with pytest.raises(KmipError):
        splitting.prime_for(15, bad)
    assert splitting.prime_for(15, PRIME) == PRIME


@pytest.fixture
def service(service: Service) -> Service:
    service.version = V2_1
    return service


def _split(service: Service, uid: str | None, method: S, parts: int, threshold: int, **more: Any) -> Any:
    fields: dict[str, Any] = {"attributes": Attributes()} if service.version == V2_1 else {}
    request = p.CreateSplitKeyRequestPayload(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=uid,
        split_key_parts=parts,
        split_key_threshold=threshold,
        split_key_method=method,
        **(fields | more),
    )
    return service.call(Operation.CREATE_SPLIT_KEY, request).unique_identifier


def _join(uids: Any, kind: ObjectType = ObjectType.SYMMETRIC_KEY, **more: Any) -> tuple[Operation, Any]:
    return Operation.JOIN_SPLIT_KEY, p.JoinSplitKeyRequestPayload(
        object_type=kind, unique_identifier=tuple(uids), **more
    )


SHAPES = [(S.XOR, 3, 3), (S.POLYNOMIAL_SHARING_GF_2_8, 5, 3), (S.POLYNOMIAL_SHARING_GF_2_16, 4, 2)]
SHAPES += [(S.POLYNOMIAL_SHARING_PRIME_FIELD, 4, 3)]


@pytest.mark.parametrize(("method", "parts", "threshold"), SHAPES)
def test_a_key_of_the_token_in_parts(service: Service, method: S, parts: int, threshold: int) -> None:
    uid = create(service)
    clear = material(service, uid)
    parted = _split(service, uid, method, parts, threshold)
    structures = [get(service, part) for part in parted]
    assert [s.key_part_identifier for s in structures] == list(range(1, parts + 1))
    assert all(clear not in s.key_block.key_value.key_material for s in structures)
    destroy(service, uid)
    joined = service.call(*_join(parted[::-1][:threshold])).unique_identifier
    assert material(service, joined) == clear
    found = attributes_of(service, joined)
    assert (found["Cryptographic Length"], found["Cryptographic Algorithm"]) == (256, CryptographicAlgorithm.AES)
    failure = ResultReason.CRYPTOGRAPHIC_FAILURE
    assert service.refusal(*_join(parted[: threshold - 1])) is failure, "too few"
    assert service.refusal(*_join([parted[0]] * threshold)) is failure, "the same one twice"
    others = _split(service, joined, method, parts, threshold)
    assert service.refusal(*_join([*parted[: threshold - 1], others[-1]])) is failure, "of another split"


@pytest.mark.parametrize(("method", "parts", "threshold"), SHAPES)
def test_private_keys_and_secrets_of_odd_length(service: Service, method: S, parts: int, threshold: int) -> None:
    pair = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC), (Tag.CRYPTOGRAPHIC_LENGTH, 256))
    usage = Tag.CRYPTOGRAPHIC_USAGE_MASK
    private, _ = create_pair(service, pair, ((usage, Mask.SIGN),), ((usage, Mask.VERIFY),))
    whole = material(service, private, key_format_type=KeyFormatType.PKCS_8)
    joined = service.call(*_join(_split(service, private, method, parts, threshold), ObjectType.PRIVATE_KEY))
    assert material(service, joined.unique_identifier, key_format_type=KeyFormatType.PKCS_8) == whole
    password = register(service, ObjectType.SECRET_DATA, secret(b"\0odd one"[:7]))
    joined = service.call(*_join(_split(service, password, method, parts, threshold), ObjectType.SECRET_DATA))
    assert material(service, joined.unique_identifier) == b"\0odd one"[:7]


def test_a_key_that_exists_in_its_parts_only(service: Service) -> None:
    attributes = wanted(
        V2_1, ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES), (Tag.CRYPTOGRAPHIC_LENGTH, 192))
    )
    made = [service.call(*_join(_split(service, None, S.XOR, 2, 2, **attributes))).unique_identifier for _ in range(2)]
    keys = {material(service, uid) for uid in made}
    assert [len(key) for key in keys] == [24, 24]


def test_parts_keep_what_the_key_keeps(service: Service) -> None:
    """In parts a sensitive key is as sensitive, and so is what they are joined to."""
    uid = create(service, (Tag.SENSITIVE, True))
    parted = _split(service, uid, S.XOR, 2, 2)
    sensitive = ResultReason.SENSITIVE
    assert service.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=parted[0])) is sensitive
    joined = service.call(*_join(parted)).unique_identifier
    assert service.refusal(Operation.GET, p.GetRequestPayload(unique_identifier=joined)) is sensitive
    fixed = create(service, (Tag.EXTRACTABLE, False))
    request = p.CreateSplitKeyRequestPayload(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=fixed,
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=S.XOR,
        attributes=Attributes(),
    )
    assert service.refusal(Operation.CREATE_SPLIT_KEY, request) is ResultReason.NOT_EXTRACTABLE


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"split_key_threshold": 1}, ResultReason.INVALID_FIELD),
        ({"split_key_threshold": 6}, ResultReason.INVALID_FIELD),
        ({"split_key_parts": 256}, ResultReason.INVALID_FIELD),
        ({"split_key_method": S.XOR}, ResultReason.INVALID_FIELD),
        ({"object_type": ObjectType.SYMMETRIC_KEY}, ResultReason.INVALID_OBJECT_TYPE),
        (
            {"split_key_method": S.POLYNOMIAL_SHARING_PRIME_FIELD, "prime_field_size": 2**521 - 3},
            ResultReason.INVALID_FIELD,
        ),
        (
            {
                "protection_storage_masks": ProtectionStorageMasks(
                    protection_storage_mask=(ProtectionStorageMask.HARDWARE,)
                )
            },
            ResultReason.PROTECTION_STORAGE_UNAVAILABLE,
        ),
    ],
)
def test_impossible_splits(service: Service, fields: dict[str, Any], reason: ResultReason) -> None:
    good = {
        "object_type": ObjectType.SPLIT_KEY,
        "unique_identifier": create(service),
        "split_key_parts": 5,
        "split_key_threshold": 3,
        "split_key_method": S.POLYNOMIAL_SHARING_GF_2_8,
        "attributes": Attributes(),
    }
    request = p.CreateSplitKeyRequestPayload(**(good | fields))
    assert service.refusal(Operation.CREATE_SPLIT_KEY, request) is reason
    assert service.refusal(Operation.CREATE_SPLIT_KEY, request, version=V1_1) is ResultReason.OPERATION_NOT_SUPPORTED


def test_what_is_no_part_is_not_joined(service: Service) -> None:
    key = create(service)
    parted = _split(service, key, S.XOR, 2, 2)
    assert service.refusal(*_join([key, parted[0]])) is ResultReason.ILLEGAL_OBJECT_TYPE
    assert service.refusal(*_join([parted[0], "unknown"])) is ResultReason.OBJECT_NOT_FOUND
    assert service.refusal(*_join([])) is ResultReason.INVALID_MESSAGE
    assert service.refusal(*_join(parted, ObjectType.CERTIFICATE)) is ResultReason.INVALID_OBJECT_TYPE
    assert service.refusal(*_join(parted, ObjectType.PRIVATE_KEY)) is ResultReason.CRYPTOGRAPHIC_FAILURE
    destroy(service, parted[0])
    assert service.refusal(*_join(parted)) is ResultReason.OBJECT_DESTROYED


def test_parts_of_elsewhere(service: Service) -> None:
    """Parts that a client registers are joined by the field that its version names."""
    key = os.urandom(16)
    for version, polynomial in ((V1_4, FIPS_197), (V2_1, REED_SOLOMON)):
        service.version = version
        shares = splitting.split(GF65536(polynomial), key, 3, 2, os.urandom)
        parts = []
        for number, share in enumerate(shares, 1):
            part = o.SplitKey(
                split_key_parts=3,
                key_part_identifier=number,
                split_key_threshold=2,
                split_key_method=S.POLYNOMIAL_SHARING_GF_2_16,
                key_block=symmetric(share).key_block,
            )
            parts.append(register(service, ObjectType.SPLIT_KEY, part))
        joined = service.call(*_join(parts[1:])).unique_identifier
        assert material(service, joined) == key


def test_a_mark_tells_the_parts_of_one_split(service: Service) -> None:
    parted = _split(service, create(service), S.XOR, 2, 2)
    marks = [attributes_of(service, uid)["y-Split"] for uid in parted]
    assert isinstance(marks[0].attribute_value, Item)
    assert marks[0] == marks[1]
    template = TemplateAttribute()
    service.version = V1_4
    assert len(_split(service, create(service), S.XOR, 2, 2, template_attribute=template)) == 2


def test_parts_that_were_made_up(service: Service) -> None:
    """A prime that is none, parts without end, a mark nobody set: refused, and never an internal error."""

    def part(number: int, size: int, **more: Any) -> o.SplitKey:
        fields: dict[str, Any] = {"split_key_method": S.POLYNOMIAL_SHARING_GF_2_16, "split_key_threshold": 2} | more
        return o.SplitKey(
            split_key_parts=2, key_part_identifier=number, key_block=symmetric(bytes(size)).key_block, **fields
        )

    prime = {"split_key_method": S.POLYNOMIAL_SHARING_PRIME_FIELD}
    failure, invalid = ResultReason.CRYPTOGRAPHIC_FAILURE, ResultReason.INVALID_FIELD
    cases = [
        (
            [part(3, 16, prime_field_size=3 * 2**128, **prime), part(6, 16, prime_field_size=3 * 2**128, **prime)],
            failure,
        ),
        ([part(n, 16, prime_field_size=2**70_000 + 1, **prime) for n in (1, 2)], invalid),
        ([part(n, 16, **prime) for n in (1, 2)], invalid),
        ([part(n, splitting.WORK_MAX) for n in (1, 2)], invalid),
        ([part(n, 16) for n in (0, 1)], failure),
    ]
    for structures, reason in cases:
        parts = [register(service, ObjectType.SPLIT_KEY, structure) for structure in structures]
        assert service.refusal(*_join(parts)) is reason
