"""Encrypt and Decrypt (KMIP 1.4, 4.29 and 4.30; 2.1, 6.1.16 and 6.1.10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import rsa_parameters, streams, usage, vault
from kmipd.core.algorithms import ciphers, pieces, rsa_ciphers
from kmipd.core.algorithms.pieces import Progress
from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.core.ports import CipherParameters, CipherResult, KeyStore
from kmipd.core.services import Context
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, DataEnum, ObjectType, ResultReason
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads import (
    DecryptRequestPayload,
    DecryptResponsePayload,
    EncryptRequestPayload,
    EncryptResponsePayload,
)
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4

IV_SIZE_MAX = 128  # bytes: twice the longest nonce of the test cases; a token's generator is slow


def encrypt(ctx: Context, request: EncryptRequestPayload) -> EncryptResponsePayload:
    part = streams.part_of(ctx, O.ENCRYPT, request)
    data = streams.part_data(ctx, part, request.data)
    obj = ctx.object(part.identifier(request.unique_identifier))
    usage.protecting(ctx, obj, CryptographicUsageMask.ENCRYPT, "Encrypt", len(data), use=part.use)
    if obj.object_type in (ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE):
        return _encrypt_rsa(ctx, part, obj, request.cryptographic_parameters, data)
    generated = b""
    progress: Progress | None = part.state(None)
    if progress is None:
        parameters = _stated(obj, request.cryptographic_parameters)
        resolved = _resolve(ctx, obj, parameters, request)
        generated = _generated_iv(ctx.store_of(obj), resolved, parameters, request.iv_counter_nonce)
        progress = Progress(replace(resolved, iv=generated) if generated else resolved)
    correlation = None
    if part.whole:
        result = _run(ctx, obj, progress.parameters, data)
    else:
        progress, result = pieces.encrypt(progress, data, lambda p, d: _run(ctx, obj, p, d), final=part.final)
        correlation = streams.go_on(ctx, part, obj.uid, progress, progress.held)
    answered = result.data if result.data or part.whole else None
    streams.made(ctx, DataEnum.ENCRYPT, answered)
    return EncryptResponsePayload(
        unique_identifier=obj.uid,
        data=answered,
        iv_counter_nonce=generated or None,  # a nonce the client gave is not repeated (KMIP 1.4, 4.29)
        correlation_value=correlation,
        authenticated_encryption_tag=result.tag or None,
    )


def _run(ctx: Context, obj: ManagedObject, parameters: CipherParameters, data: bytes) -> CipherResult:
    return vault.in_token_or_software(
        ctx,
        obj,
        lambda store, key: store.encrypt(key, parameters, data),
        lambda material: ciphers.encrypt(parameters, material, data),
    )


def _encrypt_rsa(
    ctx: Context, part: streams.Part, obj: ManagedObject, given: CryptographicParameters | None, data: bytes
) -> EncryptResponsePayload:
    """One block of the key's size: of a stream nothing comes out before its end."""
    parameters = rsa_parameters.cipher(_stated(obj, given))
    parameters, data, correlation = streams.collect(ctx, part, obj.uid, parameters, data)
    if not part.final:
        return EncryptResponsePayload(unique_identifier=obj.uid, correlation_value=correlation)
    ctx.place = "software"  # a public key: nothing to protect
    sealed = rsa_ciphers.encrypt(parameters, vault.material_of(ctx, obj), data)
    streams.made(ctx, DataEnum.ENCRYPT, sealed)
    return EncryptResponsePayload(unique_identifier=obj.uid, data=sealed)


def decrypt(ctx: Context, request: DecryptRequestPayload) -> DecryptResponsePayload:
    part = streams.part_of(ctx, O.DECRYPT, request)
    data = streams.part_data(ctx, part, request.data)
    obj = ctx.object(part.identifier(request.unique_identifier))
    usage.processing(ctx, obj, CryptographicUsageMask.DECRYPT, "Decrypt")
    asymmetric = obj.object_type is ObjectType.PRIVATE_KEY
    progress: Progress | None = part.state(None)
    if progress is None:
        progress = Progress(_opening(ctx, obj, request), tag=request.authenticated_encryption_tag or b"")

    def run(parameters: CipherParameters, data: bytes, tag: bytes) -> bytes:
        def software(material: bytes) -> bytes:
            if asymmetric:
                return rsa_ciphers.decrypt(parameters, material, data)
            return ciphers.decrypt(parameters, material, data, tag)

        return vault.in_token_or_software(
            ctx, obj, lambda store, key: store.decrypt(key, parameters, data, tag), software
        )

    correlation = None
    if part.whole:
        plain = run(progress.parameters, data, progress.tag)
    else:
        if request.authenticated_encryption_tag is not None:
            progress = replace(progress, tag=request.authenticated_encryption_tag)
        progress, plain = pieces.decrypt(progress, data, run, final=part.final)
        correlation = streams.go_on(ctx, part, obj.uid, progress, progress.held)
    answered = plain if plain or part.whole else None
    streams.made(ctx, DataEnum.DECRYPT, answered)
    return DecryptResponsePayload(unique_identifier=obj.uid, data=answered, correlation_value=correlation)


def _opening(ctx: Context, obj: ManagedObject, request: DecryptRequestPayload) -> CipherParameters:
    parameters = _stated(obj, request.cryptographic_parameters)
    if obj.object_type is ObjectType.PRIVATE_KEY:
        return rsa_parameters.cipher(parameters)
    resolved = _resolve(ctx, obj, parameters, request)
    if not resolved.iv and ciphers.iv_size(resolved):
        raise KmipError(ResultReason.INVALID_MESSAGE, "Decrypt in this mode needs the IV/Counter/Nonce")
    return resolved


def _stated(obj: ManagedObject, given: CryptographicParameters | None) -> CryptographicParameters:
    """The request's, else those of the object with the lowest index (KMIP 1.4, 4.29)."""
    return given or obj.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()


def _resolve(ctx: Context, obj: ManagedObject, parameters: CryptographicParameters, request: Any) -> CipherParameters:
    algorithm = parameters.cryptographic_algorithm or obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    mode = parameters.block_cipher_mode
    if not isinstance(algorithm, CryptographicAlgorithm):
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "no Cryptographic Algorithm is known for the object")
    if mode is None and algorithm not in ciphers.MODELESS:
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "Cryptographic Parameters name no Block Cipher Mode")
    if algorithm is CryptographicAlgorithm.ONE_TIME_PAD:
        _require_pad(obj)
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


def _require_pad(obj: ManagedObject) -> None:
    """A pad is in the hands of whoever enciphers known data with it: no other key, and none that must stay here."""
    if obj.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM) is not CryptographicAlgorithm.ONE_TIME_PAD:
        raise KmipError(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, f"{obj.uid} is no one-time pad")
    if obj.attributes.get(Tag.SENSITIVE) or not obj.attributes.get(Tag.EXTRACTABLE, True):
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{obj.uid} may not leave; its use as a pad would show it")


def _generated_iv(
    store: KeyStore, resolved: CipherParameters, parameters: CryptographicParameters, given: bytes | None
) -> bytes:
    """A fresh IV when the client wants one (Random IV) or gave none; empty when it gave its own."""
    if given and not parameters.random_iv:
        return b""
    size = ciphers.iv_size(resolved)
    wanted = parameters.iv_length or size
    if not 0 < wanted <= IV_SIZE_MAX and size:
        raise KmipError(ResultReason.INVALID_FIELD, f"IV Length must be 1 to {IV_SIZE_MAX} bytes")
    return store.random(wanted) if size else b""
