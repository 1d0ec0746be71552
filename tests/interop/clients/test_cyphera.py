"""cyphera-kmip: what works, and the faults of the client for which the rest cannot."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.spec.tags import Tag
from tests.interop.clients.environment import Environment, add, objects, settings
from tests.support.asking import attributes_of
from tests.support.client import Client
from tests.support.server import Identity, Server

REFUSED = "status 1"
LEASE_SECONDS = 3600  # as the settings have it
# The numbers that its tag table has wrong: most of them name something else.
WRONG_TAGS = {
    "ResultReason": 0x420080,  # so it never says why something failed
    "ResultMessage": 0x420081,
    "PublicKey": 0x42004E,
    "PrivateKey": 0x42004D,
    "Certificate": 0x420021,
    "Data": 0x420033,
    "IVCounterNonce": 0x420047,
    "SignatureData": 0x42004F,
    "MACData": 0x420051,
    "ValidityIndicator": 0x420098,
    "RevocationReason": 0x420082,
    "RevocationReasonCode": 0x420083,
}
# Operations that no server can answer, with what is wrong in the request.
FAULTS = {
    "encrypt": "Data has the tag of Destroy Date",
    "decrypt": "Data has the tag of Destroy Date",
    "mac": "Data has the tag of Destroy Date",
    "sign": "Data has the tag of Destroy Date",
    "signature_verify": "Data has the tag of Destroy Date",
    "revoke": "Revocation Reason has the tag of Revocation Reason Code",
    "delete_attribute": "holds an Attribute in place of an Attribute Name",
    "create_key_pair": "holds a Template-Attribute in place of a Common Template-Attribute",
    "register": "the object comes before its Template-Attribute",
    "derive_key": "has no Object Type",
    "poll": "has no Asynchronous Correlation Value",
}


@pytest.fixture(scope="module")
def who(clients: Environment, server: Server) -> Identity:
    clients.need("cyphera_kmip")
    return add(server, "cyphera")


@pytest.fixture(scope="module")
def said(clients: Environment, server: Server, who: Identity) -> dict[str, Any]:
    return dict(clients.run("cyphera_operations", **settings(server, who)))


def test_every_operation_but_the_faulty_ones(
    said: dict[str, Any], clients: Environment, server: Server, who: Identity
) -> None:
    done = said["done"]
    refused = {operation for operation, result in done.items() if result == REFUSED}
    assert refused == set(FAULTS)
    assert done["obtain_lease"] == LEASE_SECONDS
    assert done["discover_versions"]["versions"][0] == {"major": 2, "minor": 1}
    assert done["query"] == {"operations": [], "object_types": []}, "it asks for nothing"
    assert done["locate"] == [done["get"]["unique_identifier"]] == [done["check"]["unique_identifier"]]
    assert len(bytes.fromhex(done["fetch_key"])) == 32
    assert done["get"]["key_material"] == done["fetch_key"]
    assert {"Name", "State", "Cryptographic Algorithm"} <= set(done["get_attribute_list"])

    held = objects(server, who.group)
    made = {one["names"][0]: one for one in held.values() if one["names"]}
    assert made["used"]["uid"] == done["re_key"]["unique_identifier"], "the name moved to the new key"
    assert made["made"].items() >= {"uid": done["create"]["unique_identifier"], "length": 128}.items()
    assert made["spare"]["state"] == "DESTROYED"
    with Client.connect(server, who) as client:
        assert attributes_of(client, done["locate"][0])["x-colour"].value == "blue"


def test_what_is_wrong_with_its_tags(said: dict[str, Any]) -> None:
    """Should a later release mend them, this says so."""
    ours = {tag.name.replace("_", "").lower(): tag for tag in Tag}
    assert {name: n for name, n in said["tags"].items() if n != ours[name.lower()]} == WRONG_TAGS
