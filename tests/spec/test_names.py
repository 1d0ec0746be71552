"""Every spelling of every name, in both directions."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import pytest

from kmipd.spec import enumerations, masks, names
from kmipd.spec.tags import Tag

VOCABULARIES = [
    cls
    for module in (enumerations, masks)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, IntEnum | IntFlag) and cls not in (IntEnum, IntFlag)
]


@pytest.mark.parametrize("tag", Tag)
def test_tags(tag: Tag) -> None:
    assert names.tag_named(names.tag_name(tag)) is tag
    assert names.tag_titled(names.title(tag)) is tag
    assert Tag[names.field_name(tag).upper()] is tag
    assert names.class_name(tag).isidentifier()
    letters = "".join(character for character in names.title(tag) if character.isalnum())
    assert letters == names.class_name(tag)


@pytest.mark.parametrize("cls", VOCABULARIES, ids=lambda cls: cls.__name__)
def test_members(cls: type[IntEnum]) -> None:
    for member in cls.__members__.values():
        assert names.member_named(cls, names.member_name(member)) == member
    for alias, name in names.ALIASES.get(cls, {}).items():
        assert names.member_named(cls, alias) == cls.__members__[name]
    assert set(names.SPELLINGS.get(cls, {})) <= set(cls.__members__)


def test_an_unknown_name_is_none() -> None:
    assert names.tag_named("NoSuchTag") is None
    assert names.tag_titled("No Such Tag") is None
    assert names.member_named(enumerations.State, "Lost") is None


def test_a_few_by_hand() -> None:
    assert names.tag_name(Tag.UNIQUE_BATCH_ITEM_ID) == "UniqueBatchItemID"
    assert names.title(Tag.X_509_CERTIFICATE_SUBJECT) == "X.509 Certificate Subject"
    assert names.title(Tag.IV_COUNTER_NONCE) == "IV/Counter/Nonce"
    assert names.member_name(enumerations.CryptographicAlgorithm.TRIPLE_DES) == "DES3"
    assert names.member_name(enumerations.KeyFormatType.X_509) == "X_509"
    assert names.member_name(masks.CryptographicUsageMask.CRL_SIGN) == "CRLSign"
