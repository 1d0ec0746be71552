"""The structures of PKCS#11 that are passed by address, as ctypes wants them."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_ulong, c_void_p


class InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS."""

    _fields_ = [
        ("CreateMutex", c_void_p),
        ("DestroyMutex", c_void_p),
        ("LockMutex", c_void_p),
        ("UnlockMutex", c_void_p),
        ("flags", c_ulong),
        ("pReserved", c_void_p),
    ]


class MechanismStructure(ctypes.Structure):
    """CK_MECHANISM."""

    _fields_ = [("mechanism", c_ulong), ("pParameter", c_char_p), ("ulParameterLen", c_ulong)]


class GCMParameters(ctypes.Structure):
    """CK_GCM_PARAMS of PKCS#11 2.40 errata 01 and later."""

    _fields_ = [
        ("pIv", c_char_p),
        ("ulIvLen", c_ulong),
        ("ulIvBits", c_ulong),
        ("pAAD", c_char_p),
        ("ulAADLen", c_ulong),
        ("ulTagBits", c_ulong),
    ]


class ECDHParameters(ctypes.Structure):
    """CK_ECDH1_DERIVE_PARAMS."""

    _fields_ = [
        ("kdf", c_ulong),
        ("ulSharedDataLen", c_ulong),
        ("pSharedData", c_char_p),
        ("ulPublicDataLen", c_ulong),
        ("pPublicData", c_char_p),
    ]


class AttributeIn(ctypes.Structure):
    """CK_ATTRIBUTE given to the token: the structure keeps the bytes alive."""

    _fields_ = [("type", c_ulong), ("pValue", c_char_p), ("ulValueLen", c_ulong)]


class AttributeOut(ctypes.Structure):
    """CK_ATTRIBUTE filled by the token."""

    _fields_ = [("type", c_ulong), ("pValue", c_void_p), ("ulValueLen", c_ulong)]
