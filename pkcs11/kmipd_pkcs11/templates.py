"""From a `KeyTemplate` to CKA_* attributes, and what of it is read back.

A key is made with its final attributes and CKA_MODIFIABLE false: SoftHSM2 lost a key when an attribute was rewritten
while the disk refused. Everything that matters is read back afterwards and compared, since one vendor drops
CKA_SENSITIVE without a word and another wraps what is not extractable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.ports import KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm
from kmipd.spec.masks import CryptographicUsageMask
from kmipd_pkcs11.der import CURVES
from kmipd_pkcs11.mechanisms import EC_ALGORITHMS
from kmipd_pkcs11.raw import FALSE, TRUE, flag, ulong

M = CryptographicUsageMask
Algorithm = CryptographicAlgorithm
Attributes = list[tuple[int, bytes]]

_SIGN: Final = M.SIGN | M.MAC_GENERATE | M.CONTENT_COMMITMENT | M.CERTIFICATE_SIGN | M.CRL_SIGN
_DERIVE: Final = M.DERIVE_KEY | M.KEY_AGREEMENT

#: attribute -> the usages that ask for it; UNRESTRICTED asks for all.
SECRET_USAGE: Final[Mapping[A, CryptographicUsageMask]] = {
    A.ENCRYPT: M.ENCRYPT,
    A.DECRYPT: M.DECRYPT,
    A.WRAP: M.WRAP_KEY,
    A.UNWRAP: M.UNWRAP_KEY,
    A.SIGN: _SIGN,
    A.VERIFY: M.VERIFY | M.MAC_VERIFY,
    A.DERIVE: _DERIVE,
}
PRIVATE_USAGE: Final[Mapping[A, CryptographicUsageMask]] = {
    A.DECRYPT: M.DECRYPT,
    A.UNWRAP: M.UNWRAP_KEY,
    A.SIGN: _SIGN,
    A.DERIVE: _DERIVE,
}
PUBLIC_USAGE: Final[Mapping[A, CryptographicUsageMask]] = {
    A.ENCRYPT: M.ENCRYPT,
    A.WRAP: M.WRAP_KEY,
    A.VERIFY: M.VERIFY,
}

#: What a private key can do at all: NSS softoken refuses to make one that is to do more.
_POSSIBLE: Final[Mapping[KeyType, Mapping[A, CryptographicUsageMask]]] = {
    KeyType.RSA: {**PRIVATE_USAGE, A.DERIVE: M(0)},
    KeyType.EC: {**PRIVATE_USAGE, A.DECRYPT: M(0), A.UNWRAP: M(0)},
}

#: Seals what is kept in the registry, and does nothing else.
WRAPPING_KEY: Final = KeyTemplate(
    algorithm=Algorithm.AES,
    length=256,
    usage=M.ENCRYPT | M.DECRYPT,
    extractable=False,
    label="kmipd-wrapping-key",
)
PAIR_ALGORITHMS: Final = frozenset({Algorithm.RSA, *EC_ALGORITHMS})
HMACS: Final = frozenset(algorithm for algorithm in Algorithm if algorithm.name.startswith("HMAC_"))
AES_LENGTHS: Final = frozenset({128, 192, 256})
DES3_LENGTHS: Final = frozenset({168, 192})  # KMIP counts the key's bits with or without parity; both are 24 bytes
RSA_LENGTHS: Final = frozenset({1024, 2048, 3072, 4096})
HMAC_BITS_MAX: Final = 8192  # nobody needs a longer secret, and the room for its release is bounded


@dataclass(frozen=True, slots=True)
class SecretKind:
    """How a secret key is generated."""

    key_type: KeyType
    mechanism: Mechanism
    size: int  # bytes
    tells_length: bool  # whether CKA_VALUE_LEN is given and read back


def secret_kind(template: KeyTemplate) -> SecretKind | None:
    """The kind of secret key, None when PKCS#11 has none for this algorithm and length."""
    algorithm, length = template.algorithm, template.length
    if algorithm is Algorithm.AES and length in AES_LENGTHS:
        return SecretKind(KeyType.AES, Mechanism.AES_KEY_GEN, length // 8, True)
    if algorithm is Algorithm.TRIPLE_DES and length in DES3_LENGTHS:
        return SecretKind(KeyType.DES3, Mechanism.DES3_KEY_GEN, 24, False)
    if algorithm in HMACS and length % 8 == 0 and 0 < length <= HMAC_BITS_MAX:
        return SecretKind(KeyType.GENERIC_SECRET, Mechanism.GENERIC_SECRET_KEY_GEN, length // 8, True)
    return None


@dataclass(frozen=True, slots=True)
class PairKind:
    """How a key pair is generated: `parameters` go into the public template."""

    key_type: KeyType
    mechanism: Mechanism
    parameters: tuple[tuple[int, bytes], ...]


def pair_kind(template: KeyTemplate, rsa_bits_min: int) -> PairKind | None:
    """The kind of key pair, None when tokens have none for this algorithm, length or curve."""
    if template.algorithm is Algorithm.RSA:
        if template.length not in RSA_LENGTHS or template.length < rsa_bits_min:
            return None
        size = ((A.MODULUS_BITS, ulong(template.length)), (A.PUBLIC_EXPONENT, b"\x01\x00\x01"))
        return PairKind(KeyType.RSA, Mechanism.RSA_PKCS_KEY_PAIR_GEN, size)
    if template.algorithm in EC_ALGORITHMS and template.curve in CURVES:
        identifier, bits, _ = CURVES[template.curve]
        if template.length in (0, bits):
            return PairKind(KeyType.EC, Mechanism.EC_KEY_PAIR_GEN, ((A.EC_PARAMS, identifier),))
    return None


def _uses(table: Mapping[A, CryptographicUsageMask], usage: CryptographicUsageMask) -> Attributes:
    everything = bool(usage & M.UNRESTRICTED)
    return [
        (attribute, flag(bool(wanted) and (everything or bool(usage & wanted)))) for attribute, wanted in table.items()
    ]


def _token_object(object_class: ObjectClass, key_type: KeyType, cka_id: bytes) -> Attributes:
    return [
        (A.CLASS, ulong(object_class)),
        (A.KEY_TYPE, ulong(key_type)),
        (A.ID, cka_id),
        (A.TOKEN, TRUE),
        (A.MODIFIABLE, FALSE),
    ]


def _guarded(extractable: bool) -> Attributes:
    return [(A.PRIVATE, TRUE), (A.SENSITIVE, TRUE), (A.EXTRACTABLE, flag(extractable))]


def secret(kind: SecretKind, cka_id: bytes, template: KeyTemplate) -> Attributes:
    """The attributes of a secret key, all of them to be read back."""
    return [
        *_token_object(ObjectClass.SECRET_KEY, kind.key_type, cka_id),
        *_guarded(template.extractable),
        *_uses(SECRET_USAGE, template.usage),
        *([(A.VALUE_LEN, ulong(kind.size))] if kind.tells_length else []),
    ]


def private(kind: PairKind, cka_id: bytes, template: KeyTemplate) -> Attributes:
    """The attributes of a private key, all of them to be read back."""
    return [
        *_token_object(ObjectClass.PRIVATE_KEY, kind.key_type, cka_id),
        *_guarded(template.extractable),
        *_uses(_POSSIBLE[kind.key_type], template.usage),
    ]


def public(kind: PairKind, cka_id: bytes, template: KeyTemplate) -> Attributes:
    """The attributes of a public key, all of them to be read back. It is no secret."""
    return [
        *_token_object(ObjectClass.PUBLIC_KEY, kind.key_type, cka_id),
        (A.PRIVATE, FALSE),
        *_uses(PUBLIC_USAGE, template.public_usage),
        *kind.parameters,
    ]


#: private usage -> what a public key does to match it
_OPPOSITES: Final = ((_SIGN, M.VERIFY), (M.DECRYPT, M.ENCRYPT), (M.UNWRAP_KEY, M.WRAP_KEY))


def in_step(template: KeyTemplate) -> KeyTemplate:
    """The template with a public key that can do the opposite of what the private key can. Nobody gains by it: what a
    client may do with either key, its usage mask says."""
    everything = bool(template.usage & M.UNRESTRICTED)
    wanted = [opposite for usage, opposite in _OPPOSITES if everything or template.usage & usage]
    return replace(template, public_usage=reduce(or_, wanted, template.public_usage))


def labelled(attributes: Attributes, label: str) -> Attributes:
    """With the label, which is for people and is not read back: tokens shorten it."""
    return [*attributes, (A.LABEL, label.encode())]


def differences(asked: Attributes, got: Sequence[bytes | None], unreadable: frozenset[A]) -> list[str]:
    """The names of the attributes that are not what was asked for."""
    return [
        A(attribute).name
        for (attribute, wanted), found in zip(asked, got, strict=True)
        if found != wanted and attribute not in unreadable
    ]


KEY_TYPES: Final[Mapping[CryptographicAlgorithm, KeyType]] = {
    Algorithm.AES: KeyType.AES,
    Algorithm.TRIPLE_DES: KeyType.DES3,
    Algorithm.RSA: KeyType.RSA,
    **dict.fromkeys(EC_ALGORITHMS, KeyType.EC),
    **dict.fromkeys(HMACS, KeyType.GENERIC_SECRET),
}
