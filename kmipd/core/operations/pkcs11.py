"""PKCS#11 (2.1, 6.1.37): Cryptoki calls carried over KMIP.

What a client gets this way is the library, not the token: sessions, objects and keys stay behind the operations of
KMIP, where group, state, usage mask and audit are looked at. Every such function answers CKR_FUNCTION_NOT_SUPPORTED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kmipd.core import streams
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import PKCS11Function as F
from kmipd.spec.enumerations import PKCS11ReturnCode as R
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import PKCS11RequestPayload, PKCS11ResponsePayload

#: The name of the interface that is the default one (PKCS#11 3.0, 5.4).
INTERFACE = "PKCS 11"
_CRYPTOKI = bytes([2, 40])  # CK_INFO: the version whose functions these are
_NAME_SIZE = 32  # characters, padded with blanks
_Answer = tuple[R, bytes | None, bytes | None]  # return code, output parameters, Correlation Value


def pkcs11(ctx: Context, request: PKCS11RequestPayload) -> PKCS11ResponsePayload:
    if request.pkcs_11_interface not in (None, "", INTERFACE):
        raise KmipError(ResultReason.PKCS_11_INVALID_INTERFACE, f"{request.pkcs_11_interface!r} is no interface here")
    if not isinstance(request.pkcs_11_function, F):
        raise KmipError(ResultReason.PKCS_11_INVALID_FUNCTION, "no vendor's function is known here")
    code, output, correlation = _FUNCTIONS.get(request.pkcs_11_function, _not_supported)(ctx, request)
    return PKCS11ResponsePayload(
        pkcs_11_interface=request.pkcs_11_interface,
        pkcs_11_function=request.pkcs_11_function,
        correlation_value=correlation,
        pkcs_11_output_parameters=output,
        pkcs_11_return_code=code,
    )


def _initialize(ctx: Context, request: PKCS11RequestPayload) -> _Answer:
    """The arguments are about threads and locks, which the client keeps to itself."""
    if streams.is_open(ctx, O.PKCS_11, request.correlation_value):
        return R.CRYPTOKI_ALREADY_INITIALIZED, None, None
    return R.OK, None, streams.go_on(ctx, streams.Part(O.PKCS_11, final=False), "", None, 0)


def _finalize(ctx: Context, request: PKCS11RequestPayload) -> _Answer:
    value = request.correlation_value
    if value is None or not streams.is_open(ctx, O.PKCS_11, value):
        return R.CRYPTOKI_NOT_INITIALIZED, None, None
    streams.go_on(ctx, streams.Part(O.PKCS_11, final=True, value=value), "", None, 0)
    return R.OK, None, None


def _get_info(ctx: Context, request: PKCS11RequestPayload) -> _Answer:
    """CK_INFO: version, manufacturer, flags (CK_ULONG: 8 bytes), description, version of the library."""
    if not streams.is_open(ctx, O.PKCS_11, request.correlation_value):
        return R.CRYPTOKI_NOT_INITIALIZED, None, None
    settings = ctx.services.settings
    name = settings.server_name.encode()[:_NAME_SIZE].ljust(_NAME_SIZE)
    numbers = [int(part) for part in settings.server_version.split(".")[:2] if part.isdigit()]
    version = bytes(min(number, 255) for number in [*numbers, 0, 0][:2])
    return R.OK, _CRYPTOKI + name + bytes(8) + name + version, None


def _not_supported(ctx: Context, request: PKCS11RequestPayload) -> _Answer:
    if not streams.is_open(ctx, O.PKCS_11, request.correlation_value):
        return R.CRYPTOKI_NOT_INITIALIZED, None, None
    return R.FUNCTION_NOT_SUPPORTED, None, None


_FUNCTIONS: Mapping[F, Callable[[Context, PKCS11RequestPayload], _Answer]] = {
    F.C_INITIALIZE: _initialize,
    F.C_FINALIZE: _finalize,
    F.C_GET_INFO: _get_info,
}
