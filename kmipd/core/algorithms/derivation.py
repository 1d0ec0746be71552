"""Derive Key (KMIP 1.4, 4.6): the key derivation functions over material held for the call."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from kmipd.core.algorithms import agreement, ciphers
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.hashes import HMAC_HASH, digest, hash_of
from kmipd.core.algorithms.macs import mac
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters, MACParameters
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import DerivationMethod as D
from kmipd.spec.enumerations import HashingAlgorithm as HA
from kmipd.spec.enumerations import ResultReason

ITERATIONS_MAX = 10_000_000  # PBKDF2 runs in the worker: more would be a way to stall it
LENGTH_MAX = 8192  # bytes of derived material: far beyond any key, small against memory
_HMAC_OF = {hashing: algorithm for algorithm, hashing in HMAC_HASH.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One derivation, resolved. `length` in bytes."""

    method: D
    key: bytes = field(repr=False)
    data: bytes = field(default=b"", repr=False)
    length: int
    hashing_algorithm: HA | None = None
    cipher: CipherParameters | None = None
    salt: bytes = b""
    iterations: int = 0


def derive(d: Derivation) -> bytes:
    if not 0 < d.length <= LENGTH_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"cannot derive {d.length} bytes (1 to {LENGTH_MAX})")
    match d.method:
        case D.PBKDF2:
            return _pbkdf2(d)
        case D.HASH:
            return _cut(digest(_hashing(d), d.data or d.key), d.length)
        case D.HMAC:
            return _hmac(d)
        case D.HKDF:
            return _hkdf(d)
        case D.ENCRYPT:
            return _encrypt(d)
        case D.ASYMMETRIC_KEY:
            return _cut(agreement.agree(d.key, d.data), d.length)
        case D.NIST800_108_C | D.NIST800_108_F | D.NIST800_108_DPI:
            return _sp800_108(d)
        case _:
            raise unsupported(f"the derivation method {name_of(d.method)}")


def _hashing(d: Derivation) -> HA:
    if d.hashing_algorithm is None:
        raise KmipError(ResultReason.INVALID_FIELD, f"{d.method.name} derivation needs a Hashing Algorithm")
    return d.hashing_algorithm


def _hmac_algorithm(hashing: HA) -> CA:
    found = _HMAC_OF.get(hashing)
    if found is None:
        raise unsupported(f"derivation with HMAC over {name_of(hashing)}")
    return found


def _cut(material: bytes, length: int) -> bytes:
    if len(material) < length:
        raise failed(f"the derivation yields {len(material)} bytes, {length} were asked for")
    return material[:length]


def _pbkdf2(d: Derivation) -> bytes:
    if not 0 < d.iterations <= ITERATIONS_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Iteration Count must be 1 to {ITERATIONS_MAX}")
    hashing = d.hashing_algorithm or HA.SHA_1  # the default of RFC 8018 itself (A.2)
    return PBKDF2HMAC(hash_of(hashing), d.length, d.salt, d.iterations).derive(d.key)


def _hmac(d: Derivation) -> bytes:
    """HMAC of the data, as the OASIS cases have it; more than one block of output, or a salt, means HKDF (RFC 5869).

    The standard says no more than "computing an HMAC over the derivation data"; PyKMIP reads it as HKDF.
    """
    hashing = _hashing(d)
    if d.salt or d.length > hash_of(hashing).digest_size:
        return _hkdf(d)
    return mac(MACParameters(algorithm=_hmac_algorithm(hashing)), d.key, d.data)[: d.length]


def _hkdf(d: Derivation) -> bytes:
    try:
        return HKDF(hash_of(_hashing(d)), d.length, d.salt or None, d.data).derive(d.key)
    except ValueError:
        raise failed(f"HKDF cannot yield {d.length} bytes") from None


def _encrypt(d: Derivation) -> bytes:
    if d.cipher is None:
        raise KmipError(ResultReason.INVALID_FIELD, "derivation by encryption needs Cryptographic Parameters")
    return _cut(ciphers.encrypt(d.cipher, d.key, d.data).data, d.length)


def _sp800_108(d: Derivation) -> bytes:
    """The three modes of SP 800-108 with HMAC: a 32-bit counter, then the data as the fixed input."""
    hmac = MACParameters(algorithm=_hmac_algorithm(_hashing(d)))
    out = b""
    previous = b""  # K(i-1) in feedback mode
    chain = d.data  # A(i) in double-pipeline mode
    counter = 0
    while len(out) < d.length:
        counter += 1
        number = counter.to_bytes(4, "big")
        if d.method is D.NIST800_108_C:
            block = mac(hmac, d.key, number + d.data)
        elif d.method is D.NIST800_108_F:
            block = mac(hmac, d.key, (previous or d.salt) + number + d.data)
            previous = block
        else:
            chain = mac(hmac, d.key, chain)
            block = mac(hmac, d.key, chain + number + d.data)
        out += block
    return out[: d.length]
