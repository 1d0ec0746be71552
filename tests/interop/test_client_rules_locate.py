"""What real clients force on Locate: rules 17 to 21 (`test_client_rules.py` lists all of them)."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.spec import payloads as p
from kmipd.spec.attributes import Attribute
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType, ResultReason, State
from kmipd.spec.enumerations import Operation as Op
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_4, V2_0, V2_1, VERSIONS, Version
from tests.support import asking
from tests.support.asking import ENCRYPT_DECRYPT, create, locate, name
from tests.support.client import Client, attribute, template
from tests.support.fixtures import Connect
from tests.support.server import Server

INTEGER = Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 7)
FILTERS: dict[str, tuple[tuple[Tag | str, Any], ...]] = {
    "everybody: Name": ((Tag.NAME, name("wanted")),),
    "Percona: Name, Object Type": ((Tag.NAME, name("wanted")), (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY)),
    "IBM: Name, type, algorithm": (
        (Tag.NAME, name("wanted")),
        (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY),
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
    ),
    "Percona: Object Group": ((Tag.OBJECT_GROUP, "group of the wanted"),),
    "ONTAP: text of its own": (("x-NETAPP-ClusterName", "c1"), ("x-NETAPP-NodeId", "n1")),
    "array: a number of its own": (("x-SystemID", INTEGER),),
    "Scylla: six at once": (
        (Tag.NAME, name("wanted")),
        (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY),
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, ENCRYPT_DECRYPT),
        (Tag.STATE, State.ACTIVE),
    ),
}


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
def test_rule_17_the_filters_real_clients_send(connect: Connect, version: Version) -> None:
    client = connect(version)
    uid = create(
        client,
        (Tag.NAME, name("wanted")),
        (Tag.OBJECT_GROUP, "group of the wanted"),
        ("x-NETAPP-ClusterName", "c1"),
        ("x-NETAPP-NodeId", "n1"),
        ("x-SystemID", INTEGER),
    )
    asking.activate(client, uid)
    other = (("x-NETAPP-ClusterName", "c1"), ("x-NETAPP-NodeId", "n2"))
    create(client, (Tag.NAME, name("other")), (Tag.OBJECT_GROUP, "other"), *other, length=128)
    for who, filters in FILTERS.items():
        assert locate(client, *filters) == [uid], who
        assert locate(client, *filters, (Tag.CRYPTOGRAPHIC_LENGTH, 128)) == [], f"{who}: a filter was ignored"


def test_rule_17_values_of_another_type_do_not_match(client: Client) -> None:
    create(client, ("x-SystemID", INTEGER))
    assert locate(client, ("x-SystemID", "7")) == []
    assert locate(client, ("x-SystemID", Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 8))) == []


def test_rule_18_a_filter_within_a_template_attribute_is_read(connect: Connect) -> None:
    """FortiGate, KMIP 1.0, Maximum Items 1: whoever skips it always gives the same wrong key."""
    client = connect(V1_0)
    wanted = [create(client, (Tag.NAME, name(f"forti-{i}"))) for i in range(3)]
    for i, uid in enumerate(wanted):
        filtered = template([(Tag.NAME, name(f"forti-{i}"))])
        payload = p.LocateRequestPayload(maximum_items=1, template_attribute=filtered)
        assert client.call(Op.LOCATE, payload).unique_identifier == (uid,)
    missing = p.LocateRequestPayload(maximum_items=1, template_attribute=template([(Tag.NAME, name("forti-9"))]))
    assert client.call(Op.LOCATE, missing).unique_identifier == ()


@pytest.mark.parametrize("wrong", ["CryptographicLength", "CryptographicUsageMask", "cryptographic length", "name", ""])
def test_rule_18_a_filter_nobody_knows_never_matches(client: Client, wrong: str) -> None:
    """Scylla before 2025.1 misspells two of its six."""
    create(client, (Tag.NAME, name("right")))
    strange = Attribute(attribute_name=wrong, attribute_value=Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 256))
    payload = p.LocateRequestPayload(attribute=(attribute(Tag.NAME, name("right")), strange))
    assert client.refusal(Op.LOCATE, payload) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_19_a_name_stands_for_one_object_of_a_client(connect: Connect, version: Version) -> None:
    client = connect(version)
    uid = create(client, (Tag.NAME, name("once")))
    twice = asking.create_request(version, asking.aes((Tag.NAME, name("once"))))
    expected = ResultReason.NON_UNIQUE_NAME_ATTRIBUTE if version >= V2_0 else ResultReason.ILLEGAL_OPERATION
    assert client.refusal(Op.CREATE, twice) is expected
    asking.destroy(client, uid)
    assert client.refusal(Op.CREATE, twice) is None, "the Name of a destroyed object is free again"


def test_rule_19_clients_do_not_share_names(server: Server, connect: Connect) -> None:
    for _ in range(2):
        create(connect(who=server.enrol()), (Tag.NAME, name("every site calls it so")))


def test_rule_19_both_halves_of_a_pair_may_have_one_name(client: Client) -> None:
    """ovh names a pair once, in the common attributes."""
    common = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC), (Tag.CRYPTOGRAPHIC_LENGTH, 256))
    pair = asking.create_pair(client, (*common, (Tag.NAME, name("pair"))))
    assert set(locate(client, (Tag.NAME, name("pair")))) == set(pair)
    taken = asking.create_request(V1_4, asking.aes((Tag.NAME, name("pair"))))
    assert client.refusal(Op.CREATE, taken) is ResultReason.ILLEGAL_OPERATION
    again = p.CreateKeyPairRequestPayload(common_template_attribute=template([*common, (Tag.NAME, name("pair"))]))
    assert client.refusal(Op.CREATE_KEY_PAIR, again) is ResultReason.ILLEGAL_OPERATION


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_20_not_found_is_success_without_an_identifier(connect: Connect, version: Version) -> None:
    client = connect(version)
    assert locate(client, (Tag.NAME, name("never"))) == []
    uid = create(client, (Tag.NAME, name("for a while")))
    assert locate(client, (Tag.NAME, name("for a while"))) == [uid]
    asking.destroy(client, uid)
    assert locate(client, (Tag.NAME, name("for a while"))) == []
    assert locate(client) == []


def test_rule_21_pages_do_not_overlap_and_nothing_is_left_out(client: Client) -> None:
    uids = {create(client, (Tag.OBJECT_GROUP, "pages"), length=128) for _ in range(37)}
    for filters in ([], [(Tag.OBJECT_GROUP, "pages")], [(Tag.CRYPTOGRAPHIC_LENGTH, 128)]):
        pages = [locate(client, *filters, maximum_items=16, offset_items=offset) for offset in range(0, 64, 16)]
        assert [len(page) for page in pages] == [16, 16, 5, 0]
        assert {uid for page in pages for uid in page} == uids
    asking.activate(client, pages[0][0])  # a change of one object moves none of them
    again = [locate(client, *filters, maximum_items=16, offset_items=offset) for offset in range(0, 64, 16)]
    assert again == pages
