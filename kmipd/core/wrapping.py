"""Giving a key out wrapped under another one (KMIP 1.4, 2.1.5 and 2.1.6): AES key wrap, or RSA.

Encoding Option says what is wrapped: the bare key material, or the TTLV of the whole Key Value (the default).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.keywrap import aes_key_wrap, aes_key_wrap_with_padding

from kmipd.core import rsa_parameters, vault
from kmipd.core.algorithms import rsa_ciphers
from kmipd.core.algorithms.errors import failed, name_of
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state
from kmipd.core.model import ManagedObject
from kmipd.core.services import Context
from kmipd.core.usage import protecting
from kmipd.spec import objects as o
from kmipd.spec.attributes import Attribute, CryptographicParameters
from kmipd.spec.enumerations import BlockCipherMode, EncodingOption, ObjectType, ResultReason, WrappingMethod
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag

_AES_WRAPS: dict[BlockCipherMode, Callable[[bytes, bytes], bytes]] = {
    BlockCipherMode.NIST_KEY_WRAP: aes_key_wrap,
    BlockCipherMode.AES_KEY_WRAP_PADDING: aes_key_wrap_with_padding,
}


def wrap(
    ctx: Context, structure: o.ManagedObject, spec: o.KeyWrappingSpecification, attributes: tuple[Attribute, ...]
) -> o.ManagedObject:
    """`structure` with its Key Value wrapped as `spec` asks, `attributes` travelling inside."""
    block = getattr(structure, "key_block", None)
    if block is None:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, "objects without a Key Block cannot be wrapped")
    if not isinstance(block.key_value, o.KeyValue):
        raise KmipError(ResultReason.PERMISSION_DENIED, "the object is stored wrapped already")
    if spec.wrapping_method is not WrappingMethod.ENCRYPT or spec.mac_signature_key_information is not None:
        raise _unsupported(f"the wrapping method {name_of(spec.wrapping_method)}")
    if spec.encryption_key_information is None:
        raise KmipError(ResultReason.INVALID_FIELD, "Key Wrapping Specification names no encryption key")
    key = _wrapping_key(ctx, spec.encryption_key_information.unique_identifier)
    option = spec.encoding_option or EncodingOption.TTLV_ENCODING
    data = _encoded(ctx, block.key_value, option, attributes)
    parameters = spec.encryption_key_information.cryptographic_parameters
    protecting(ctx, key, CryptographicUsageMask.WRAP_KEY, "Get", len(data))
    wrapped = _seal(ctx, key, parameters, data)
    data_info = o.KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=spec.encryption_key_information,
        encoding_option=spec.encoding_option,  # as it was asked: what is not said is the default for both sides
    )
    value: Any = o.KeyValue(key_material=wrapped) if option is EncodingOption.NO_ENCODING else wrapped
    return replace(structure, key_block=replace(block, key_value=value, key_wrapping_data=data_info))


def _wrapping_key(ctx: Context, uid: str) -> ManagedObject:
    try:
        key = ctx.find(uid)
    except KmipError as error:
        if error.reason is ResultReason.OBJECT_ARCHIVED:
            raise KmipError(ResultReason.WRAPPING_OBJECT_ARCHIVED, f"the wrapping key {uid!r} is archived") from None
        raise KmipError(ResultReason.WRAPPING_OBJECT_NOT_FOUND, f"there is no wrapping key {uid!r}") from None
    if effective_state(key, ctx.now) in DESTROYED:
        raise KmipError(ResultReason.WRAPPING_OBJECT_DESTROYED, f"the wrapping key {uid!r} was destroyed")
    return key


def _encoded(ctx: Context, value: o.KeyValue, option: EncodingOption, attributes: tuple[Attribute, ...]) -> bytes:
    if option is EncodingOption.TTLV_ENCODING:
        return ctx.services.codec.dump(replace(value, attribute=attributes))
    if option is not EncodingOption.NO_ENCODING:
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, f"the encoding option {name_of(option)} is not known")
    if attributes:
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, "attributes travel only with TTLV encoding")
    if not isinstance(value.key_material, bytes):
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, "a transparent key has no encoding but TTLV")
    return value.key_material


def _seal(ctx: Context, key: ManagedObject, parameters: CryptographicParameters | None, data: bytes) -> bytes:
    if parameters is None:
        parameters = key.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()
    if key.object_type in (ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE):
        resolved = rsa_parameters.cipher(parameters)
        return rsa_ciphers.encrypt(resolved, vault.material_of(ctx, key), data)
    make = _AES_WRAPS.get(parameters.block_cipher_mode or BlockCipherMode.NIST_KEY_WRAP)
    if make is None:
        raise _unsupported(f"wrapping with the mode {name_of(parameters.block_cipher_mode)}")
    try:
        return make(vault.material_of(ctx, key), data)
    except ValueError:
        raise failed(
            f"{len(data)} bytes do not fit this key wrap (RFC 3394 needs a multiple of 8, at least 16)"
        ) from None


def _unsupported(what: str) -> KmipError:
    return KmipError(ResultReason.FEATURE_NOT_SUPPORTED, f"{what} is not supported")
