"""From KMIP's cryptographic parameters to a PKCS#11 mechanism: tables, and the few lines that read them.

Whatever is not in a table is `MechanismUnavailable`: the core then works in software if the key may be released.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pkcs11.mechanisms import MGF, GCMParams, Mechanism

from kmipd.core.errors import MechanismUnavailable, StoreRefused
from kmipd.core.ports import CipherParameters, MACParameters, SignatureParameters
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    PaddingMethod,
)

Algorithm = CryptographicAlgorithm
Mode = BlockCipherMode
Padding = PaddingMethod
Hash = HashingAlgorithm


@dataclass(frozen=True, slots=True)
class Plan:
    """A mechanism with its parameter as python-pkcs11 takes it, and the hash its proof depends on, if any."""

    mechanism: Mechanism
    parameter: object = None
    hash_name: str = ""
    mgf_name: str = ""

    @property
    def proof(self) -> tuple[Mechanism, str, str]:
        """What has to be proved once before this is used."""
        return (self.mechanism, self.hash_name, self.mgf_name)


@dataclass(frozen=True, slots=True)
class HashFacts:
    """One hash as the mechanisms of RSA know it."""

    name: str  # in hashlib
    digest: Mechanism
    mgf: MGF
    pkcs1: Mechanism
    pss: Mechanism
    digest_info: bytes  # DER before the digest, RFC 8017 §9.2 note 1


def _hash(name: str, suffix: str, prefix: str) -> HashFacts:
    mechanism = Mechanism.SHA_1 if suffix == "SHA1" else Mechanism[suffix]
    named = (Mechanism[f"{suffix}_RSA_PKCS"], Mechanism[f"{suffix}_RSA_PKCS_PSS"])
    return HashFacts(name, mechanism, MGF[suffix], *named, bytes.fromhex(prefix))


HASHES: Final[Mapping[HashingAlgorithm, HashFacts]] = {
    Hash.SHA_1: _hash("sha1", "SHA1", "3021300906052b0e03021a05000414"),
    Hash.SHA_224: _hash("sha224", "SHA224", "302d300d06096086480165030402040500041c"),
    Hash.SHA_256: _hash("sha256", "SHA256", "3031300d060960864801650304020105000420"),
    Hash.SHA_384: _hash("sha384", "SHA384", "3041300d060960864801650304020205000430"),
    Hash.SHA_512: _hash("sha512", "SHA512", "3051300d060960864801650304020305000440"),
}

_BLOCK: Final = {Algorithm.AES: 16, Algorithm.TRIPLE_DES: 8}
_RAW: Final = (None, Padding.NONE)

#: (algorithm, mode, padded with PKCS#5) -> mechanism
_CIPHERS: Final[Mapping[tuple[Algorithm, BlockCipherMode, bool], Mechanism]] = {
    (Algorithm.AES, Mode.ECB, False): Mechanism.AES_ECB,
    (Algorithm.AES, Mode.CBC, False): Mechanism.AES_CBC,
    (Algorithm.AES, Mode.CBC, True): Mechanism.AES_CBC_PAD,
    (Algorithm.AES, Mode.CTR, False): Mechanism.AES_CTR,
    (Algorithm.AES, Mode.GCM, False): Mechanism.AES_GCM,
    (Algorithm.TRIPLE_DES, Mode.ECB, False): Mechanism.DES3_ECB,
    (Algorithm.TRIPLE_DES, Mode.CBC, False): Mechanism.DES3_CBC,
    (Algorithm.TRIPLE_DES, Mode.CBC, True): Mechanism.DES3_CBC_PAD,
}

_MACS: Final[Mapping[Algorithm, Mechanism]] = {
    Algorithm.HMAC_SHA1: Mechanism.SHA_1_HMAC,
    Algorithm.HMAC_SHA224: Mechanism.SHA224_HMAC,
    Algorithm.HMAC_SHA256: Mechanism.SHA256_HMAC,
    Algorithm.HMAC_SHA384: Mechanism.SHA384_HMAC,
    Algorithm.HMAC_SHA512: Mechanism.SHA512_HMAC,
    Algorithm.AES: Mechanism.AES_CMAC,
    Algorithm.TRIPLE_DES: Mechanism.DES3_CMAC,
}

_S = DigitalSignatureAlgorithm
#: signature algorithm -> (hash or None, padding or None for ECDSA)
_SIGNATURES: Final[Mapping[DigitalSignatureAlgorithm, tuple[HashingAlgorithm | None, PaddingMethod | None]]] = {
    _S.SHA_1_WITH_RSA_ENCRYPTION: (Hash.SHA_1, Padding.PKCS1_V1_5),
    _S.SHA_224_WITH_RSA_ENCRYPTION: (Hash.SHA_224, Padding.PKCS1_V1_5),
    _S.SHA_256_WITH_RSA_ENCRYPTION: (Hash.SHA_256, Padding.PKCS1_V1_5),
    _S.SHA_384_WITH_RSA_ENCRYPTION: (Hash.SHA_384, Padding.PKCS1_V1_5),
    _S.SHA_512_WITH_RSA_ENCRYPTION: (Hash.SHA_512, Padding.PKCS1_V1_5),
    _S.RSASSA_PSS: (None, Padding.PSS),
    _S.ECDSA_WITH_SHA_1: (Hash.SHA_1, None),
    _S.ECDSA_WITH_SHA_224: (Hash.SHA_224, None),
    _S.ECDSA_WITH_SHA_256: (Hash.SHA_256, None),
    _S.ECDSA_WITH_SHA_384: (Hash.SHA_384, None),
    _S.ECDSA_WITH_SHA_512: (Hash.SHA_512, None),
}

_GCM_TAGS: Final = (4, 8, 12, 13, 14, 15, 16)  # bytes, NIST SP 800-38D §5.2.1.2
EC_ALGORITHMS: Final = frozenset({Algorithm.EC, Algorithm.ECDSA, Algorithm.ECDH})


def _unavailable(what: object) -> MechanismUnavailable:
    return MechanismUnavailable(f"no PKCS#11 mechanism for {what}")


def hash_facts(algorithm: HashingAlgorithm | None) -> HashFacts:
    """MechanismUnavailable for a hash that no RSA mechanism of PKCS#11 2.40 names."""
    facts = HASHES.get(algorithm) if algorithm is not None else None
    if facts is None:
        raise _unavailable(f"the hash {algorithm.name if algorithm is not None else None}")
    return facts


def cipher_plan(parameters: CipherParameters) -> Plan:
    """How to encrypt or decrypt. StoreRefused when the IV does not fit the mode."""
    if parameters.algorithm is Algorithm.RSA:
        return _rsa_cipher_plan(parameters)
    algorithm, mode, padding = parameters.algorithm, parameters.block_cipher_mode, parameters.padding_method
    padded = padding is Padding.PKCS5
    mechanism = _CIPHERS.get((algorithm, mode, padded)) if mode is not None else None
    if mechanism is None or not (padded or padding in _RAW):
        raise _unavailable(f"{algorithm.name} {mode and mode.name} {padding and padding.name}")
    if mode is Mode.ECB:
        return Plan(mechanism)
    if mode is Mode.GCM:
        if len(parameters.iv) != 12:
            raise _unavailable(f"a GCM nonce of {len(parameters.iv)} bytes")
        if parameters.tag_length not in _GCM_TAGS:
            raise StoreRefused(f"a GCM tag of {parameters.tag_length} bytes is not defined")
        aad = parameters.additional_data or None
        return Plan(mechanism, GCMParams(parameters.iv, aad, parameters.tag_length * 8))
    if len(parameters.iv) != _BLOCK[algorithm]:
        raise StoreRefused(f"the IV must be {_BLOCK[algorithm]} bytes, not {len(parameters.iv)}")
    if mode is Mode.CTR:
        if parameters.iv.startswith(b"\xff" * 8):
            raise _unavailable("a counter about to wrap: SoftHSM2 refuses what others compute")
        # CK_AES_CTR_PARAMS: all 128 bits count. python-pkcs11's own parameter allows no full counter block.
        return Plan(mechanism, struct.pack("@L16s", 128, parameters.iv))
    return Plan(mechanism, parameters.iv)


def _rsa_cipher_plan(parameters: CipherParameters) -> Plan:
    if parameters.padding_method is Padding.PKCS1_V1_5:
        return Plan(Mechanism.RSA_PKCS)
    if parameters.padding_method is Padding.OAEP:
        content, mask = _oaep_hashes(parameters)
        parameter = (content.digest, mask.mgf, parameters.p_source or None)
        return Plan(Mechanism.RSA_PKCS_OAEP, parameter, content.name, mask.name)
    raise _unavailable(f"RSA with padding {parameters.padding_method}")


def _oaep_hashes(parameters: CipherParameters) -> tuple[HashFacts, HashFacts]:
    return (
        hash_facts(parameters.hashing_algorithm),
        hash_facts(parameters.mask_generator_hash or parameters.hashing_algorithm),
    )


def mac_plan(parameters: MACParameters) -> Plan:
    """How to compute a MAC."""
    mechanism = _MACS.get(parameters.algorithm)
    if mechanism is None:
        raise _unavailable(f"a MAC with {parameters.algorithm.name}")
    return Plan(mechanism)


@dataclass(frozen=True, slots=True)
class Signing:
    """A plan, and what to hand to the token in place of the data."""

    plan: Plan
    data: bytes


def sign_plan(parameters: SignatureParameters, data: bytes, mechanisms: frozenset[int]) -> Signing:
    """How to sign `data` on a token that has these mechanisms."""
    hashing, padding = parameters.hashing_algorithm, parameters.padding_method
    if parameters.signature_algorithm is not None:
        if parameters.signature_algorithm not in _SIGNATURES:
            raise _unavailable(parameters.signature_algorithm.name)
        implied, padding = _SIGNATURES[parameters.signature_algorithm]
        hashing = implied or hashing
    facts = hash_facts(hashing)
    if parameters.digested and len(data) != hashlib.new(facts.name, usedforsecurity=False).digest_size:
        raise StoreRefused(f"{len(data)} bytes are no {facts.name} digest")
    if parameters.algorithm in EC_ALGORITHMS:
        # Tokens differ in which CKM_ECDSA_SHA* they have; all have CKM_ECDSA.
        return Signing(Plan(Mechanism.ECDSA), _digest(parameters, facts, data))
    if parameters.algorithm is not Algorithm.RSA:
        raise _unavailable(f"signing with {parameters.algorithm.name}")
    if padding is Padding.PSS:
        return _pss(parameters, facts, data, mechanisms)
    if padding is not Padding.PKCS1_V1_5:
        raise _unavailable(f"an RSA signature with padding {padding}")
    if not parameters.digested and facts.pkcs1 in mechanisms:
        return Signing(Plan(facts.pkcs1, None, facts.name), data)
    return Signing(Plan(Mechanism.RSA_PKCS), facts.digest_info + _digest(parameters, facts, data))


def _pss(parameters: SignatureParameters, facts: HashFacts, data: bytes, mechanisms: frozenset[int]) -> Signing:
    mask = hash_facts(parameters.mask_generator_hash) if parameters.mask_generator_hash is not None else facts
    salt = parameters.salt_length
    if salt is None:
        salt = hashlib.new(facts.name, usedforsecurity=False).digest_size
    parameter = (facts.digest, mask.mgf, salt)
    if not parameters.digested and facts.pss in mechanisms:
        return Signing(Plan(facts.pss, parameter, facts.name, mask.name), data)
    plan = Plan(Mechanism.RSA_PKCS_PSS, parameter, facts.name, mask.name)
    return Signing(plan, _digest(parameters, facts, data))


def _digest(parameters: SignatureParameters, facts: HashFacts, data: bytes) -> bytes:
    return data if parameters.digested else hashlib.new(facts.name, data, usedforsecurity=False).digest()
