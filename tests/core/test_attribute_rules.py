"""The attribute operations against the standard's rules: for every attribute, every kind of object, both families.

The rules themselves are held against the specifications in tests/spec; here the operations are held against the rules.
"""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core.model import Principal
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attribute_rules import ATTRIBUTES, AttributeRule, Party
from kmipd.spec.attributes import UsageLimits
from kmipd.spec.enumerations import AdjustmentType, ObjectType, SecretDataType, UsageLimitsUnit
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1, Version
from tests.core.conftest import Service
from tests.support.asking import aes, attributes_request, create_request, opaque, secret, symmetric
from tests.support.client import attribute, attribute_item, found, wanted
from tests.support.samples import sample

OBJECTS: dict[ObjectType, Any] = {
    ObjectType.SYMMETRIC_KEY: symmetric(bytes(16)),
    ObjectType.SECRET_DATA: secret(b"secret", SecretDataType.PASSWORD),
    ObjectType.OPAQUE_OBJECT: opaque(b"data"),
    ObjectType.TEMPLATE: o.Template(attribute=()),
}
#: The rules allow them, the state of a new object does not, or the sample is no value of it.
CONDITIONAL = {
    Tag.ACTIVATION_DATE: "what is past activates",
    Tag.PROCESS_START_DATE: "dates have an order",
    Tag.PROTECT_STOP_DATE: "dates have an order",
    Tag.DEACTIVATION_DATE: "dates have an order",
}


@pytest.fixture
def uids(service: Service, request: pytest.FixtureRequest) -> dict[ObjectType, str]:
    service.principal = Principal(request.node.name, request.node.name)
    return {kind: _register(service, kind) for kind in OBJECTS}


def _register(service: Service, kind: ObjectType) -> str:
    payload = p.RegisterRequestPayload(object_type=kind, managed_object=OBJECTS[kind], **wanted(V1_4, []))
    return str(service.call(O.REGISTER, payload, version=V1_4).unique_identifier)


def _add(service: Service, version: Version, uid: str, tag: Tag, value: Any) -> R | None:
    if version is V1_4:
        payload = p.AddAttributeRequestPayload(unique_identifier=uid, attribute=attribute(tag, value))
    else:
        payload = p.AddAttributeRequestPayload(unique_identifier=uid, new_attribute=attribute_item(tag, value))
    reason: R | None = service.refusal(O.ADD_ATTRIBUTE, payload, version=version)
    return reason


def _modify(service: Service, version: Version, uid: str, tag: Tag, value: Any) -> R | None:
    if version is V1_4:
        payload = p.ModifyAttributeRequestPayload(unique_identifier=uid, attribute=attribute(tag, value))
    else:
        payload = p.ModifyAttributeRequestPayload(unique_identifier=uid, new_attribute=attribute_item(tag, value))
    reason: R | None = service.refusal(O.MODIFY_ATTRIBUTE, payload, version=version)
    return reason


def _delete(service: Service, version: Version, uid: str, tag: Tag) -> R | None:
    if version is V1_4:
        payload = p.DeleteAttributeRequestPayload(unique_identifier=uid, attribute_name=ATTRIBUTES[tag].name)
    else:
        payload = p.DeleteAttributeRequestPayload(unique_identifier=uid, attribute_reference=tag)
    reason: R | None = service.refusal(O.DELETE_ATTRIBUTE, payload, version=version)
    return reason


def _has(service: Service, version: Version, uid: str, tag: Tag) -> bool:
    request = attributes_request(version, uid, tag)
    return bool(found(service.call(O.GET_ATTRIBUTES, request, version=version)))


def _known(version: Version) -> list[AttributeRule]:
    return [r for r in ATTRIBUTES.values() if r.in_version(version) and r.tag not in CONDITIONAL]


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=["1.4", "2.1"])
@pytest.mark.parametrize("kind", OBJECTS, ids=lambda k: k.name)
def test_operations_follow_the_rules(
    service: Service, uids: dict[ObjectType, str], version: Version, kind: ObjectType
) -> None:
    if kind is ObjectType.TEMPLATE and version is V2_1:
        pytest.skip("templates ended with 1.4")
    uid = uids[kind]
    for rule in _known(version):
        tag, value = rule.tag, sample(rule.type)
        before = _has(service, version, uid, tag)
        settable = bool(rule.initially_set_by & Party.CLIENT)
        applies = rule.applies_to(kind, version)
        added = _add(service, version, uid, tag, value)
        expected = settable and (applies or before) and (rule.multiple or not before)
        assert (added is None) == expected, (rule.name, added)
        if added is R.ATTRIBUTE_READ_ONLY:
            assert not settable, rule.name
        present = _has(service, version, uid, tag)
        assert present == (before or expected), rule.name
        modified = _modify(service, version, uid, tag, value)
        if not rule.modifiable_by & Party.CLIENT:
            assert modified in (R.ATTRIBUTE_READ_ONLY, R.PERMISSION_DENIED), (rule.name, modified)
        elif not present:
            assert modified is not None, rule.name
        deleted = _delete(service, version, uid, tag)
        assert (deleted is None) == (rule.deletable_by_client and present), (rule.name, deleted)
        assert _has(service, version, uid, tag) == (present and deleted is not None) or rule.multiple, rule.name


def test_usage_limits_stay_once_they_are_used(service: Service) -> None:
    limits = UsageLimits(usage_limits_total=5, usage_limits_unit=UsageLimitsUnit.OBJECT)
    pairs = aes((Tag.USAGE_LIMITS, limits), (Tag.ACTIVATION_DATE, service.clock.time))
    uid = service.call(O.CREATE, create_request(V1_4, pairs)).unique_identifier
    service.call(
        O.GET_USAGE_ALLOCATION, p.GetUsageAllocationRequestPayload(unique_identifier=uid, usage_limits_count=1)
    )
    assert _delete(service, V1_4, uid, Tag.USAGE_LIMITS) is R.PERMISSION_DENIED
    assert _modify(service, V1_4, uid, Tag.USAGE_LIMITS, limits) is R.PERMISSION_DENIED


def test_dates_keep_their_order(service: Service) -> None:
    now = service.clock.time
    pairs = aes((Tag.ACTIVATION_DATE, now + 10), (Tag.DEACTIVATION_DATE, now + 20))
    uid = service.call(O.CREATE, create_request(V1_4, pairs)).unique_identifier
    assert _modify(service, V1_4, uid, Tag.DEACTIVATION_DATE, now + 5) is not None
    assert _modify(service, V1_4, uid, Tag.DEACTIVATION_DATE, now + 15) is None


# Adjust Attribute ----------------------------------------------------------------------------------------------


def _adjust(service: Service, uid: str, reference: Any, kind: AdjustmentType, by: Item | None = None) -> R | None:
    payload = p.AdjustAttributeRequestPayload(
        unique_identifier=uid, attribute_reference=reference, adjustment_type=kind, adjustment_value=by
    )
    reason: R | None = service.refusal(O.ADJUST_ATTRIBUTE, payload, version=V2_1)
    return reason


def _by(value: int, kind: ItemType = ItemType.INTEGER) -> Item:
    return Item(Tag.ADJUSTMENT_VALUE, kind, value)


UP, DOWN, NOT = AdjustmentType.INCREMENT, AdjustmentType.DECREMENT, AdjustmentType.NEGATE


def _value(service: Service, uid: str, tag: Tag) -> Any:
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V2_1, uid, tag), version=V2_1))
    return next(iter(seen.values()), None)


def test_numbers_are_counted(service: Service, uids: dict[ObjectType, str]) -> None:
    uid = uids[ObjectType.SYMMETRIC_KEY]
    period = Tag.PROTECTION_PERIOD
    assert _adjust(service, uid, period, UP, _by(60, ItemType.INTERVAL)) is None, "what is not there is 0"
    assert _adjust(service, uid, period, UP) is None
    assert _adjust(service, uid, period, DOWN, _by(11)) is None
    assert _value(service, uid, period) == 50
    assert _adjust(service, uid, period, DOWN, _by(51)) is R.NUMERIC_RANGE
    assert _adjust(service, uid, period, NOT) is R.NUMERIC_RANGE
    assert _value(service, uid, period) == 50


def test_booleans_are_negated(service: Service, uids: dict[ObjectType, str]) -> None:
    uid = uids[ObjectType.SECRET_DATA]
    assert _adjust(service, uid, Tag.QUANTUM_SAFE, NOT) is None
    assert _value(service, uid, Tag.QUANTUM_SAFE) is True
    assert _adjust(service, uid, Tag.QUANTUM_SAFE, NOT) is None
    assert _value(service, uid, Tag.QUANTUM_SAFE) is False
    assert _adjust(service, uid, Tag.QUANTUM_SAFE, UP) is R.INVALID_DATA_TYPE


def test_what_is_no_number_is_not_adjusted(service: Service, uids: dict[ObjectType, str]) -> None:
    uid = uids[ObjectType.SYMMETRIC_KEY]
    assert _adjust(service, uid, Tag.COMMENT, UP) is R.INVALID_DATA_TYPE
    assert _adjust(service, uid, Tag.DEACTIVATION_DATE, UP) is R.INVALID_DATA_TYPE, "no date to count from"
    assert _adjust(service, uid, Tag.CRYPTOGRAPHIC_LENGTH, UP) is R.ATTRIBUTE_READ_ONLY
    wrong = Item(Tag.ADJUSTMENT_VALUE, ItemType.TEXT_STRING, "1")
    assert _adjust(service, uid, Tag.PROTECTION_PERIOD, UP, wrong) is R.INVALID_DATA_TYPE


def test_a_date_is_moved_by_seconds(service: Service) -> None:
    now = service.clock.time
    pairs = aes((Tag.ACTIVATION_DATE, now + 10), (Tag.DEACTIVATION_DATE, now + 20))
    uid = service.call(O.CREATE, create_request(V2_1, pairs), version=V2_1).unique_identifier
    assert _adjust(service, uid, Tag.DEACTIVATION_DATE, UP, _by(3600, ItemType.INTERVAL)) is None
    assert _value(service, uid, Tag.DEACTIVATION_DATE) == now + 3620
    assert _adjust(service, uid, Tag.DEACTIVATION_DATE, DOWN, _by(4000)) is not None, "before its activation"
