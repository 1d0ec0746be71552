"""Cryptoki calls over KMIP: the library answers, nothing reaches the token."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core import open_streams
from kmipd.core.model import Principal
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ResultReason
from kmipd.spec.enumerations import PKCS11Function as F
from kmipd.spec.enumerations import PKCS11ReturnCode as R
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service

SERVED = {F.C_INITIALIZE, F.C_FINALIZE, F.C_GET_INFO}


@pytest.fixture
def service(service: Service) -> Service:
    service.version = V2_1
    return service


def _request(function: Any, value: bytes | None = None, **more: Any) -> p.PKCS11RequestPayload:
    return p.PKCS11RequestPayload(pkcs_11_function=function, correlation_value=value, **more)


def _call(service: Service, function: F, value: bytes | None = None, **options: Any) -> Any:
    return service.call(Operation.PKCS_11, _request(function, value), **options)


def test_from_initialize_to_finalize(service: Service) -> None:
    first = service.call(Operation.PKCS_11, _request(F.C_INITIALIZE, pkcs_11_input_parameters=b"\x01"))
    value = first.correlation_value
    assert first.pkcs_11_return_code is R.OK
    assert _call(service, F.C_INITIALIZE, value).pkcs_11_return_code is R.CRYPTOKI_ALREADY_INITIALIZED
    info = _call(service, F.C_GET_INFO, value)
    assert len(info.pkcs_11_output_parameters) == 2 + 32 + 8 + 32 + 2
    assert info.pkcs_11_output_parameters[:7] == b"\x02\x28kmipd"
    assert _call(service, F.C_FINALIZE, value).pkcs_11_return_code is R.OK
    for function in (F.C_GET_INFO, F.C_FINALIZE):
        assert _call(service, function, value).pkcs_11_return_code is R.CRYPTOKI_NOT_INITIALIZED


def test_every_other_function_is_not_supported(service: Service) -> None:
    value = _call(service, F.C_INITIALIZE).correlation_value
    for function in set(F) - SERVED:
        answer = _call(service, function, value)
        assert answer.pkcs_11_return_code is R.FUNCTION_NOT_SUPPORTED
        assert answer.pkcs_11_output_parameters is None
        assert _call(service, function).pkcs_11_return_code is R.CRYPTOKI_NOT_INITIALIZED


def test_what_is_initialized_is_the_clients_own_and_ends(service: Service) -> None:
    value = _call(service, F.C_INITIALIZE).correlation_value
    stranger = Principal("stranger", "stranger")
    answer = _call(service, F.C_GET_INFO, value, principal=stranger)
    assert answer.pkcs_11_return_code is R.CRYPTOKI_NOT_INITIALIZED
    service.clock.time += open_streams.IDLE_SECONDS
    assert _call(service, F.C_GET_INFO, value).pkcs_11_return_code is R.OK, "in use"
    service.clock.time += open_streams.IDLE_SECONDS + 1
    assert _call(service, F.C_GET_INFO, value).pkcs_11_return_code is R.CRYPTOKI_NOT_INITIALIZED


def test_refusals(service: Service) -> None:
    other = _request(F.C_INITIALIZE, pkcs_11_interface="Vendor 1")
    assert service.refusal(Operation.PKCS_11, other) is ResultReason.PKCS_11_INVALID_INTERFACE
    vendors = _request(0x80000001)
    assert service.refusal(Operation.PKCS_11, vendors) is ResultReason.PKCS_11_INVALID_FUNCTION
    old = _request(F.C_INITIALIZE)
    assert service.refusal(Operation.PKCS_11, old, version=V1_4) is ResultReason.OPERATION_NOT_SUPPORTED
