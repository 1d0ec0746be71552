"""The profiles this server claims, by protocol version: those whose every mandatory test case it passes.

A test holds this table against the list of cases that do not pass. Suite B and Quantum Safe are not claimed: they
demand a TLS configuration of their own.
"""

from __future__ import annotations

from kmipd.spec.attributes import RNGParameters
from kmipd.spec.enumerations import (
    ClientRegistrationMethod,
    DestroyAction,
    ProfileName,
    RNGAlgorithm,
    RNGMode,
    ShreddingAlgorithm,
    UnwrapMode,
)
from kmipd.spec.payloads.parts import CapabilityInformation, ProfileInformation, ProfileVersion
from kmipd.spec.versions import V1_0, V1_2, V1_4, V2_0, V2_1, VERSIONS, Version

# The first and the last version in which the profile is claimed; its test cases begin with these letters.
CLAIMED: dict[str, tuple[Version, Version, str]] = {
    "BASELINE_SERVER_BASIC": (V1_2, V1_4, ""),
    "BASELINE_SERVER_TLS_V1_2": (V1_2, V1_4, ""),
    "BASELINE_SERVER": (V2_0, V2_1, "BL-M-"),
    "TAPE_LIBRARY_SERVER": (V1_0, V2_1, "TL-M-"),
    "SYMMETRIC_KEY_LIFECYCLE_SERVER": (V1_0, V2_1, "SKLC-M-"),
    "ASYMMETRIC_KEY_LIFECYCLE_SERVER": (V1_0, V2_1, "AKLC-M-"),
    "SYMMETRIC_KEY_FOUNDRY_SERVER": (V1_0, V2_1, "SKFF-M-"),
    "OPAQUE_MANAGED_OBJECT_STORE_SERVER": (V1_0, V2_1, "OMOS-M-"),
    "STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER": (V1_0, V2_1, "SASED-M-"),
    "BASIC_CRYPTOGRAPHIC_SERVER": (V1_2, V2_1, "CS-BC-M-"),
    "ADVANCED_CRYPTOGRAPHIC_SERVER": (V1_2, V2_1, "CS-AC-M-"),
    "RNG_CRYPTOGRAPHIC_SERVER": (V1_2, V2_1, "CS-RNG-M-"),
    "AES_XTS_SERVER": (V2_0, V2_1, "AX-M-"),
    "PKCS_11_SERVER": (V2_0, V2_1, "PKCS11-M-"),
    "HTTPS_SERVER": (V1_0, V2_1, "MSGENC-HTTPS-M-"),
    "JSON_SERVER": (V1_0, V2_1, "MSGENC-JSON-M-"),
    "XML_SERVER": (V1_0, V2_1, "MSGENC-XML-M-"),
}
_BY_HTTPS = frozenset({"HTTPS_SERVER", "JSON_SERVER", "XML_SERVER"})
# Where the 1.x names carry a version, newer clients are told of every older one as well: the object and the operations
# are the same. 2.x has one name, with the version beside it.
_VERSIONED = [v for v in VERSIONS if v < V2_0]

RNGS = (RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED),)  # the token's: PKCS#11 does not say which it is
REGISTRATION_METHODS = (
    ClientRegistrationMethod.SERVER_PRE_GENERATED,  # kmipd client add
    ClientRegistrationMethod.SERVER_ON_DEMAND,  # kmipd client sign, of what the device generates when it is asked
    ClientRegistrationMethod.CLIENT_GENERATED,  # an identity rule by fingerprint
    ClientRegistrationMethod.CLIENT_REGISTERED,  # an identity rule for a foreign authority
)
CAPABILITIES = CapabilityInformation(
    streaming_capability=True,
    asynchronous_capability=True,
    attestation_capability=False,
    batch_undo_capability=True,
    batch_continue_capability=True,
    unwrap_mode=UnwrapMode.NOT_PROCESSED,
    destroy_action=DestroyAction.KEY_MATERIAL_DELETED,
    shredding_algorithm=ShreddingAlgorithm.UNSUPPORTED,
    rng_mode=RNGMode.SHARED_INSTANTIATION,
    quantum_safe_capability=False,
)


def profiles(version: Version, *, https: bool) -> tuple[ProfileInformation, ...]:
    """What a client of `version` is told."""
    claimed = {f: row for f, row in CLAIMED.items() if https or f not in _BY_HTTPS}
    if version >= V2_0:
        number = ProfileVersion(profile_version_major=version.major, profile_version_minor=version.minor)
        return tuple(
            ProfileInformation(profile_name=ProfileName[family], profile_version=number)
            for family, (first, last, _) in claimed.items()
            if first <= version <= last
        )
    return tuple(
        ProfileInformation(profile_name=ProfileName[f"{family}_KMIP_V{older.major}_{older.minor}"])
        for family, (first, last, _) in claimed.items()
        for older in _VERSIONED
        if max(first, V1_0) <= older <= min(last, version)
    )
