"""RNG Retrieve and RNG Seed (KMIP 1.4, 4.35 and 4.36; 2.1, 6.1.49 and 6.1.50): the token's generator."""

from __future__ import annotations

from kmipd.core import streams
from kmipd.core.errors import KmipError
from kmipd.core.services import Context, RNGSeeding
from kmipd.spec.enumerations import DataEnum, ResultReason
from kmipd.spec.payloads import (
    RNGRetrieveRequestPayload,
    RNGRetrieveResponsePayload,
    RNGSeedRequestPayload,
    RNGSeedResponsePayload,
)

RETRIEVE_MAX = 65_536  # bytes in one request: a token's generator is slow, and everybody waits for it
_TRUNCATED = 16  # bytes of a seed that are used when the setting says so


def rng_retrieve(ctx: Context, request: RNGRetrieveRequestPayload) -> RNGRetrieveResponsePayload:
    if not 0 < request.data_length <= RETRIEVE_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Data Length must be 1 to {RETRIEVE_MAX} bytes")
    ctx.place = "token"
    data = ctx.store.random(request.data_length)
    streams.made(ctx, DataEnum.RNG_RETRIEVE, data)
    return RNGRetrieveResponsePayload(data=data)


def rng_seed(ctx: Context, request: RNGSeedRequestPayload) -> RNGSeedResponsePayload:
    """What is used of a seed is added to the generator's state; it never replaces it (PKCS#11, C_SeedRandom)."""
    seed = streams.require_data(ctx, request.data)
    match ctx.services.settings.rng_seed:
        case RNGSeeding.DENY:
            raise KmipError(ResultReason.PERMISSION_DENIED, "seeding the random number generator is not permitted")
        case RNGSeeding.IGNORE:
            return RNGSeedResponsePayload(data_length=0)
        case RNGSeeding.TRUNCATE:
            seed = seed[:_TRUNCATED]
    ctx.place = "token"
    return RNGSeedResponsePayload(data_length=ctx.store.seed_random(seed))
