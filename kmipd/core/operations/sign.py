"""Sign and Signature Verify (KMIP 1.4, 4.31 and 4.32; 2.1, 6.1.55 and 6.1.56)."""

from __future__ import annotations

from typing import Any

from kmipd.core import streams, usage, vault
from kmipd.core.algorithms import signatures
from kmipd.core.algorithms.errors import name_of, unsupported
from kmipd.core.algorithms.hashes import BY_DIGEST_SIZE
from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.core.ports import SignatureParameters
from kmipd.core.services import Context
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, DataEnum, ObjectType, ResultReason, ValidityIndicator
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import (
    SignatureVerifyRequestPayload,
    SignatureVerifyResponsePayload,
    SignRequestPayload,
    SignResponsePayload,
)
from kmipd.spec.tags import Tag


def sign(ctx: Context, request: SignRequestPayload) -> SignResponsePayload:
    part = streams.part_of(ctx, O.SIGN, request)
    data = _data(ctx, part, request)
    obj = ctx.object(part.identifier(request.unique_identifier))
    _require_type(obj, ObjectType.PRIVATE_KEY, "Sign")
    usage.protecting(ctx, obj, CryptographicUsageMask.SIGN, "Sign", len(data), use=part.use)
    parameters = _resolve(obj, request)
    parameters, data, correlation = streams.collect(ctx, part, obj.uid, parameters, data)
    if not part.final:
        return SignResponsePayload(unique_identifier=obj.uid, correlation_value=correlation)
    signature = vault.in_token_or_software(
        ctx,
        obj,
        lambda store, key: store.sign(key, parameters, data),
        lambda material: signatures.sign(parameters, material, data),
    )
    streams.made(ctx, DataEnum.SIGN_SIGNATURE_DATA, signature)
    return SignResponsePayload(unique_identifier=obj.uid, signature_data=signature)


def signature_verify(ctx: Context, request: SignatureVerifyRequestPayload) -> SignatureVerifyResponsePayload:
    part = streams.part_of(ctx, O.SIGNATURE_VERIFY, request)
    data = _data(ctx, part, request)
    obj = ctx.object(part.identifier(request.unique_identifier))
    if obj.object_type is not ObjectType.CERTIFICATE:
        _require_type(obj, ObjectType.PUBLIC_KEY, "Signature Verify")
    usage.processing(ctx, obj, CryptographicUsageMask.VERIFY, "Signature Verify")
    (parameters, given), before = part.state(((_resolve(obj, request), None), b""))
    given = request.signature_data if request.signature_data is not None else given
    data = before + data
    correlation = streams.go_on(ctx, part, obj.uid, ((parameters, given), data), len(data))
    if not part.final:
        return SignatureVerifyResponsePayload(unique_identifier=obj.uid, correlation_value=correlation)
    if given is None:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Signature Data is missing")
    ctx.place = "software"  # a public key: nothing to protect
    good = signatures.verify(parameters, vault.material_of(ctx, obj), data, given)
    return SignatureVerifyResponsePayload(
        unique_identifier=obj.uid, validity_indicator=ValidityIndicator.VALID if good else ValidityIndicator.INVALID
    )


def _data(ctx: Context, part: streams.Part, request: Any) -> bytes:
    if request.digested_data is None:
        return streams.part_data(ctx, part, request.data)
    if not part.whole:
        raise KmipError(ResultReason.INVALID_MESSAGE, "Digested Data comes in one piece")
    return streams.require_data(ctx, request.digested_data)


def _require_type(obj: ManagedObject, wanted: ObjectType, action: str) -> None:
    if obj.object_type is not wanted:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, f"{action} needs a {wanted.name.replace('_', ' ').lower()}")


def _resolve(obj: ManagedObject, request: Any) -> SignatureParameters:
    given = request.cryptographic_parameters or obj.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    stated: CryptographicParameters = given or CryptographicParameters()
    algorithm = stated.cryptographic_algorithm or obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    hashing, padding = stated.hashing_algorithm, stated.padding_method
    named = stated.digital_signature_algorithm
    if named is not None:
        row = signatures.SIGNATURE_ALGORITHMS.get(named)
        if row is None:
            raise unsupported(f"the signature algorithm {name_of(named)}")
        algorithm, hashing, padding = row[0], row[1] or hashing, row[2]
    if hashing is None and request.digested_data is not None:
        hashing = BY_DIGEST_SIZE.get(len(request.digested_data))
    if not isinstance(algorithm, CryptographicAlgorithm):
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "no Cryptographic Algorithm is known for the object")
    return SignatureParameters(
        algorithm=algorithm,
        signature_algorithm=named,
        hashing_algorithm=hashing,
        padding_method=padding,
        mask_generator=stated.mask_generator,
        mask_generator_hash=stated.mask_generator_hashing_algorithm,
        salt_length=stated.salt_length,
        digested=request.digested_data is not None,
    )
