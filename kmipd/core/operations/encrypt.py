"""Encrypt and Decrypt (KMIP 1.4, 4.29 and 4.30; 2.1, 6.1.16 and 6.1.10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import rsa_parameters, usage, vault
from kmipd.core.algorithms import ciphers, rsa_ciphers
from kmipd.core.algorithms.chacha import STREAM_CIPHERS
from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.core.services import Context
from kmipd.core.streams import require_data, require_whole
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType, ResultReason
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import (
    DecryptRequestPayload,
    DecryptResponsePayload,
    EncryptRequestPayload,
    EncryptResponsePayload,
)
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4


def encrypt(ctx: Context, request: EncryptRequestPayload) -> EncryptResponsePayload:
    require_whole(request)
    data = require_data(request.data)
    obj = ctx.object(request.unique_identifier)
    usage.protecting(ctx, obj, CryptographicUsageMask.ENCRYPT, "Encrypt", len(data))
    parameters = _stated(obj, request.cryptographic_parameters)
    if obj.object_type in (ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE):
        ctx.place = "software"
        sealed = rsa_ciphers.encrypt(rsa_parameters.cipher(parameters), vault.material_of(ctx, obj), data)
        return EncryptResponsePayload(unique_identifier=obj.uid, data=sealed)
    resolved = _resolve(ctx, obj, parameters, request)
    generated = _generated_iv(ctx, resolved, parameters, request.iv_counter_nonce)
    if generated:
        resolved = replace(resolved, iv=generated)
    result: CipherResult = vault.in_token_or_software(
        ctx,
        obj,
        lambda store, key: store.encrypt(key, resolved, data),
        lambda material: ciphers.encrypt(resolved, material, data),
    )
    return EncryptResponsePayload(
        unique_identifier=obj.uid,
        data=result.data,
        iv_counter_nonce=generated or None,  # a nonce the client gave is not repeated (KMIP 1.4, 4.29)
        authenticated_encryption_tag=result.tag or None,
    )


def decrypt(ctx: Context, request: DecryptRequestPayload) -> DecryptResponsePayload:
    require_whole(request)
    data = require_data(request.data)
    obj = ctx.object(request.unique_identifier)
    usage.processing(ctx, obj, CryptographicUsageMask.DECRYPT, "Decrypt")
    parameters = _stated(obj, request.cryptographic_parameters)
    tag = request.authenticated_encryption_tag or b""
    if obj.object_type is ObjectType.PRIVATE_KEY:
        resolved = rsa_parameters.cipher(parameters)

        def software(material: bytes) -> bytes:
            return rsa_ciphers.decrypt(resolved, material, data)

    else:
        resolved = _resolve(ctx, obj, parameters, request)
        if not resolved.iv and ciphers.iv_size(resolved):
            raise KmipError(ResultReason.INVALID_MESSAGE, "Decrypt in this mode needs the IV/Counter/Nonce")

        def software(material: bytes) -> bytes:
            return ciphers.decrypt(resolved, material, data, tag)

    plain = vault.in_token_or_software(ctx, obj, lambda store, key: store.decrypt(key, resolved, data, tag), software)
    return DecryptResponsePayload(unique_identifier=obj.uid, data=plain)


def _stated(obj: ManagedObject, given: CryptographicParameters | None) -> CryptographicParameters:
    """The request's, else those of the object with the lowest index (KMIP 1.4, 4.29)."""
    return given or obj.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()


def _resolve(ctx: Context, obj: ManagedObject, parameters: CryptographicParameters, request: Any) -> CipherParameters:
    algorithm = parameters.cryptographic_algorithm or obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    mode = parameters.block_cipher_mode
    if not isinstance(algorithm, CryptographicAlgorithm):
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "no Cryptographic Algorithm is known for the object")
    if mode is None and algorithm not in STREAM_CIPHERS:
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "Cryptographic Parameters name no Block Cipher Mode")
    if ciphers.authenticated(algorithm, mode) and ctx.version < V1_4:
        # Before 1.4 no field can carry the tag; without it the ciphertext could never be opened again.
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "authenticated encryption needs KMIP 1.4 or later")
    return CipherParameters(
        algorithm=algorithm,
        block_cipher_mode=mode,
        padding_method=parameters.padding_method,
        iv=request.iv_counter_nonce or b"",
        tag_length=16 if parameters.tag_length is None else parameters.tag_length,
        additional_data=request.authenticated_encryption_additional_data or b"",
    )


def _generated_iv(
    ctx: Context, resolved: CipherParameters, parameters: CryptographicParameters, given: bytes | None
) -> bytes:
    """A fresh IV when the client wants one (Random IV) or gave none; empty when it gave its own."""
    if given and not parameters.random_iv:
        return b""
    size = ciphers.iv_size(resolved)
    return ctx.services.store.random(parameters.iv_length or size) if size else b""
