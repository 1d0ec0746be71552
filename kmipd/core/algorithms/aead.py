"""Authenticated modes of block ciphers: GCM and CCM (SP 800-38D and 38C). A client may have its tag cut."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from kmipd.core.algorithms.block_ciphers import algorithm_with, block_size
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import ResultReason

MODES = frozenset({M.GCM, M.CCM})
NONCE_SIZE = 12  # bytes, of a nonce the server makes
GCM_IV_MIN = 8  # bytes, what `cryptography` accepts
CCM_NONCES = range(7, 14)  # bytes (SP 800-38C, A.1)
TAG_LENGTHS = range(4, 17)  # bytes (SP 800-38D, 5.2.1.2, shorter ones for constrained use)


def check_tag_length(parameters: CipherParameters) -> None:
    if parameters.tag_length not in TAG_LENGTHS:
        raise KmipError(
            ResultReason.GENERAL_FAILURE, f"Tag Length {parameters.tag_length} is not between 4 and 16 bytes"
        )


def check_tag(parameters: CipherParameters, tag: bytes) -> None:
    check_tag_length(parameters)
    if len(tag) not in TAG_LENGTHS:
        raise failed("the authentication tag has an impossible length")


def encrypt(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    check_tag_length(parameters)
    _check_nonce(parameters)
    if parameters.block_cipher_mode is M.CCM:
        sealed = _ccm(parameters, key, parameters.tag_length).encrypt(parameters.iv, data, parameters.additional_data)
        return CipherResult(data=sealed[: len(data)], tag=sealed[len(data) :])
    encryptor = _gcm(parameters, key, None, 16).encryptor()
    encryptor.authenticate_additional_data(parameters.additional_data)
    sealed = encryptor.update(data) + encryptor.finalize()
    return CipherResult(data=sealed, tag=encryptor.tag[: parameters.tag_length])


def decrypt(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    check_tag(parameters, tag)
    _check_nonce(parameters)
    try:
        if parameters.block_cipher_mode is M.CCM:
            return _ccm(parameters, key, len(tag)).decrypt(parameters.iv, data + tag, parameters.additional_data)
        decryptor = _gcm(parameters, key, tag, len(tag)).decryptor()
        decryptor.authenticate_additional_data(parameters.additional_data)
        return bytes(decryptor.update(data) + decryptor.finalize())
    except InvalidTag:
        raise failed("the authentication tag does not match") from None


def _check_nonce(parameters: CipherParameters) -> None:
    size = len(parameters.iv)
    if parameters.block_cipher_mode is M.CCM and size not in CCM_NONCES:
        raise KmipError(ResultReason.INVALID_MESSAGE, "CCM needs an IV/Counter/Nonce of 7 to 13 bytes")
    if size < GCM_IV_MIN and parameters.block_cipher_mode is M.GCM:
        raise KmipError(ResultReason.INVALID_MESSAGE, f"GCM needs an IV/Counter/Nonce of at least {GCM_IV_MIN} bytes")


def _gcm(parameters: CipherParameters, key: bytes, tag: bytes | None, tag_length: int) -> Cipher[modes.GCM]:
    if block_size(parameters.algorithm) != 16:
        raise unsupported(f"GCM with {name_of(parameters.algorithm)}")
    mode = modes.GCM(parameters.iv, tag, min_tag_length=tag_length)
    return Cipher(algorithm_with(parameters.algorithm, key), mode)


def _ccm(parameters: CipherParameters, key: bytes, tag_length: int) -> AESCCM:
    if parameters.algorithm is not CA.AES:
        raise unsupported(f"CCM with {name_of(parameters.algorithm)}")
    try:
        return AESCCM(key, tag_length)
    except ValueError:
        raise failed(f"CCM has no keys of {len(key) * 8} bits or no tags of {tag_length} bytes (4, 6, … 16)") from None
