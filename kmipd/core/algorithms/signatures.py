"""Sign and Signature Verify: RSA with PKCS#1 v1.5 or PSS, ECDSA, DSA, Ed25519, Ed448 (KMIP 1.4, 4.31)."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.hashes import hash_of
from kmipd.core.ports import SignatureParameters
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import DigitalSignatureAlgorithm as DSAlg
from kmipd.spec.enumerations import HashingAlgorithm as HA
from kmipd.spec.enumerations import PaddingMethod as P

# Digital Signature Algorithm says three things at once (KMIP 1.4, 9.1.3.2.7).
SIGNATURE_ALGORITHMS: dict[DSAlg, tuple[CA, HA | None, P | None]] = {
    DSAlg.MD5_WITH_RSA_ENCRYPTION: (CA.RSA, HA.MD5, P.PKCS1_V1_5),
    DSAlg.SHA_1_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA_1, P.PKCS1_V1_5),
    DSAlg.SHA_224_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA_224, P.PKCS1_V1_5),
    DSAlg.SHA_256_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA_256, P.PKCS1_V1_5),
    DSAlg.SHA_384_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA_384, P.PKCS1_V1_5),
    DSAlg.SHA_512_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA_512, P.PKCS1_V1_5),
    DSAlg.SHA3_256_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA3_256, P.PKCS1_V1_5),
    DSAlg.SHA3_384_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA3_384, P.PKCS1_V1_5),
    DSAlg.SHA3_512_WITH_RSA_ENCRYPTION: (CA.RSA, HA.SHA3_512, P.PKCS1_V1_5),
    DSAlg.RSASSA_PSS: (CA.RSA, None, P.PSS),
    DSAlg.DSA_WITH_SHA_1: (CA.DSA, HA.SHA_1, None),
    DSAlg.DSA_WITH_SHA_224: (CA.DSA, HA.SHA_224, None),
    DSAlg.DSA_WITH_SHA_256: (CA.DSA, HA.SHA_256, None),
    DSAlg.ECDSA_WITH_SHA_1: (CA.ECDSA, HA.SHA_1, None),
    DSAlg.ECDSA_WITH_SHA_224: (CA.ECDSA, HA.SHA_224, None),
    DSAlg.ECDSA_WITH_SHA_256: (CA.ECDSA, HA.SHA_256, None),
    DSAlg.ECDSA_WITH_SHA_384: (CA.ECDSA, HA.SHA_384, None),
    DSAlg.ECDSA_WITH_SHA_512: (CA.ECDSA, HA.SHA_512, None),
}


def sign(parameters: SignatureParameters, private: bytes, data: bytes) -> bytes:
    """`private` is PKCS#8 DER. ECDSA and DSA signatures are DER sequences of r and s."""
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    try:
        match key:
            case rsa.RSAPrivateKey():
                return key.sign(data, _rsa_padding(parameters), _hash(parameters))
            case ec.EllipticCurvePrivateKey():
                return key.sign(data, ec.ECDSA(_hash(parameters)))
            case dsa.DSAPrivateKey():
                return key.sign(data, _hash(parameters))
            case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
                return key.sign(data)
            case _:
                raise unsupported(f"signing with a {name_of(parameters.algorithm)} key")
    except UnsupportedAlgorithm:
        raise unsupported("this combination of key, padding and hash") from None
    except ValueError:
        raise failed("the data does not fit the key and the signature parameters") from None


def verify(parameters: SignatureParameters, public: bytes, data: bytes, signature: bytes) -> bool:
    """`public` is SubjectPublicKeyInfo DER. The caller must look at the answer: it becomes Validity Indicator."""
    key = load_der_public_key(public)
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, data, _rsa_padding(parameters), _hash(parameters))
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(_hash(parameters)))
            case dsa.DSAPublicKey():
                key.verify(signature, data, _hash(parameters))
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                key.verify(signature, data)
            case _:
                raise unsupported(f"verifying with a {name_of(parameters.algorithm)} key")
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm:
        raise unsupported("this combination of key, padding and hash") from None
    except ValueError:
        raise failed("the data does not fit the key and the signature parameters") from None
    return True


def _hash(parameters: SignatureParameters) -> Any:  # a hash, or the promise that it was taken already
    algorithm = hash_of(parameters.hashing_algorithm or HA.SHA_256)
    return utils.Prehashed(algorithm) if parameters.digested else algorithm


def _rsa_padding(parameters: SignatureParameters) -> padding.AsymmetricPadding:
    method = parameters.padding_method or P.PKCS1_V1_5
    if method is P.PKCS1_V1_5:
        return padding.PKCS1v15()
    if method is not P.PSS:
        raise unsupported(f"the RSA signature padding {name_of(method)}")
    hashing = parameters.hashing_algorithm or HA.SHA_256
    mask = parameters.mask_generator_hash or hashing
    salt: Any = parameters.salt_length
    if salt is None:
        # Without a Salt Length the standard leaves it open; PyKMIP and OpenSSL's default is the longest possible.
        salt = padding.PSS.MAX_LENGTH
    return padding.PSS(padding.MGF1(hash_of(mask)), salt)
