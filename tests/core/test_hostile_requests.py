"""Requests of a client that is enrolled and means no good, or knows no better."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core import recovery
from kmipd.core.model import Principal
from kmipd.core.operations.locate import FILTERS_MAX
from kmipd.core.registry_port import RegistryUnavailable
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    DerivationMethod,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    State,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, create_request, locate_request
from tests.support.client import wanted

UNDO = {"version": V2_1, "batch_error_continuation_option": BatchErrorContinuationOption.UNDO}


def _create(service: Service, *more: Any, **options: Any) -> str:
    request = create_request(V2_1, aes(*more, **options))
    return str(service.call(Operation.CREATE, request, version=V2_1).unique_identifier)


def _get(uid: str) -> tuple[Operation, Any]:
    return Operation.GET, p.GetRequestPayload(unique_identifier=uid)


def test_an_undone_get_gives_no_key_out(service: Service) -> None:
    """Nothing of the batch happened, and only its failure stands in the audit log."""
    uid = _create(service)
    answer = service.send(_get(uid), _get("no such object"), **UNDO)
    assert [i.result_status for i in answer.batch_item] == [
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_FAILED,
    ]
    assert answer.batch_item[0].response_payload is None


def test_no_key_leaves_a_batch_under_undo_without_an_audit_line(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = _create(service)
    service.send(_get(uid), version=V2_1)  # the first Get changes Fresh, and is audited in that transaction

    def full(_event: object) -> None:
        raise RegistryUnavailable("the disk is full")

    monkeypatch.setattr(service.services.registry, "record", full)
    answer = service.send(_get(uid), _get(uid), **UNDO)
    assert all(i.result_status is not ResultStatus.SUCCESS for i in answer.batch_item)
    assert all(i.response_payload is None for i in answer.batch_item)


@pytest.mark.parametrize("tag", [Tag.STATE, Tag.OBJECT_TYPE])
def test_what_no_object_can_be_is_not_found(service: Service, tag: Tag) -> None:
    _create(service)
    request = locate_request(V2_1, [(tag, 0x80000007)])
    assert service.call(Operation.LOCATE, request, version=V2_1).unique_identifier == ()


@pytest.mark.parametrize("pair", [(Tag.CRYPTOGRAPHIC_LENGTH, 256), (Tag.STATE, State.ACTIVE), ("x-a", "b")])
def test_a_locate_of_very_many_attributes_is_refused(service: Service, pair: tuple[Any, Any]) -> None:
    request = locate_request(V2_1, [pair] * (FILTERS_MAX + 1))
    assert service.refusal(Operation.LOCATE, request, version=V2_1) is ResultReason.INVALID_FIELD
    fits = locate_request(V2_1, [pair] * FILTERS_MAX)
    assert service.refusal(Operation.LOCATE, fits, version=V2_1) is None


def test_a_key_that_cannot_be_taken_back_is_no_internal_error(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the commit and still is when the intent should go: recovery will do it."""

    def full(*_: object) -> None:
        raise RegistryUnavailable("the disk is full")

    monkeypatch.setattr(type(service.services.registry.unit()), "_write", full)
    monkeypatch.setattr(service.services.registry, "drop_intent", full)
    item = service.send((Operation.CREATE, create_request(V2_1, aes())), version=V2_1).batch_item[0]
    monkeypatch.undo()
    assert item.result_status is ResultStatus.OPERATION_FAILED
    assert "registry" in str(item.result_message)
    assert recovery.recover(service.services, everything=True).removed == 1


@pytest.mark.parametrize(("tag", "value"), [(Tag.SENSITIVE, True), (Tag.EXTRACTABLE, False)])
def test_a_key_that_stays_here_is_not_derived_out(service: Service, tag: Tag, value: bool) -> None:
    """Enciphered under a key the client knows, the second base would be there for the deciphering."""
    service.principal = Principal("wrapped", "wrapped")
    mask = CryptographicUsageMask.DERIVE_KEY
    known = _create(service, mask=mask)
    kept = _create(service, (tag, value), mask=mask)
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    request = p.DeriveKeyRequestPayload(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(known, kept),
        derivation_method=DerivationMethod.ENCRYPT,
        derivation_parameters=DerivationParameters(cryptographic_parameters=parameters),
        **wanted(V2_1, aes()),
    )
    assert service.refusal(Operation.DERIVE_KEY, request, version=V2_1) is ResultReason.PERMISSION_DENIED
