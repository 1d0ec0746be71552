"""A managed private key in the shape `cryptography` signs certificates with: the token signs, or software does.

Only signing works: these stand for keys whose numbers nobody here has at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from kmipd.core.algorithms.errors import unsupported
from kmipd.core.algorithms.hashes import HASHES, hash_of
from kmipd.core.ports import SignatureParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, PaddingMethod

Sign = Callable[[SignatureParameters, bytes], bytes]
_BY_NAME = {hash_of(algorithm).name: algorithm for algorithm in HASHES}


def signing_key(public: Any, sign: Sign) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """For the private half of `public`; `sign` is how it signs."""
    match public:
        case rsa.RSAPublicKey():
            return _RSA(public, sign)
        case ec.EllipticCurvePublicKey():
            return _EC(public, sign)
        case _:
            raise unsupported("an authority with a key that is neither RSA nor EC")


def _elsewhere() -> NoReturn:
    raise NotImplementedError("this stands for a key that signs elsewhere")


class _RSA(rsa.RSAPrivateKey):
    def __init__(self, public: rsa.RSAPublicKey, sign: Sign) -> None:
        self._public, self._sign = public, sign

    def sign(self, data: Any, padding: padding.AsymmetricPadding, algorithm: Any) -> bytes:  # noqa: ARG002 - PKCS#1
        parameters = SignatureParameters(
            algorithm=CryptographicAlgorithm.RSA,
            hashing_algorithm=_BY_NAME[algorithm.name],
            padding_method=PaddingMethod.PKCS1_V1_5,
        )
        return self._sign(parameters, bytes(data))

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def decrypt(self, ciphertext: Any, padding: Any) -> bytes:  # noqa: ARG002
        _elsewhere()

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        _elsewhere()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002, ARG002
        _elsewhere()

    def __copy__(self) -> _RSA:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> _RSA:
        return self


class _EC(ec.EllipticCurvePrivateKey):
    def __init__(self, public: ec.EllipticCurvePublicKey, sign: Sign) -> None:
        self._public, self._sign = public, sign

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        hashing: Any = signature_algorithm.algorithm
        assert isinstance(hashing, HashAlgorithm)
        parameters = SignatureParameters(algorithm=CryptographicAlgorithm.EC, hashing_algorithm=_BY_NAME[hashing.name])
        return self._sign(parameters, bytes(data))

    @property
    def key_size(self) -> int:
        return self._public.key_size

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def exchange(self, algorithm: Any, peer_public_key: Any) -> bytes:  # noqa: ARG002
        _elsewhere()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        _elsewhere()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002, ARG002
        _elsewhere()

    def __copy__(self) -> _EC:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> _EC:
        return self
