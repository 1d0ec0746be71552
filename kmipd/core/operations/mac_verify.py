"""MAC Verify (KMIP 1.4, 4.34; 2.1, 6.1.33)."""

from __future__ import annotations

from hmac import compare_digest

from kmipd.core import streams, usage
from kmipd.core.errors import KmipError
from kmipd.core.operations.mac import compute, resolve
from kmipd.core.services import Context
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason, ValidityIndicator
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import MACVerifyRequestPayload, MACVerifyResponsePayload


def mac_verify(ctx: Context, request: MACVerifyRequestPayload) -> MACVerifyResponsePayload:
    part = streams.part_of(ctx, O.MAC_VERIFY, request)
    data = streams.part_data(ctx, part, request.data)
    obj = ctx.object(part.identifier(request.unique_identifier))
    usage.processing(ctx, obj, CryptographicUsageMask.MAC_VERIFY, "MAC Verify")
    known = resolve(obj, request.cryptographic_parameters), None
    (parameters, given), before = part.state((known, b""))
    given = request.mac_data if request.mac_data is not None else given  # with any part, at the latest with the last
    data = before + data
    correlation = streams.go_on(ctx, part, obj.uid, ((parameters, given), data), len(data))
    if not part.final:
        return MACVerifyResponsePayload(unique_identifier=obj.uid, correlation_value=correlation)
    if not given:
        raise KmipError(ResultReason.INVALID_MESSAGE, "MAC Data is missing")
    good = compare_digest(compute(ctx, obj, parameters, data), given)
    validity = ValidityIndicator.VALID if good else ValidityIndicator.INVALID
    return MACVerifyResponsePayload(unique_identifier=obj.uid, validity_indicator=validity)
