"""Defaults and constraints that a group lays down, and what they make of the objects that follow."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core import group_rules
from kmipd.core.model import Principal
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import BatchErrorContinuationOption, CryptographicAlgorithm, ObjectType, QueryFunction
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads.parts import (
    Constraint,
    Constraints,
    DefaultsInformation,
    ObjectDefaults,
    ObjectGroups,
    ObjectTypes,
)
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import attributes_request, create_request, symmetric
from tests.support.client import attributes, found

AES, LENGTH = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES), Tag.CRYPTOGRAPHIC_LENGTH
MASK = (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT)
SYMMETRIC = ObjectTypes(object_type=(ObjectType.SYMMETRIC_KEY,))


def _constraint(*pairs: tuple[Tag, Any], groups: tuple[str, ...] = ()) -> Constraint:
    named = ObjectGroups(object_group=groups) if groups else None
    return Constraint(object_types=SYMMETRIC, object_groups=named, attributes=attributes(pairs))


def _constrain(service: Service, *constraints: Constraint) -> None:
    request = p.SetConstraintsRequestPayload(constraints=Constraints(constraint=constraints) if constraints else None)
    service.call(O.SET_CONSTRAINTS, request, version=V2_1)


def _default(service: Service, *defaults: ObjectDefaults) -> None:
    information = DefaultsInformation(object_defaults=defaults) if defaults else None
    service.call(O.SET_DEFAULTS, p.SetDefaultsRequestPayload(defaults_information=information), version=V2_1)


def _refusal(service: Service, *pairs: tuple[Tag, Any], version: Any = V2_1, **options: Any) -> R | None:
    reason: R | None = service.refusal(O.CREATE, create_request(version, pairs), version=version, **options)
    return reason


@pytest.fixture(autouse=True)
def _fresh(service: Service, request: pytest.FixtureRequest) -> None:
    service.principal = Principal(f"rules {request.node.name}", f"rules {request.node.name}")


def test_an_object_satisfies_one_of_the_constraints_for_it(service: Service) -> None:
    """TC-MD-24: 256 bits in one group, 192 bits for everything else."""
    _constrain(service, _constraint(AES, (LENGTH, 256), groups=("one",)), _constraint(AES, (LENGTH, 192)))
    one = (Tag.OBJECT_GROUP, "one")
    assert _refusal(service, AES, MASK, (LENGTH, 256), one) is None
    assert _refusal(service, AES, MASK, (LENGTH, 192)) is None
    assert _refusal(service, AES, MASK, (LENGTH, 192), one) is R.CONSTRAINT_VIOLATION
    assert _refusal(service, AES, MASK, (LENGTH, 256)) is R.CONSTRAINT_VIOLATION
    assert _refusal(service, AES, MASK, (LENGTH, 256), version=V1_4) is R.PERMISSION_DENIED
    registered = p.RegisterRequestPayload(object_type=ObjectType.SYMMETRIC_KEY, managed_object=symmetric(bytes(32)))
    assert service.refusal(O.REGISTER, registered, version=V2_1) is R.CONSTRAINT_VIOLATION
    _constrain(service)
    assert _refusal(service, AES, MASK, (LENGTH, 256)) is None


def test_a_mask_may_have_no_more_than_the_constraint(service: Service) -> None:
    both = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
    _constrain(service, _constraint((Tag.CRYPTOGRAPHIC_USAGE_MASK, both)))
    assert _refusal(service, AES, MASK, (LENGTH, 128)) is None
    wide = (Tag.CRYPTOGRAPHIC_USAGE_MASK, both | CryptographicUsageMask.SIGN)
    assert _refusal(service, AES, wide, (LENGTH, 128)) is R.CONSTRAINT_VIOLATION


def test_rules_are_one_group_s(service: Service) -> None:
    _constrain(service, _constraint((LENGTH, 192)))
    _default(service, ObjectDefaults(object_types=SYMMETRIC, attributes=attributes([(LENGTH, 192)])))
    other = Principal("other", "another group")
    assert _refusal(service, AES, MASK, (LENGTH, 256), principal=other) is None
    assert _refusal(service, AES, MASK, principal=other) is not None
    constraints = service.call(O.GET_CONSTRAINTS, p.GetConstraintsRequestPayload(), version=V2_1, principal=other)
    assert constraints.constraints.constraint == ()


def test_defaults_fill_in_what_is_left_open(service: Service) -> None:
    pairs = [AES, (LENGTH, 192), (Tag.COMMENT, "by default")]
    _default(service, ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes(pairs)))
    uid = service.call(O.CREATE, create_request(V2_1, [MASK]), version=V2_1).unique_identifier
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V2_1, uid), version=V2_1))
    assert (seen["Cryptographic Length"], seen["Comment"]) == (192, "by default")
    uid = service.call(O.CREATE, create_request(V2_1, [MASK, (LENGTH, 256)]), version=V2_1).unique_identifier
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V2_1, uid), version=V2_1))
    assert (seen["Cryptographic Length"], seen["Comment"]) == (256, "by default")
    _default(service)
    assert _refusal(service, MASK) is not None


def test_query_tells_the_defaults(service: Service) -> None:
    everywhere = ObjectDefaults(object_types=SYMMETRIC, attributes=attributes([AES]))
    team = ObjectGroups(object_group=("team",))
    there = ObjectDefaults(object_types=SYMMETRIC, attributes=attributes([(LENGTH, 128)]), object_groups=team)
    _default(service, everywhere, there)

    def told(groups: ObjectGroups | None) -> tuple[ObjectDefaults, ...]:
        asked = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_DEFAULTS_INFORMATION,), object_groups=groups)
        defaults: tuple[ObjectDefaults, ...] = service.call(
            O.QUERY, asked, version=V2_1
        ).defaults_information.object_defaults
        return defaults

    assert told(None) == (everywhere, there)
    assert told(team) == (everywhere, there)
    assert told(ObjectGroups(object_group=("other",))) == (everywhere,)
    assert _refusal(service, MASK) is not None, "no length outside of the team"
    assert _refusal(service, MASK, (Tag.OBJECT_GROUP, "team")) is None


def test_rules_are_undone_with_their_batch(service: Service) -> None:
    """And hold for what follows in it."""
    rules = Constraints(constraint=(_constraint((LENGTH, 192)),))
    sent = service.send(
        (O.SET_CONSTRAINTS, p.SetConstraintsRequestPayload(constraints=rules)),
        (O.CREATE, create_request(V2_1, [AES, MASK, (LENGTH, 256)])),
        version=V2_1,
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )
    assert sent.batch_item[1].result_reason is R.CONSTRAINT_VIOLATION
    assert _refusal(service, AES, MASK, (LENGTH, 256)) is None


def test_what_could_never_be_set_is_refused_at_once(service: Service) -> None:
    def refusal(constraints: tuple[Constraint, ...]) -> Any:
        request = p.SetConstraintsRequestPayload(constraints=Constraints(constraint=constraints))
        return service.refusal(O.SET_CONSTRAINTS, request, version=V2_1)

    assert refusal((_constraint((Tag.INITIAL_DATE, 1)),)) is R.ATTRIBUTE_READ_ONLY
    assert refusal((_constraint(AES),) * (group_rules.RULES_MAX + 1)) is R.INVALID_FIELD
    assert _refusal(service, AES, MASK, (LENGTH, 256)) is None
