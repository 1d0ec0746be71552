"""What real clients force on identity: rules 33 and 34 (`test_client_rules.py` lists all of them)."""

from __future__ import annotations

import contextlib

import pytest

from kmipd import protocol
from kmipd.spec import objects as o
from kmipd.spec.enumerations import CredentialType, ResultStatus
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import Authentication
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_4, V2_1, Version
from tests.support import asking
from tests.support.client import Client, request
from tests.support.editing import edited, structure
from tests.support.fixtures import Connect
from tests.support.server import Identity, Server

NODES = 64


def credential(username: str, password: str | None) -> o.Credential:
    value = o.UsernameAndPasswordCredential(username=username, password=password)
    return o.Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value)


CREDENTIALS = {
    "radosgw, Swift, Barbican, Scylla": credential("rgw-user", "s3cret"),
    "libkmip sends empty ones": credential("", ""),
    "without a password": credential("somebody", None),
    "Device": o.Credential(
        credential_type=CredentialType.DEVICE, credential_value=o.DeviceCredential(device_serial_number="0815")
    ),
}


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
@pytest.mark.parametrize("who", CREDENTIALS)
def test_rule_33_a_credential_does_not_lock_out_who_has_a_certificate(
    connect: Connect, version: Version, who: str
) -> None:
    client = connect(version)
    newest = connect(V1_4)
    create = asking.create_request(V1_4, asking.aes())
    header = {"authentication": Authentication(credential=(CREDENTIALS[who],))}
    if version < V1_4:
        answer = client.send_as(request((Op.CREATE, create), version=V1_4, **header), version)
    else:
        create = asking.create_request(version, asking.aes())
        answer = client.batch((Op.CREATE, create), **header)
    assert answer.batch_item[0].result_status is ResultStatus.SUCCESS, answer.batch_item[0].result_message
    made = answer.batch_item[0].response_payload
    assert asking.locate(newest) == [made.unique_identifier], "the certificate says whose it is"  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", [0x7F, 0x80000001], ids=hex)
def test_rule_33_a_credential_of_unknown_type_does_not_either(client: Client, kind: int) -> None:
    value = structure(Tag.CREDENTIAL_VALUE, Item(0x540001, ItemType.TEXT_STRING, "FortiGate nests another here"))
    strange = structure(Tag.CREDENTIAL, Item(Tag.CREDENTIAL_TYPE, ItemType.ENUMERATION, kind), value)
    header = {"authentication": Authentication(credential=(credential("a", "b"),))}
    made = request((Op.CREATE, asking.create_request(V1_4, asking.aes())), version=V1_4, **header)
    data = edited(protocol.write_request(made), lambda item: strange if item.tag == Tag.CREDENTIAL else item)
    assert protocol.read_response(client.exchange(data)).batch_item[0].result_status is ResultStatus.SUCCESS


def test_rule_34_one_certificate_for_many_nodes(server: Server, identity: Identity) -> None:
    """ONTAP: all nodes of all HA pairs; radosgw: all gateways. At once, and they see the same objects."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(Client.connect(server, identity)) for _ in range(NODES)]
        uid = asking.create(nodes[0])
        keys = {asking.material(node, uid) for node in nodes}
    assert len(keys) == 1
