"""MAC (KMIP 1.4, 4.33; 2.1, 6.1.31)."""

from __future__ import annotations

from kmipd.core import streams, usage, vault
from kmipd.core.algorithms import macs
from kmipd.core.algorithms.hashes import HMAC_HASH
from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.core.ports import MACParameters
from kmipd.core.services import Context
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, DataEnum, ResultReason
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import MACRequestPayload, MACResponsePayload
from kmipd.spec.tags import Tag

_HMAC_OF = {hashing: algorithm for algorithm, hashing in HMAC_HASH.items()}


def mac(ctx: Context, request: MACRequestPayload) -> MACResponsePayload:
    part = streams.part_of(ctx, O.MAC, request)
    data = streams.part_data(ctx, part, request.data)
    obj = ctx.object(part.identifier(request.unique_identifier))
    usage.protecting(ctx, obj, CryptographicUsageMask.MAC_GENERATE, "MAC", len(data), use=part.use)
    parameters = resolve(obj, request.cryptographic_parameters)
    parameters, data, correlation = streams.collect(ctx, part, obj.uid, parameters, data)
    if not part.final:
        return MACResponsePayload(unique_identifier=obj.uid, correlation_value=correlation)
    made = compute(ctx, obj, parameters, data)
    streams.made(ctx, DataEnum.MAC_MAC_DATA, made)
    return MACResponsePayload(unique_identifier=obj.uid, mac_data=made)


def compute(ctx: Context, obj: ManagedObject, parameters: MACParameters, data: bytes) -> bytes:
    return vault.in_token_or_software(
        ctx,
        obj,
        lambda store, key: store.mac(key, parameters, data),
        lambda material: macs.mac(parameters, material, data),
    )


def resolve(obj: ManagedObject, given: CryptographicParameters | None) -> MACParameters:
    """The algorithm of the request, a hash that makes it an HMAC, or the algorithm of the key."""
    stated = given or obj.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()
    algorithm = stated.cryptographic_algorithm
    if algorithm is None and stated.hashing_algorithm is not None:
        algorithm = _HMAC_OF.get(stated.hashing_algorithm)
    if algorithm is None:
        algorithm = obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if not isinstance(algorithm, CryptographicAlgorithm):
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "no MAC algorithm is known for the object")
    return MACParameters(algorithm=algorithm)
