"""Proofs of the asymmetric mechanisms: software checks what a private key in the session does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.spec.enumerations import HashingAlgorithm
from kmipd_pkcs11.crypt import BoundKey
from kmipd_pkcs11.der import ecdsa_der
from kmipd_pkcs11.known_keys import P256, KeySource, generate_pair, public_point
from kmipd_pkcs11.mechanisms import HASHES, Plan
from kmipd_pkcs11.raw import FALSE, TRUE, Functions, Template, ulong
from kmipd_pkcs11.sessions import PooledSession

_TEXT: Final = b"kmipd: a known answer, 32 bytes."
_RSA_BITS: Final = 2048
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - clients ask for it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_PKCS1: Final = {facts.pkcs1 for facts in HASHES.values()}
_PSS: Final = {facts.pss for facts in HASHES.values()}


@cache
def _rsa() -> rsa.RSAPrivateKey:
    """Made when first needed, some 100 ms; it protects nothing."""
    return rsa.generate_private_key(65537, _RSA_BITS)


def prove(functions: Functions, session: PooledSession, plan: Plan, source: KeySource) -> bool:
    """Whether `plan` does what it says; False for a mechanism nobody has written a proof for."""
    if plan.mechanism is Mechanism.ECDSA:
        with _ec_key(functions, session, source) as (private, ec_public):
            return _holds(lambda: _ecdsa(private, ec_public))
    rsa_proofs = {Mechanism.RSA_PKCS: _pkcs1_raw, Mechanism.RSA_PKCS_OAEP: _oaep, Mechanism.RSA_PKCS_PSS: _pss_raw}
    proof = rsa_proofs.get(plan.mechanism)
    if plan.mechanism in _PKCS1:
        proof = _pkcs1
    elif plan.mechanism in _PSS:
        proof = _pss
    if proof is None:
        return False
    chosen = proof
    with _rsa_key(functions, session, source) as (private, rsa_public):
        return _holds(lambda: chosen(private, rsa_public, plan))


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except InvalidSignature:
        return False


@contextmanager
def _rsa_key(
    functions: Functions, session: PooledSession, source: KeySource
) -> Iterator[tuple[BoundKey, rsa.RSAPublicKey]]:
    """A private key in the session and its public half here: ours, or one that the token makes for the occasion."""
    if source is KeySource.IMPORTED:
        handles, public = [functions.create(session.handle, _rsa_template())], _rsa().public_key()
    else:
        bits = (A.MODULUS_BITS, ulong(_RSA_BITS))
        made = generate_pair(functions, session.handle, Mechanism.RSA_PKCS_KEY_PAIR_GEN, bits, A.SIGN, A.DECRYPT)
        handles = [made[1], made[0]]
        numbers = functions.attributes(session.handle, made[0], ((A.PUBLIC_EXPONENT, 8), (A.MODULUS, _RSA_BITS // 8)))
        exponent, modulus = (int.from_bytes(number or b"", "big") for number in numbers)
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    try:
        yield BoundKey(session.session, handles[0], KeyType.RSA), public
    finally:
        _remove(functions, session, handles)


@contextmanager
def _ec_key(
    functions: Functions, session: PooledSession, source: KeySource
) -> Iterator[tuple[BoundKey, ec.EllipticCurvePublicKey]]:
    if source is KeySource.IMPORTED:
        handles, public = [functions.create(session.handle, _ec_template())], _ec().public_key()
    else:
        made = generate_pair(functions, session.handle, Mechanism.EC_KEY_PAIR_GEN, (A.EC_PARAMS, P256), A.SIGN)
        handles, public = [made[1], made[0]], public_point(functions, session.handle, made[0])
    try:
        yield BoundKey(session.session, handles[0], KeyType.EC), public
    finally:
        _remove(functions, session, handles)


def _remove(functions: Functions, session: PooledSession, handles: list[int]) -> None:
    for handle in handles:
        functions.code("C_DestroyObject", session.handle, handle)


def _private(key_type: KeyType) -> list[tuple[int, bytes]]:
    return [
        (A.CLASS, ulong(ObjectClass.PRIVATE_KEY)),
        (A.KEY_TYPE, ulong(key_type)),
        (A.TOKEN, FALSE),
        (A.PRIVATE, TRUE),
        (A.SENSITIVE, TRUE),
        (A.EXTRACTABLE, FALSE),
        (A.SIGN, TRUE),
    ]


def _rsa_template() -> Template:
    n = _rsa().private_numbers()
    values = {
        A.MODULUS: n.public_numbers.n,
        A.PUBLIC_EXPONENT: n.public_numbers.e,
        A.PRIVATE_EXPONENT: n.d,
        A.PRIME_1: n.p,
        A.PRIME_2: n.q,
        A.EXPONENT_1: n.dmp1,
        A.EXPONENT_2: n.dmq1,
        A.COEFFICIENT: n.iqmp,
    }
    integers = [
        (attribute, value.to_bytes((value.bit_length() + 7) // 8, "big")) for attribute, value in values.items()
    ]
    return [*_private(KeyType.RSA), (A.DECRYPT, TRUE), *integers]


@cache
def _ec() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _ec_template() -> Template:
    value = _ec().private_numbers().private_value.to_bytes(32, "big")
    return [*_private(KeyType.EC), (A.EC_PARAMS, P256), (A.VALUE, value)]


def _digest(hash_name: str) -> bytes:
    return hashlib.new(hash_name, _TEXT, usedforsecurity=False).digest()


def _ecdsa(key: BoundKey, public: ec.EllipticCurvePublicKey) -> bool:
    signature = ecdsa_der(key.signed(Mechanism.ECDSA, None, _digest("sha256")))
    public.verify(signature, _TEXT, ec.ECDSA(hashes.SHA256()))
    return True


def _pkcs1_raw(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan) -> bool:
    """CKM_RSA_PKCS both ways: it decrypts what software encrypted, and signs a DigestInfo."""
    sealed = public.encrypt(_TEXT, padding.PKCS1v15())
    signature = key.signed(plan.mechanism, None, HASHES[HashingAlgorithm.SHA_256].digest_info + _digest("sha256"))
    public.verify(signature, _TEXT, padding.PKCS1v15(), hashes.SHA256())
    return key.decrypted(plan.mechanism, None, sealed) == _TEXT


def _pkcs1(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan) -> bool:
    signature = key.signed(plan.mechanism, None, _TEXT)
    public.verify(signature, _TEXT, padding.PKCS1v15(), _HASHES[plan.hash_name])
    return True


def _oaep(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan) -> bool:
    scheme = padding.OAEP(padding.MGF1(_HASHES[plan.mgf_name]), _HASHES[plan.hash_name], _label(plan))
    return key.decrypted(plan.mechanism, plan.parameter, public.encrypt(_TEXT, scheme)) == _TEXT


def _label(plan: Plan) -> bytes | None:
    label = plan.parameter[2] if isinstance(plan.parameter, tuple) else None
    return bytes(label) if label else None


def _pss(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan) -> bool:
    return _pss_of(key, public, plan, _TEXT)


def _pss_raw(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan) -> bool:
    return _pss_of(key, public, plan, _digest(plan.hash_name))


def _pss_of(key: BoundKey, public: rsa.RSAPublicKey, plan: Plan, data: bytes) -> bool:
    signature = key.signed(plan.mechanism, plan.parameter, data)
    salt = plan.parameter[2] if isinstance(plan.parameter, tuple) else 0
    scheme = padding.PSS(padding.MGF1(_HASHES[plan.mgf_name]), int(salt))
    public.verify(signature, _TEXT, scheme, _HASHES[plan.hash_name])
    return True
