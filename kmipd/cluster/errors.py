"""Every error the cluster can answer with: its Element name, and whether NetApp's own material attests that name.

No name for key management is public. Those marked OURS follow the style of the attested ones; docs/cluster.md prints
this table, and a test compares the two.
"""

from __future__ import annotations

from typing import Final

ATTESTED: Final = "attested"
OURS: Final = "ours"

# name -> (attested or ours, when it is raised)
NAMES: Final[dict[str, tuple[str, str]]] = {
    "xDBNoSuchPath": (ATTESTED, "GetAsyncResult: no such handle, or its result was read and purged"),
    "xDBVersionMismatch": (ATTESTED, "someone else changed the same thing meanwhile; try again"),
    "xUnknownAPIMethod": (ATTESTED, "no such method"),
    "xMissingParameter": (ATTESTED, "a required parameter is missing"),
    "xInvalidParameter": (ATTESTED, "a parameter has a value that cannot be"),
    "xInvalidParameterType": (ATTESTED, "a parameter has the wrong JSON type"),
    "xUnrecognizedEnumString": (ATTESTED, "keyManagementType is neither Internal nor External"),
    "xExceededLimit": (ATTESTED, "too many key servers for a provider; a volume or a transfer too large"),
    "xPermissionDenied": (ATTESTED, "the administrator lacks the access type"),
    "xClusterAlreadyCreated": (ATTESTED, "CreateCluster on a cluster that exists"),
    "xVolumeIDDoesNotExist": (ATTESTED, "no such volume"),
    "xInternalError": (ATTESTED, "a defect of the cluster; its log says more"),
    "xAPINotPermitted": (ATTESTED, "EnableEncryptionAtRest or DisableEncryptionAtRest in a state that forbids it"),
    "xClusterNotCreated": (OURS, "any other method before CreateCluster"),
    "xInvalidRequest": (OURS, "the body is no JSON-RPC request"),
    "xKeyProviderIDDoesNotExist": (OURS, "no such key provider"),
    "xKeyServerIDDoesNotExist": (OURS, "no such key server"),
    "xKeyProviderIsActive": (OURS, "deleting a provider that holds keys in use"),
    "xKeyServerInUse": (OURS, "deleting or removing the last server of an active provider"),
    "xKeyServerAlreadyAssigned": (OURS, "the server belongs to another provider"),
    "xKeyProviderHasNoKeyServers": (OURS, "testing or using a provider without servers"),
    "xPublicPrivateKeyPairDoesNotExist": (OURS, "a CSR or a key server before CreatePublicPrivateKeyPair"),
    "xPublicPrivateKeyPairInUse": (OURS, "replacing the key pair that an active provider's servers know"),
    "xInvalidCertificate": (OURS, "a certificate that is unreadable, expired, or not for our key"),
    "xKmipConnectionFailure": (OURS, "no host could be reached in time"),
    "xKmipAuthenticationFailure": (OURS, "TLS failed: their certificate, or ours"),
    "xKmipServerError": (OURS, "the key server answered with a failure"),
    "xKmipKeyConflict": (OURS, "two servers hold different keys under one key ID"),
    "xSoftwareEncryptionAtRestNotEnabled": (OURS, "rekey or volumes without software encryption at rest"),
    "xRekeyInProgress": (OURS, "a rekey is running; the message carries its asyncHandle"),
    "xMasterKeyUnavailable": (OURS, "the cluster is locked: its external master key could not be fetched"),
}


class ElementError(Exception):
    """What a caller of the Element API is told. `name` is one of NAMES."""

    def __init__(self, name: str, message: str) -> None:
        assert name in NAMES, name
        super().__init__(message)
        self.name = name
        self.message = message


def missing(parameter: str) -> ElementError:
    return ElementError("xMissingParameter", f"Missing member=[{parameter}]")


def no_such(kind: str, number: int) -> ElementError:
    """The `x<Object>IDDoesNotExist` pattern; `kind` is KeyProvider, KeyServer or Volume."""
    return ElementError(f"x{kind}IDDoesNotExist", f"{kind}ID {number} does not exist.")


class ClusterError(Exception):
    """The cluster cannot be opened or served. One sentence: what, and what to do."""
