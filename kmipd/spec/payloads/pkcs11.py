"""PKCS#11 (2.1 §6.1.37)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class PKCS11RequestPayload(RequestPayload):
    """PKCS#11, request (2.1 §6.1.37)."""

    pkcs_11_interface: str | None = None
    pkcs_11_function: e.PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_input_parameters: bytes | None = None


@structure
class PKCS11ResponsePayload(ResponsePayload):
    """PKCS#11, response (2.1 §6.1.37)."""

    pkcs_11_interface: str | None = None
    pkcs_11_function: e.PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_output_parameters: bytes | None = None
    pkcs_11_return_code: e.PKCS11ReturnCode
