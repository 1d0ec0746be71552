"""Hash, RNG Retrieve, RNG Seed, and data of earlier batch items."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from kmipd.core.errors import MechanismUnavailable
from kmipd.core.operations.rng import RETRIEVE_MAX
from kmipd.core.services import RNGSeeding
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import DataEnum, HashingAlgorithm, Operation, ResultReason, ResultStatus
from kmipd.spec.versions import V1_1, V1_4, V2_1
from tests.core.conftest import Service

SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


def _hash(data: bytes | DataEnum | int | None) -> tuple[Operation, p.HashRequestPayload]:
    return Operation.HASH, p.HashRequestPayload(cryptographic_parameters=SHA_256, data=data)


def test_hash(service: Service) -> None:
    assert service.call(*_hash(b"abc")).data == hashlib.sha256(b"abc").digest()
    assert service.call(*_hash(b"")).data == hashlib.sha256(b"").digest()
    assert service.refusal(*_hash(None)) is ResultReason.INVALID_MESSAGE
    unknown = CryptographicParameters(hashing_algorithm=HashingAlgorithm.TIGER)
    request = p.HashRequestPayload(cryptographic_parameters=unknown, data=b"abc")
    reason = ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    assert service.refusal(Operation.HASH, request, version=V2_1) is reason
    assert service.refusal(*_hash(b"abc"), version=V1_1) is ResultReason.OPERATION_NOT_SUPPORTED


def test_data_of_an_earlier_item(service: Service) -> None:
    once = hashlib.sha256(b"abc").digest()
    answers = service.send(_hash(b"abc"), _hash(DataEnum.HASH), _hash(0), _hash(-1), version=V2_1).batch_item
    twice = hashlib.sha256(once).digest()
    assert [a.response_payload.data for a in answers[:3]] == [once, twice, twice]  # type: ignore[union-attr]
    assert answers[3].response_payload.data == hashlib.sha256(twice).digest()  # type: ignore[union-attr]
    for nothing in (DataEnum.MAC_MAC_DATA, 7, -7):
        answers = service.send(_hash(b"abc"), _hash(nothing), version=V2_1).batch_item
        assert answers[1].result_reason is ResultReason.INVALID_FIELD


def test_random_bytes(service: Service) -> None:
    made = {service.call(Operation.RNG_RETRIEVE, p.RNGRetrieveRequestPayload(data_length=32)).data for _ in range(20)}
    assert len(made) == 20
    assert {len(data) for data in made} == {32}
    for length in (0, -1, RETRIEVE_MAX + 1):
        request = p.RNGRetrieveRequestPayload(data_length=length)
        assert service.refusal(Operation.RNG_RETRIEVE, request) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(
    ("setting", "used"), [(RNGSeeding.ACCEPT, 32), (RNGSeeding.TRUNCATE, 16), (RNGSeeding.IGNORE, 0)]
)
def test_seeding(service: Service, setting: RNGSeeding, used: int) -> None:
    _set(service, setting)
    request = p.RNGSeedRequestPayload(data=bytes(32))
    assert service.call(Operation.RNG_SEED, request).data_length == used
    again = [service.call(Operation.RNG_RETRIEVE, p.RNGRetrieveRequestPayload(data_length=16)).data for _ in range(2)]
    assert again[0] != again[1], "a seed is added, it replaces nothing"


def test_seeding_is_denied(service: Service) -> None:
    _set(service, RNGSeeding.DENY)
    request = p.RNGSeedRequestPayload(data=bytes(32))
    item = service.send((Operation.RNG_SEED, request), version=V1_4).batch_item[0]
    assert (item.result_status, item.result_reason) == (
        ResultStatus.OPERATION_FAILED,
        ResultReason.PERMISSION_DENIED,
    )


def test_a_token_that_takes_no_seed_is_no_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client shall not take an unused seed for an error (KMIP 1.4, 4.36)."""
    _set(service, RNGSeeding.ACCEPT)
    store = service.application.store

    def refuse(*_: object) -> None:
        raise MechanismUnavailable("CKR_RANDOM_SEED_NOT_SUPPORTED")

    monkeypatch.setattr(store._connection, "run", refuse)
    assert service.call(Operation.RNG_SEED, p.RNGSeedRequestPayload(data=bytes(32))).data_length == 0


def _set(service: Service, setting: RNGSeeding) -> None:
    service.configure(replace(service.services.settings, rng_seed=setting))
