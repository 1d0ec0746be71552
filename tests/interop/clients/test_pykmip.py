"""Every operation of PyKMIP's ProxyKmipClient, at every protocol version that it speaks."""

from __future__ import annotations

import hmac
from collections import Counter

import pytest

from tests.interop.clients.environment import Environment, add, objects, settings
from tests.support.server import Server

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0")
TEXT = b"a text of no particular length"  # as the program has it

DONE: dict[str, object] = {
    "create": True,
    "create_key_pair": True,
    "register": True,
    "get": {
        "SecretData": b"secret".hex(),
        "OpaqueObject": b"opaque".hex(),
        "SymmetricKey": bytes(32).hex(),
        "PublicKey": "PublicKey",
    },
    "get_wrapped": True,
    "get_attributes": {
        "Cryptographic Algorithm": "CryptographicAlgorithm.AES",
        "Cryptographic Length": "256",
        "State": "State.ACTIVE",
    },
    "locate": True,
    "modify_attribute": True,
    "set_attribute": True,
    "delete_attribute": True,
    "activate": True,
    "check": True,
    "encrypt_and_decrypt": True,
    "sign_and_verify": ["VALID", "INVALID"],
    "mac": hmac.digest(bytes(32), TEXT, "sha256").hex(),
    "derive_key": True,
    "rekey": True,
    "revoke": "DEACTIVATED",
    "destroy": "ITEM_NOT_FOUND",
    "query": True,
    "discover_versions": ["2.1", "2.0", "1.4", "1.3", "1.2", "1.1", "1.0"],
}
# Cryptographic operations came with 1.2.
NO_CRYPTOGRAPHY = dict.fromkeys(("encrypt_and_decrypt", "sign_and_verify", "mac"), "refused: OPERATION_NOT_SUPPORTED")
# Set Attribute came with 2.0, which the client knows.
NO_SET_ATTRIBUTE = {
    version: {
        "set_attribute": f"not sent: VersionNotSupported: KMIP {version} does not support the SetAttribute operation."
    }
    for version in VERSIONS
    if version < "2.0"
}
DIFFERENT: dict[str, dict[str, object]] = {
    "1.0": {**NO_SET_ATTRIBUTE["1.0"], **NO_CRYPTOGRAPHY},
    "1.1": {**NO_SET_ATTRIBUTE["1.1"], **NO_CRYPTOGRAPHY},
    "1.2": NO_SET_ATTRIBUTE["1.2"],
    "1.3": NO_SET_ATTRIBUTE["1.3"],
    "1.4": NO_SET_ATTRIBUTE["1.4"],
    # A fault of the client: its Re-key of 2.0 holds a Template-Attribute, which 2.0 has no more.
    "2.0": {"rekey": "refused: INVALID_MESSAGE"},
}
ALWAYS_LISTED = {
    "Unique Identifier",
    "Object Type",
    "Cryptographic Algorithm",
    "Cryptographic Length",
    "Cryptographic Usage Mask",
    "Name",
    "State",
    "Initial Date",
    "Last Change Date",
    "Digest",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation(clients: Environment, server: Server, version: str) -> None:
    clients.need("kmip")
    who = add(server, f"pykmip-{version}")
    given = {**settings(server, who), "version": version, "ssl_version": "PROTOCOL_TLSv1_2"}
    said = clients.run("pykmip_operations", **given)
    assert set(said.pop("get_attribute_list")) >= ALWAYS_LISTED
    assert said == DONE | DIFFERENT[version]

    held = objects(server, who.group).values()
    rekeyed = said["rekey"] is True
    assert Counter(one["type"] for one in held) == {
        "SYMMETRIC_KEY": 3 + rekeyed,  # made, registered, derived
        "SECRET_DATA": 1,
        "OPAQUE_OBJECT": 1,
        "PUBLIC_KEY": 1,
        "PRIVATE_KEY": 1,
    }
    assert [one["state"] for one in held].count("DESTROYED") == 1
