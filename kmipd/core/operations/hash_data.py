"""Hash (KMIP 1.4, 4.37; 2.1, 6.1.24): no key is involved."""

from __future__ import annotations

from kmipd.core import streams
from kmipd.core.algorithms.hashes import digest, hash_of
from kmipd.core.services import Context
from kmipd.spec.enumerations import DataEnum
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.payloads import HashRequestPayload, HashResponsePayload


def hash_data(ctx: Context, request: HashRequestPayload) -> HashResponsePayload:
    part = streams.part_of(ctx, O.HASH, request)
    data = streams.part_data(ctx, part, request.data)
    algorithm = request.cryptographic_parameters.hashing_algorithm
    hash_of(algorithm)  # an unknown one is refused with the first part
    algorithm, data, correlation = streams.collect(ctx, part, "", algorithm, data)
    if not part.final:
        return HashResponsePayload(correlation_value=correlation)
    ctx.place = "software"
    made = digest(algorithm, data)
    streams.made(ctx, DataEnum.HASH, made)
    return HashResponsePayload(data=made)
