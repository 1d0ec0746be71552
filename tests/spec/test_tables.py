"""The tables against the standard's own, and against themselves."""

from __future__ import annotations

import json
import os
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

from kmipd.spec import enumerations as e
from kmipd.spec import masks as m
from kmipd.spec.attributes import ATTRIBUTES, Party, by_name
from kmipd.spec.history import ADDED, CAME_WITH, WITHDRAWN, in_version, introduced, withdrawn
from kmipd.spec.kinds import ItemType
from kmipd.spec.names import member_named, tag_named, title
from kmipd.spec.objects import OBJECT_CLASSES
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_4, V2_0, V2_1, VERSIONS, Version

CORPUS = Path(os.environ.get("KMIPD_CORPUS", Path(__file__).parents[2] / ".." / "shared" / "kmip")).resolve()

#: Titles the scraped tables have for what we name after its tag.
OTHER_TITLES = {
    "BatchErrorContinuation": "BatchErrorContinuationOption",
    "Data": "DataEnum",
    "DestroyActionType": "DestroyAction",
    "KeyWrapEncodingOption": "EncodingOption",
    "NISTKeyTypeEnumeration": "NISTKeyType",
    "ObjectGroupMemberOption": "ObjectGroupMember",
    "ProfileNameType": "ProfileName",
    "RecommendedCurveEnumeration": "RecommendedCurve",
    "UniqueIdentifierEnumerations": "UniqueIdentifierEnum",
}


def vocabulary(title: str) -> type[IntEnum] | type[IntFlag]:
    name = OTHER_TITLES.get(title, title)
    cls: type[IntEnum] = ItemType if name == "ItemType" else getattr(e, name, None) or getattr(m, name)
    return cls


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no KMIP corpus at {CORPUS}")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_every_tag_and_member_of_the_standard_is_here_and_in_its_version(version: Version) -> None:
    tables = json.loads((CORPUS / "spec_tables" / f"{version}.json").read_text())
    for name, number in tables["tags"].items():
        if name != "Reserved":
            tag = tag_named(name)
            assert tag == number, name
            assert tag is not None
            assert in_version(tag, version), name
    for name, members in tables["enums"].items():
        cls = vocabulary(name)
        for spelling, number in members.items():
            member = cls(number)
            assert introduced(member) <= version, member
            known = member_named(cls, spelling)
            assert known is None or known == number, (cls, spelling)


def test_history() -> None:
    assert introduced(Tag.OFFSET_ITEMS) == (1, 3)
    assert introduced(Tag.ATTRIBUTES) == V2_0
    assert withdrawn(Tag.TEMPLATE_ATTRIBUTE) == V1_4
    assert introduced(e.ObjectType.PGP_KEY) == (1, 2)
    assert introduced(e.KeyWrapType.NOT_WRAPPED) == V1_4
    assert withdrawn(e.KeyFormatType.TRANSPARENT_ECDSA_PRIVATE_KEY) == V1_4
    assert introduced(e.Operation.PING) == V2_1
    assert introduced(m.CryptographicUsageMask.AUTHENTICATE) == V2_0
    assert introduced(e.State.ACTIVE) == V1_0
    assert introduced(e.DigitalSignatureAlgorithm.RSASSA_PSS) == V1_1


def test_history_names_members_that_exist() -> None:
    for cls, added in ADDED.items():
        for version, names in added.items():
            assert version > CAME_WITH.get(cls, V1_0)
            assert set(names.split()) <= set(cls.__members__), cls
    for cls, text in WITHDRAWN.items():
        assert set(text.split()) <= set(cls.__members__), cls


def test_every_operation_has_payloads_and_its_version() -> None:
    assert list(OPERATIONS) == list(e.Operation)
    for operation, spec in OPERATIONS.items():
        assert spec.since == introduced(operation)
        assert spec.request.__module__ == spec.response.__module__


def test_every_object_type_has_a_class() -> None:
    assert set(OBJECT_CLASSES) == set(e.ObjectType)


@pytest.mark.parametrize("rule", ATTRIBUTES.values(), ids=lambda rule: rule.name)
def test_attribute_rules_are_consistent(rule: object) -> None:
    tag: Tag = rule.tag  # type: ignore[attr-defined]
    assert rule.name == title(tag)  # type: ignore[attr-defined]
    assert by_name(rule.name) is rule  # type: ignore[attr-defined]
    assert introduced(tag) <= rule.since  # type: ignore[attr-defined]
    assert rule.initially_set_by is not Party.NOBODY  # type: ignore[attr-defined]
    last = withdrawn(tag)
    assert last is None or rule.until == last  # type: ignore[attr-defined]


def test_a_few_rules_by_hand() -> None:
    name = ATTRIBUTES[Tag.NAME]
    assert name.multiple
    assert name.modifiable_by is Party.EITHER
    assert name.deletable_by_client
    state = ATTRIBUTES[Tag.STATE]
    assert state.always_present
    assert state.initially_set_by is Party.SERVER
    assert not state.applies_to(e.ObjectType.OPAQUE_OBJECT, V1_4)
    assert state.applies_to(e.ObjectType.OPAQUE_OBJECT, V2_1)
    assert by_name("x-custom") is None
    assert by_name("CryptographicLength") is None
    assert len(ATTRIBUTES) == 89
