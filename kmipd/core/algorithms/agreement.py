"""Key agreement (Derive Key by the method Asymmetric Key): the secret that two halves of different pairs share."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dh, ec, x448, x25519
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from kmipd.core.algorithms.errors import failed, unsupported


def agree(private: bytes, public: bytes) -> bytes:
    """`private` is PKCS#8 DER, `public` SubjectPublicKeyInfo DER. Of ECDH the x coordinate (SP 800-56A, 5.7.1.2)."""
    try:
        mine: Any = load_der_private_key(private, None)
        theirs: Any = load_der_public_key(public)
        match mine:
            case ec.EllipticCurvePrivateKey():
                return mine.exchange(ec.ECDH(), theirs)
            case x25519.X25519PrivateKey() | x448.X448PrivateKey() | dh.DHPrivateKey():
                return bytes(mine.exchange(theirs))
            case _:
                raise unsupported("key agreement with a key of this kind")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise failed("the two keys are not of one curve or group") from None
