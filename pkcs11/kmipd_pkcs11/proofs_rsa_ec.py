"""Proofs of the asymmetric mechanisms: a private key of ours goes into the session, software checks what it does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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
from kmipd_pkcs11.mechanisms import HASHES, Plan
from kmipd_pkcs11.raw import FALSE, TRUE, Functions, Template, ulong
from kmipd_pkcs11.sessions import PooledSession

_TEXT: Final = b"kmipd: a known answer, 32 bytes."
_P256: Final = bytes.fromhex("06082a8648ce3d030107")
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
    return rsa.generate_private_key(65537, 2048)


def prove(functions: Functions, session: PooledSession, plan: Plan) -> bool:
    """Whether `plan` does what it says; False for a mechanism nobody has written a proof for."""
    if plan.mechanism is Mechanism.ECDSA:
        return _with(functions, session, KeyType.EC, _ec_template(), _ecdsa)
    rsa_proofs = {Mechanism.RSA_PKCS: _pkcs1_raw, Mechanism.RSA_PKCS_OAEP: _oaep, Mechanism.RSA_PKCS_PSS: _pss_raw}
    proof = rsa_proofs.get(plan.mechanism)
    if plan.mechanism in _PKCS1:
        proof = _pkcs1
    elif plan.mechanism in _PSS:
        proof = _pss
    if proof is None:
        return False
    chosen = proof
    return _with(functions, session, KeyType.RSA, _rsa_template(), lambda key: chosen(key, plan))


Check = Callable[[BoundKey], bool]


def _with(functions: Functions, session: PooledSession, key_type: KeyType, template: Template, check: Check) -> bool:
    handle = functions.create(session.handle, template)
    try:
        return check(BoundKey(session.session, handle, key_type))
    except InvalidSignature:
        return False
    finally:
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
    return [*_private(KeyType.EC), (A.EC_PARAMS, _P256), (A.VALUE, value)]


def _digest(hash_name: str) -> bytes:
    return hashlib.new(hash_name, _TEXT, usedforsecurity=False).digest()


def _ecdsa(key: BoundKey) -> bool:
    signature = ecdsa_der(key.signed(Mechanism.ECDSA, None, _digest("sha256")))
    _ec().public_key().verify(signature, _TEXT, ec.ECDSA(hashes.SHA256()))
    return True


def _pkcs1_raw(key: BoundKey, plan: Plan) -> bool:
    """CKM_RSA_PKCS both ways: it decrypts what software encrypted, and signs a DigestInfo."""
    sealed = _rsa().public_key().encrypt(_TEXT, padding.PKCS1v15())
    signature = key.signed(plan.mechanism, None, HASHES[HashingAlgorithm.SHA_256].digest_info + _digest("sha256"))
    _rsa().public_key().verify(signature, _TEXT, padding.PKCS1v15(), hashes.SHA256())
    return key.decrypted(plan.mechanism, None, sealed) == _TEXT


def _pkcs1(key: BoundKey, plan: Plan) -> bool:
    signature = key.signed(plan.mechanism, None, _TEXT)
    _rsa().public_key().verify(signature, _TEXT, padding.PKCS1v15(), _HASHES[plan.hash_name])
    return True


def _oaep(key: BoundKey, plan: Plan) -> bool:
    scheme = padding.OAEP(padding.MGF1(_HASHES[plan.mgf_name]), _HASHES[plan.hash_name], _label(plan))
    return key.decrypted(plan.mechanism, plan.parameter, _rsa().public_key().encrypt(_TEXT, scheme)) == _TEXT


def _label(plan: Plan) -> bytes | None:
    label = plan.parameter[2] if isinstance(plan.parameter, tuple) else None
    return bytes(label) if label else None


def _pss(key: BoundKey, plan: Plan) -> bool:
    return _pss_of(key, plan, _TEXT)


def _pss_raw(key: BoundKey, plan: Plan) -> bool:
    return _pss_of(key, plan, _digest(plan.hash_name))


def _pss_of(key: BoundKey, plan: Plan, data: bytes) -> bool:
    signature = key.signed(plan.mechanism, plan.parameter, data)
    salt = plan.parameter[2] if isinstance(plan.parameter, tuple) else 0
    scheme = padding.PSS(padding.MGF1(_HASHES[plan.mgf_name]), int(salt))
    _rsa().public_key().verify(signature, _TEXT, scheme, _HASHES[plan.hash_name])
    return True
