"""Data in one piece: what Encrypt, Sign and MAC take today."""

from __future__ import annotations

from typing import Any

from kmipd.core.errors import KmipError
from kmipd.spec.enumerations import ResultReason

DATA_SIZE_MAX = 16 * 1024 * 1024  # the message limit binds earlier; this one is for data that was decoded otherwise


def require_whole(request: Any) -> None:
    """Refuse the parts of a stream (Init, Final, Correlation Value) rather than treat them as whole data."""
    if request.correlation_value is not None or request.init_indicator or request.final_indicator:
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "streamed cryptographic operations are not supported")


def require_data(data: Any) -> bytes:
    if data is None:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Data is missing")
    if not isinstance(data, bytes):
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "data of an earlier batch item cannot be referred to")
    if len(data) > DATA_SIZE_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Data is longer than {DATA_SIZE_MAX} bytes")
    return data
