"""What the registry keeps: every attribute of every version, and structures."""

from __future__ import annotations

import typing

import pytest

from kmipd.protocol import (
    ProtocolError,
    decode_value,
    dump_attributes,
    dump_structure,
    encode_value,
    load_attributes,
    load_structure,
)
from kmipd.spec import enumerations as e
from kmipd.spec.attributes import ATTRIBUTES, AttributeItem, Attributes, VendorAttribute
from kmipd.spec.declare import hints
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.objects import KeyBlock, KeyValue, SymmetricKey, TransparentRSAPublicKey
from kmipd.spec.tags import Tag


def example(hint: typing.Any) -> typing.Any:
    """Some value of an annotation."""
    if typing.get_origin(hint) is typing.Annotated:
        return example(typing.get_args(hint)[0])
    if typing.get_args(hint):
        first = typing.get_args(hint)[0]
        return (example(first),) if typing.get_origin(hint) is tuple else example(first)
    if hasattr(hint, "__dataclass_fields__"):
        return hint(**{name: example(kind) for name, kind in hints(hint).items()})
    if issubclass(hint, e.IntEnum):
        return next(iter(hint), 0x8000_0001)
    if hint is CryptographicUsageMask:
        return CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.AUTHENTICATE
    return {str: "text", bytes: b"bytes", bool: True, int: 5}.get(hint) or hint(1)


@pytest.mark.parametrize("rule", ATTRIBUTES.values(), ids=lambda rule: rule.name)
def test_every_attribute_can_be_kept(rule: typing.Any) -> None:
    value = example(rule.type)
    item = AttributeItem(tag=rule.tag, value=value)
    assert load_attributes(dump_attributes(Attributes(values=(item, item)))).values == (item, item)
    assert decode_value(encode_value(value, rule.tag)) == item


def test_vendor_and_unknown_attributes_are_kept_as_they_came() -> None:
    vendor = VendorAttribute(
        vendor_identification="x",
        attribute_name="note",
        attribute_value=Item(Tag.ATTRIBUTE_VALUE, ItemType.STRUCTURE, (Item(0x540001, ItemType.BOOLEAN, True),)),
    )
    attributes = Attributes(
        values=(
            AttributeItem(tag=Tag.ATTRIBUTE, value=vendor),
            AttributeItem(tag=0x540002, value=Item(0x540002, ItemType.BIG_INTEGER, -(2**70))),
        )
    )
    assert load_attributes(dump_attributes(attributes)) == attributes


def test_a_key_block_is_kept_with_the_material_its_format_says() -> None:
    transparent = KeyBlock(
        key_format_type=e.KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
        key_value=KeyValue(key_material=TransparentRSAPublicKey(modulus=2**2047 + 1, public_exponent=65537)),
        cryptographic_algorithm=e.CryptographicAlgorithm.RSA,
        cryptographic_length=2048,
    )
    wrapped = KeyBlock(key_format_type=e.KeyFormatType.RAW, key_value=b"wrapped")
    strange = KeyBlock(
        key_format_type=e.KeyFormatType.RAW,
        key_value=KeyValue(key_material=Item(Tag.KEY_MATERIAL, ItemType.STRUCTURE, ())),
    )
    absent = KeyBlock(key_format_type=e.KeyFormatType.RAW)
    for block in (transparent, wrapped, strange, absent):
        assert load_structure(KeyBlock, dump_structure(block)) == block
        assert load_structure(SymmetricKey, dump_structure(SymmetricKey(key_block=block))).key_block == block


def test_what_was_not_stored_is_refused() -> None:
    with pytest.raises(ProtocolError):
        load_attributes(dump_structure(KeyBlock(key_format_type=e.KeyFormatType.RAW)))
    with pytest.raises(ProtocolError):
        load_structure(KeyBlock, b"")


def test_secrets_do_not_print() -> None:
    block = KeyBlock(key_format_type=e.KeyFormatType.RAW, key_value=KeyValue(key_material=b"very secret key"))
    assert "very secret" not in repr(block)
    assert "<15 bytes>" in repr(block)
