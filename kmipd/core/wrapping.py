"""Keys under other keys (KMIP 1.4, 2.1.5 and 2.1.6): wrapping what is given out, unwrapping what came wrapped.

Encoding Option says what is wrapped: the bare key material, or the TTLV of the whole Key Value (the default).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmipd.core import rsa_parameters, vault
from kmipd.core.algorithms import ciphers, rare_modes, rsa_ciphers
from kmipd.core.algorithms.block_ciphers import BLOCK_CIPHERS
from kmipd.core.algorithms.errors import failed, name_of
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, require_processing
from kmipd.core.model import ManagedObject
from kmipd.core.ports import CipherParameters
from kmipd.core.services import Context, WrappedValue
from kmipd.core.usage import protecting, require_mask
from kmipd.spec import objects as o
from kmipd.spec.attributes import Attribute, CryptographicParameters
from kmipd.spec.enumerations import (
    BlockCipherMode,
    EncodingOption,
    ObjectType,
    ResultReason,
    WrappingMethod,
)
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag

# Modes whose IV travels in Key Wrapping Data. Authenticated ones have no place for their tag there.
_CIPHER_MODES = frozenset(
    {BlockCipherMode.CBC, BlockCipherMode.CFB, BlockCipherMode.OFB, BlockCipherMode.CTR, BlockCipherMode.ECB}
)

_WITH_RSA = frozenset({ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.CERTIFICATE})


def wrap(
    ctx: Context, structure: o.ManagedObject, spec: o.KeyWrappingSpecification, attributes: tuple[Attribute, ...]
) -> o.ManagedObject:
    """`structure` with its Key Value wrapped as `spec` asks, `attributes` travelling inside."""
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if block is None:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, "objects without a Key Block cannot be wrapped")
    if not isinstance(block.key_value, o.KeyValue):
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the object has no Key Value here to be wrapped")
    information = _encryption(spec.wrapping_method, spec)
    key = _key(ctx, information.unique_identifier)
    option = spec.encoding_option or EncodingOption.TTLV_ENCODING
    data = _encoded(ctx, block.key_value, option, attributes)
    protecting(ctx, key, CryptographicUsageMask.WRAP_KEY, "Get", len(data))
    parameters = _parameters(ctx, key, information.cryptographic_parameters, None)
    material = vault.material_of(ctx, key)
    if key.object_type in _WITH_RSA:
        wrapped = rsa_ciphers.encrypt(parameters, material, data)
    else:
        wrapped = ciphers.encrypt(parameters, material, data).data
    data_info = o.KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=information,
        iv_counter_nonce=parameters.iv or None,
        encoding_option=spec.encoding_option,  # as it was asked: what is not said is the default for both sides
    )
    inside = (option, ctx.services.settings.wrapped_value) == (EncodingOption.NO_ENCODING, WrappedValue.STRUCTURE)
    value = o.KeyValue(key_material=wrapped) if inside else wrapped
    changed: Any = replace(block, key_value=value, key_wrapping_data=data_info)
    return replace(structure, key_block=changed)


def unwrap(ctx: Context, structure: o.ManagedObject) -> o.ManagedObject:
    """An object that came wrapped, in clear; attributes that were wrapped along stand in its Key Value."""
    block: o.KeyBlock = structure.key_block  # type: ignore[union-attr]
    info = block.key_wrapping_data
    wrapped = block.key_value.key_material if isinstance(block.key_value, o.KeyValue) else block.key_value
    if info is None or not isinstance(wrapped, bytes):
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the object has no wrapped Key Value here")
    information = _encryption(info.wrapping_method, info)
    key = _key(ctx, information.unique_identifier)
    require_processing(key, "unwrapping", ctx.now)
    _require_unwrapping(key)
    parameters = _parameters(ctx, key, information.cryptographic_parameters, info.iv_counter_nonce or b"")
    material = vault.material_of(ctx, key)
    if key.object_type in _WITH_RSA:
        data = rsa_ciphers.decrypt(parameters, material, wrapped)
    else:
        data = ciphers.decrypt(parameters, material, wrapped, b"")
    value = _decoded(ctx, block, info.encoding_option or EncodingOption.TTLV_ENCODING, data)
    clear: Any = replace(block, key_value=value, key_wrapping_data=None)
    return replace(structure, key_block=clear)


def _require_unwrapping(key: ManagedObject) -> None:
    """By its Usage Mask. A wrapping key that the client could read itself unwraps without the bit as well (TC-WRAP-3):
    nothing comes out that the client could not have had."""
    readable = not key.attributes.get(Tag.SENSITIVE) and key.attributes.get(Tag.EXTRACTABLE, True)
    mask = key.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    if not (readable and mask & CryptographicUsageMask.WRAP_KEY):
        require_mask(key, CryptographicUsageMask.UNWRAP_KEY, "unwrapping")


def _encryption(
    method: WrappingMethod, source: o.KeyWrappingSpecification | o.KeyWrappingData
) -> o.EncryptionKeyInformation:
    if method is not WrappingMethod.ENCRYPT or source.mac_signature_key_information is not None:
        raise _unsupported(f"the wrapping method {name_of(method)}")
    if source.encryption_key_information is None:
        raise KmipError(ResultReason.INVALID_FIELD, "no encryption key is named for the wrapping")
    return source.encryption_key_information


def _key(ctx: Context, uid: str) -> ManagedObject:
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
    _require_known(option)
    if attributes:
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, "attributes travel only with TTLV encoding")
    if not isinstance(value.key_material, bytes):
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, "a transparent key has no encoding but TTLV")
    return value.key_material


def _decoded(ctx: Context, block: o.KeyBlock, option: EncodingOption, data: bytes) -> o.KeyValue:
    if option is not EncodingOption.TTLV_ENCODING:
        _require_known(option)
        return o.KeyValue(key_material=data)
    codec = ctx.services.codec
    try:
        value: o.KeyValue = codec.load(o.KeyValue, data)
        if isinstance(value.key_material, Item):
            # What the structure is, only the Key Format Type of the block around it says.
            around: Any = o.KeyBlock(key_format_type=block.key_format_type, key_value=value)
            value = codec.load(o.KeyBlock, codec.dump(around)).key_value
    except ProtocolError:
        raise failed("what was unwrapped is not the TTLV of a Key Value") from None
    return value


def _require_known(option: EncodingOption) -> None:
    if option is not EncodingOption.NO_ENCODING:
        raise KmipError(ResultReason.ENCODING_OPTION_ERROR, f"the encoding option {name_of(option)} is not known")


def _parameters(
    ctx: Context, key: ManagedObject, given: CryptographicParameters | None, iv: bytes | None
) -> CipherParameters:
    """Resolved; without an `iv` that came along, a fresh one where the mode needs it."""
    stated = given or key.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()
    if key.object_type in _WITH_RSA:
        return rsa_parameters.cipher(stated)
    mode = stated.block_cipher_mode or BlockCipherMode.NIST_KEY_WRAP
    algorithm = stated.cryptographic_algorithm or key.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if mode not in rare_modes.KEY_WRAPS | _CIPHER_MODES or algorithm not in BLOCK_CIPHERS:
        raise _unsupported(f"wrapping with the mode {name_of(mode)}")
    resolved = CipherParameters(algorithm=algorithm, block_cipher_mode=mode, padding_method=stated.padding_method)
    size = 0 if mode in rare_modes.KEY_WRAPS else ciphers.iv_size(resolved)
    if iv is None and size:
        iv = ctx.store.random(size)
    return replace(resolved, iv=iv or b"")


def _unsupported(what: str) -> KmipError:
    return KmipError(ResultReason.FEATURE_NOT_SUPPORTED, f"{what} is not supported")
