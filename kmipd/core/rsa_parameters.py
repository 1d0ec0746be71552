"""Cryptographic Parameters for RSA encryption, resolved. Without a padding method OAEP is meant, not PKCS#1 v1.5."""

from __future__ import annotations

from kmipd.core.ports import CipherParameters
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import CryptographicAlgorithm, PaddingMethod


def cipher(parameters: CryptographicParameters) -> CipherParameters:
    return CipherParameters(
        algorithm=CryptographicAlgorithm.RSA,
        padding_method=parameters.padding_method or PaddingMethod.OAEP,
        hashing_algorithm=parameters.hashing_algorithm,
        mask_generator_hash=parameters.mask_generator_hashing_algorithm,
        p_source=parameters.p_source or b"",
    )
