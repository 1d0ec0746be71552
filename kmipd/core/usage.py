"""May this object be used so, now? Usage masks and usage limits (KMIP 1.4, 3.19 and 3.21)."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import require_processing, require_protecting
from kmipd.core.model import ManagedObject
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason, UsageLimitsUnit
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag

_ALLOCATE = "Get Usage Allocation"
_PROTECTING_USES = (
    CryptographicUsageMask.ENCRYPT
    | CryptographicUsageMask.SIGN
    | CryptographicUsageMask.WRAP_KEY
    | CryptographicUsageMask.MAC_GENERATE
    | CryptographicUsageMask.CERTIFICATE_SIGN
    | CryptographicUsageMask.CRL_SIGN
    | CryptographicUsageMask.TRANSLATE_ENCRYPT
    | CryptographicUsageMask.TRANSLATE_WRAP
)


def require_mask(obj: ManagedObject, needed: CryptographicUsageMask, action: str) -> None:
    mask = obj.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    if needed & ~mask:
        raise KmipError(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            f"{action}: the Cryptographic Usage Mask of {obj.uid} does not have {needed.name}",
        )


def protecting(
    ctx: Context, obj: ManagedObject, needed: CryptographicUsageMask, action: str, size: int, *, use: int = 1
) -> None:
    """Encrypt, sign and the like: `size` bytes, or `use` uses, are counted against the usage limits."""
    require_protecting(obj, action, ctx.now)
    require_mask(obj, needed, action)
    limits = obj.attributes.get(Tag.USAGE_LIMITS)
    if limits is None:
        return
    _spend(ctx, obj, size if limits.usage_limits_unit == UsageLimitsUnit.BYTE else use, action)


def allocate(ctx: Context, obj: ManagedObject, count: int) -> None:
    """Get Usage Allocation: `count` units are spent as soon as they are given (1.4, 4.18)."""
    if count <= 0:
        raise KmipError(ResultReason.INVALID_FIELD, "Usage Limits Count must be positive")
    require_protecting(obj, _ALLOCATE, ctx.now)
    mask = obj.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    if not mask & _PROTECTING_USES:
        raise KmipError(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, f"{_ALLOCATE}: {obj.uid} is not for protecting data"
        )
    if Tag.USAGE_LIMITS not in obj.attributes:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, f"{_ALLOCATE}: {obj.uid} has no Usage Limits")
    _spend(ctx, obj, count, _ALLOCATE)


def _spend(ctx: Context, obj: ManagedObject, units: int, action: str) -> None:
    limits = obj.attributes.get(Tag.USAGE_LIMITS)
    left = (limits.usage_limits_count or 0) - units
    if left < 0:
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{action}: the usage limits of {obj.uid} are exhausted")
    counted = replace(limits, usage_limits_count=left)
    ctx.unit.put(replace(obj, attributes=obj.attributes.put(Tag.USAGE_LIMITS, counted)))


def processing(ctx: Context, obj: ManagedObject, needed: CryptographicUsageMask, action: str) -> None:
    """Decrypt, verify and the like."""
    require_processing(obj, action, ctx.now)
    require_mask(obj, needed, action)
