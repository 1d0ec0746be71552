"""Check values: what two tokens compute of their copies of a key, and what is equal only if the keys are.

CKA_CHECK_VALUE is not portable (SoftHSM2 leaves it empty for unwrapped keys, NSS has none), so it is computed:

* a key that may leave is wrapped under the transport key, which both hold; the wrap is deterministic. A hash of it.
* a secret key that may not: C_DigestKey, of a prefix and the key. Works on keys nobody can read.
* a private key that may not: it signs or decrypts for its public key, in this token. A hash of the public key.

Values are hashes of 8 bytes: enough against accidents, and too short to help anybody search for a key.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.errors import MechanismUnavailable, StoreDishonest
from kmipd.spec.enumerations import HashingAlgorithm
from kmipd_pkcs11.crypt import BoundKey
from kmipd_pkcs11.der import CURVES, ecdsa_der
from kmipd_pkcs11.mechanisms import HASHES
from kmipd_pkcs11.raw import TRUE, Functions, ulong
from kmipd_pkcs11.release import OVERHEAD, PRIVATE_ROOM, WrapWay
from kmipd_pkcs11.sessions import PooledSession

_PREFIX: Final = b"kmipd key check value 1\0"
_BYTES: Final = 8
_FLAGS: Final = ((A.CLASS, 8), (A.EXTRACTABLE, 1), (A.SIGN, 1), (A.DECRYPT, 1), (A.ID, 512))


def check_value(functions: Functions, session: PooledSession, way: WrapWay, wrapping: int, handle: int) -> str:
    """`method:value` of the key `handle`. MechanismUnavailable when there is no way to prove this key equal."""
    key_class, extractable, signs, decrypts, cka_id = functions.attributes(session.handle, handle, _FLAGS)
    if extractable == TRUE:
        wrapped = functions.wrap(session.handle, way.mechanism, wrapping, handle, PRIVATE_ROOM + OVERHEAD)
        return "wrap:" + _short(wrapped)
    if key_class == ulong(ObjectClass.SECRET_KEY):
        return "digest:" + functions.digest_key(session.handle, Mechanism.SHA256, _PREFIX, handle)[:_BYTES].hex()
    public = _public_key(functions, session, cka_id or b"")
    if isinstance(public, ec.EllipticCurvePublicKey) and signs == TRUE:
        _prove_ec(BoundKey(session.session, handle, KeyType.EC), public)
    elif isinstance(public, rsa.RSAPublicKey) and signs == TRUE:
        _prove_rsa_signing(BoundKey(session.session, handle, KeyType.RSA), public)
    elif isinstance(public, rsa.RSAPublicKey) and decrypts == TRUE:
        _prove_rsa_decrypting(BoundKey(session.session, handle, KeyType.RSA), public)
    else:
        raise MechanismUnavailable("a private key that may not leave and neither signs nor decrypts cannot be compared")
    return "possession:" + _short(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _short(data: bytes) -> str:
    return hashlib.sha256(_PREFIX + data).digest()[:_BYTES].hex()


def _public_key(
    functions: Functions, session: PooledSession, cka_id: bytes
) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    wanted = ((A.CLASS, ulong(ObjectClass.PUBLIC_KEY)), (A.TOKEN, TRUE), (A.ID, cka_id))
    found = functions.find(session.handle, wanted)
    if not found:
        raise MechanismUnavailable("the public key is not in the token: its private key cannot be compared")
    names = ((A.MODULUS, 1024), (A.PUBLIC_EXPONENT, 16), (A.EC_PARAMS, 32), (A.EC_POINT, 160))
    modulus, exponent, params, point = functions.attributes(session.handle, found[0], names)
    if modulus and exponent:
        return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()
    for identifier, bits, curve in CURVES.values():
        if identifier == params and point:
            return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-(1 + 2 * ((bits + 7) // 8)) :])
    raise MechanismUnavailable("a key on this curve cannot be compared")


def _prove_ec(key: BoundKey, public: ec.EllipticCurvePublicKey) -> None:
    digest = hashlib.sha256(_PREFIX).digest()
    signature = ecdsa_der(key.signed(Mechanism.ECDSA, None, digest))
    try:
        public.verify(signature, digest, ec.ECDSA(utils.Prehashed(SHA256())))
    except InvalidSignature:
        raise StoreDishonest("the private key in the token does not belong to the public key beside it") from None


def _prove_rsa_signing(key: BoundKey, public: rsa.RSAPublicKey) -> None:
    digest = hashlib.sha256(_PREFIX).digest()
    signature = key.signed(Mechanism.RSA_PKCS, None, HASHES[HashingAlgorithm.SHA_256].digest_info + digest)
    try:
        public.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(SHA256()))
    except InvalidSignature:
        raise StoreDishonest("the private key in the token does not belong to the public key beside it") from None


def _prove_rsa_decrypting(key: BoundKey, public: rsa.RSAPublicKey) -> None:
    if key.decrypted(Mechanism.RSA_PKCS, None, public.encrypt(_PREFIX, padding.PKCS1v15())) != _PREFIX:
        raise StoreDishonest("the private key in the token does not belong to the public key beside it")
