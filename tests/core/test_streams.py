"""Streamed cryptographic operations: the parts of a stream make the whole, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core import open_streams
from kmipd.core.model import Principal
from kmipd.core.registry_port import Conflict
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, UsageLimits
from kmipd.spec.enumerations import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
    UsageLimitsUnit,
    ValidityIndicator,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import activate, create, create_pair, revoke
from tests.support.client import Refused

ALL = Mask(0x1FF)
DATA = bytes(range(256)) * 3 + b"and a tail"
M, P = BlockCipherMode, PaddingMethod


@pytest.fixture(params=["token", "software"])
def service(service: Service, request: pytest.FixtureRequest) -> Service:
    """Every test with keys in the token and with keys sealed in the registry."""
    service.version = V2_1
    if request.param == "software":
        service.principal = Principal("wrapped", "wrapped")
    return service


@pytest.fixture
def key(service: Service) -> str:
    uid = create(service, mask=ALL)
    activate(service, uid)
    return uid


def _stream(service: Service, operation: Operation, make: Any, first: dict[str, Any], parts: list[bytes]) -> list[Any]:
    """The answers to the parts."""
    answers: list[Any] = []
    for number, data in enumerate(parts):
        fields = dict(first) if number == 0 else {"correlation_value": answers[-1].correlation_value}
        if number == 0:
            fields["init_indicator"] = True
        if number == len(parts) - 1:
            fields["final_indicator"] = True
        answers.append(service.call(operation, make(data=data, **fields)))
    return answers


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def _encrypt(service: Service, uid: str, parameters: CryptographicParameters, **more: Any) -> dict[str, Any]:
    return {"unique_identifier": uid, "cryptographic_parameters": parameters, **more}


@pytest.mark.parametrize("size", [1, 15, 16, 17, 400])
@pytest.mark.parametrize(
    ("mode", "padding", "iv"),
    [
        (M.CBC, P.PKCS5, bytes(16)),
        (M.CBC, P.ANSI_X9_23, bytes(16)),
        (M.ECB, P.PKCS5, None),
        (M.CTR, None, b"\xff" * 16),
        (M.OFB, None, bytes(16)),
        (M.CFB, None, bytes(16)),
        (M.GCM, None, bytes(12)),
    ],
)
def test_parts_make_the_same_as_the_whole(
    service: Service, key: str, mode: BlockCipherMode, padding: PaddingMethod | None, iv: bytes | None, size: int
) -> None:
    data = DATA[:50] if size == 1 else DATA
    parameters = CryptographicParameters(block_cipher_mode=mode, padding_method=padding)
    given = _encrypt(service, key, parameters, iv_counter_nonce=iv)
    whole = service.call(Operation.ENCRYPT, p.EncryptRequestPayload(data=data, **given))
    parts = _stream(service, Operation.ENCRYPT, p.EncryptRequestPayload, given, _parts(data, size))
    assert b"".join(a.data or b"" for a in parts) == whole.data
    assert parts[-1].authenticated_encryption_tag == whole.authenticated_encryption_tag
    assert parts[-1].correlation_value is None
    given["authenticated_encryption_tag"] = whole.authenticated_encryption_tag
    back = _stream(service, Operation.DECRYPT, p.DecryptRequestPayload, given, _parts(whole.data, size))
    assert b"".join(a.data or b"" for a in back) == data
    assert service.services.streams.open == {}


def test_no_plaintext_before_the_tag_is_right(service: Service, key: str) -> None:
    parameters = CryptographicParameters(block_cipher_mode=M.GCM)
    given = _encrypt(service, key, parameters, iv_counter_nonce=bytes(12))
    whole = service.call(Operation.ENCRYPT, p.EncryptRequestPayload(data=DATA, **given))
    given["authenticated_encryption_tag"] = bytes(16)
    request = p.DecryptRequestPayload(data=whole.data, init_indicator=True, **given)
    first = service.call(Operation.DECRYPT, request)
    assert first.data is None
    last = p.DecryptRequestPayload(correlation_value=first.correlation_value, final_indicator=True)
    assert service.refusal(Operation.DECRYPT, last) is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_mac_hash_and_signature_in_parts(service: Service, key: str) -> None:
    sha = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    whole = service.call(Operation.HASH, p.HashRequestPayload(cryptographic_parameters=sha, data=DATA)).data
    parts = _stream(
        service,
        Operation.HASH,
        lambda **f: p.HashRequestPayload(cryptographic_parameters=sha, **f),
        {},
        _parts(DATA, 100),
    )
    assert [a.data for a in parts] == [None] * (len(parts) - 1) + [whole]
    given = {"unique_identifier": key, "cryptographic_parameters": sha}
    mac = service.call(Operation.MAC, p.MACRequestPayload(data=DATA, **given)).mac_data
    parts = _stream(service, Operation.MAC, p.MACRequestPayload, given, _parts(DATA, 100))
    assert parts[-1].mac_data == mac
    for tried, verdict in ((mac, ValidityIndicator.VALID), (bytes(32), ValidityIndicator.INVALID)):
        check = given | {"mac_data": tried}
        parts = _stream(service, Operation.MAC_VERIFY, p.MACVerifyRequestPayload, check, _parts(DATA, 100))
        assert [a.validity_indicator for a in parts] == [None] * (len(parts) - 1) + [verdict]


def test_a_signature_in_parts(service: Service) -> None:
    dated = ((Tag.ACTIVATION_DATE, service.clock.now()),)
    pair = (
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        *dated,
    )
    usage = Tag.CRYPTOGRAPHIC_USAGE_MASK
    private, public = create_pair(service, pair, ((usage, Mask.SIGN),), ((usage, Mask.VERIFY),))
    made = _stream(service, Operation.SIGN, p.SignRequestPayload, {"unique_identifier": private}, _parts(DATA, 300))
    for data, verdict in ((DATA, ValidityIndicator.VALID), (DATA[1:], ValidityIndicator.INVALID)):
        check = {"unique_identifier": public, "signature_data": made[-1].signature_data}
        parts = _stream(service, Operation.SIGNATURE_VERIFY, p.SignatureVerifyRequestPayload, check, _parts(data, 300))
        assert parts[-1].validity_indicator is verdict


def _begin(service: Service, uid: str, data: bytes = DATA) -> bytes:
    parameters = CryptographicParameters(block_cipher_mode=M.CBC, padding_method=P.PKCS5)
    given = _encrypt(service, uid, parameters, iv_counter_nonce=bytes(16))
    answer = service.call(Operation.ENCRYPT, p.EncryptRequestPayload(data=data, init_indicator=True, **given))
    return bytes(answer.correlation_value)


def _next(value: bytes, data: bytes = DATA, **more: Any) -> p.EncryptRequestPayload:
    return p.EncryptRequestPayload(correlation_value=value, data=data, **more)


def test_a_stream_is_its_clients_keys_and_operations_own(service: Service, key: str) -> None:
    value = _begin(service, key)
    stranger = Principal("stranger", service.principal.group)
    unknown = ResultReason.INVALID_CORRELATION_VALUE
    assert service.refusal(Operation.ENCRYPT, _next(value), principal=stranger) is unknown
    assert service.refusal(Operation.MAC, p.MACRequestPayload(correlation_value=value, data=b"")) is unknown
    assert service.refusal(Operation.ENCRYPT, _next(b"no such value")) is unknown
    other = create(service, mask=ALL)
    assert service.refusal(Operation.ENCRYPT, _next(value, unique_identifier=other)) is ResultReason.INVALID_FIELD
    both = _next(value, init_indicator=True)
    assert service.refusal(Operation.ENCRYPT, both) is ResultReason.INVALID_MESSAGE
    assert service.refusal(Operation.ENCRYPT, _next(value), version=V1_4) is None, "after all of this it goes on"
    assert service.refusal(Operation.ENCRYPT, _next(value), version=V1_4) is ResultReason.INVALID_FIELD, "once"


def test_every_part_is_checked(service: Service) -> None:
    limits = UsageLimits(usage_limits_total=2 * len(DATA), usage_limits_unit=UsageLimitsUnit.BYTE)
    uid = create(service, (Tag.USAGE_LIMITS, limits), mask=ALL)
    activate(service, uid)
    value = _begin(service, uid)
    value = service.call(Operation.ENCRYPT, _next(value)).correlation_value
    assert service.refusal(Operation.ENCRYPT, _next(value, b"x")) is ResultReason.PERMISSION_DENIED
    revoke(service, uid)
    assert service.refusal(Operation.ENCRYPT, _next(value, b"")) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_a_stream_is_one_use(service: Service) -> None:
    limits = UsageLimits(usage_limits_total=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    uid = create(service, (Tag.USAGE_LIMITS, limits), mask=ALL)
    activate(service, uid)
    value = service.call(Operation.ENCRYPT, _next(_begin(service, uid))).correlation_value
    service.call(Operation.ENCRYPT, _next(value, final_indicator=True))
    with pytest.raises(Refused):
        _begin(service, uid)


def test_a_part_that_is_undone_or_runs_twice_leaves_the_stream_as_it_was(
    service: Service, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = service.call(
        Operation.ENCRYPT,
        p.EncryptRequestPayload(**_encrypt(service, key, _CBC, iv_counter_nonce=bytes(16)), data=DATA * 2),
    )
    value = _begin(service, key)
    first = whole.data[: len(DATA) // 16 * 16]
    undo = {"batch_error_continuation_option": BatchErrorContinuationOption.UNDO}
    service.send(
        (Operation.ENCRYPT, _next(value)), (Operation.GET, p.GetRequestPayload(unique_identifier="none")), **undo
    )
    real = type(service.services.registry.unit()).commit
    calls = []

    def once_in_conflict(unit: Any) -> None:
        calls.append(unit)
        if len(calls) == 1:
            raise Conflict(key)
        real(unit)

    monkeypatch.setattr(type(service.services.registry.unit()), "commit", once_in_conflict)
    last = service.call(Operation.ENCRYPT, _next(value, final_indicator=True))
    assert len(calls) == 2
    assert first + last.data == whole.data


_CBC = CryptographicParameters(block_cipher_mode=M.CBC, padding_method=P.PKCS5)


def test_streams_are_bounded(service: Service, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = ResultReason.SERVER_LIMIT_EXCEEDED
    values = [_begin(service, key) for _ in range(open_streams.STREAMS_PER_CLIENT_MAX)]
    with pytest.raises(Refused) as refused:
        _begin(service, key)
    assert refused.value.reason is limit
    assert service.refusal(Operation.ENCRYPT, _next(values[0])) is None, "the open ones go on"
    service.clock.time += open_streams.IDLE_SECONDS + 1
    assert service.refusal(Operation.ENCRYPT, _next(values[1])) is ResultReason.INVALID_CORRELATION_VALUE
    assert service.services.streams.open == {}
    monkeypatch.setattr(open_streams, "STREAM_SIZE_MAX", 1000)
    mac = {"unique_identifier": key, "cryptographic_parameters": CryptographicParameters(hashing_algorithm=_SHA)}
    value = service.call(Operation.MAC, p.MACRequestPayload(data=DATA, init_indicator=True, **mac)).correlation_value
    assert service.refusal(Operation.MAC, p.MACRequestPayload(correlation_value=value, data=DATA)) is limit


_SHA = HashingAlgorithm.SHA_256


def test_the_stream_of_another_worker_is_named_so(service: Service, key: str) -> None:
    value = _begin(service, key)
    item = service.send((Operation.ENCRYPT, _next(bytes(8) + value[8:]))).batch_item[0]
    assert "another worker" in str(item.result_message)
    item = service.send((Operation.ENCRYPT, _next(value[:8] + bytes(16)))).batch_item[0]
    assert "another worker" not in str(item.result_message)


def test_a_final_indicator_alone_ends_nothing(service: Service, key: str) -> None:
    given = _encrypt(service, key, _CBC, iv_counter_nonce=bytes(16), data=DATA)
    lone = p.EncryptRequestPayload(final_indicator=True, **given)
    assert service.refusal(Operation.ENCRYPT, lone) is ResultReason.INVALID_MESSAGE
    both = p.EncryptRequestPayload(init_indicator=True, final_indicator=True, **given)
    answer = service.call(Operation.ENCRYPT, both)
    assert answer.correlation_value is None
    assert answer.data == service.call(Operation.ENCRYPT, p.EncryptRequestPayload(**given)).data
