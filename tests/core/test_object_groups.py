"""Members of object groups that the server picks in turn, or makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kmipd.core.model import Principal
from kmipd.core.object_groups import FilledGroup
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import ObjectGroupMember
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4
from tests.core.conftest import Service
from tests.support.asking import aes, attributes_request, create_request, locate_request
from tests.support.client import found

GROUP = (Tag.OBJECT_GROUP, "team")
FRESH, DEFAULT = ObjectGroupMember.GROUP_MEMBER_FRESH, ObjectGroupMember.GROUP_MEMBER_DEFAULT


@pytest.fixture(autouse=True)
def _fresh(service: Service, request: pytest.FixtureRequest) -> None:
    service.principal = Principal(f"groups {request.node.name}", f"groups {request.node.name}")


def _locate(service: Service, member: ObjectGroupMember, *more: tuple[Tag, Any], **options: Any) -> tuple[str, ...]:
    request = locate_request(V1_4, [GROUP, *more], object_group_member=member, maximum_items=1)
    return tuple(service.call(O.LOCATE, request, **options).unique_identifier)


def _create(service: Service) -> str:
    return str(service.call(O.CREATE, create_request(V1_4, aes(GROUP))).unique_identifier)


def test_the_default_member_goes_round(service: Service) -> None:
    """Whichever worker is asked, and without those that are gone."""
    made = [_create(service) for _ in range(3)]
    again = Service(service.application)
    again.principal = service.principal
    turns = [_locate(one, DEFAULT)[0] for one in (service, again, service, again)]
    assert turns == [*made, made[0]]
    service.call(O.DESTROY, p.DestroyRequestPayload(unique_identifier=made[1]))
    assert [_locate(service, DEFAULT)[0] for _ in range(2)] == [made[2], made[0]]


def test_an_empty_group_has_no_default_member(service: Service) -> None:
    assert _locate(service, DEFAULT) == ()


def test_a_filled_group_never_runs_out(service: Service) -> None:
    assert _locate(service, FRESH) == (), "nobody fills it yet"
    filled = FilledGroup(length=192)
    service.configure(replace(service.services.settings, filled_groups={"team": filled}))
    (first,) = _locate(service, FRESH)
    assert _locate(service, FRESH) == (first,), "it is fresh until somebody gets it"
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V1_4, first)))
    assert (seen["Fresh"], seen["Cryptographic Length"], seen["Object Group"]) == (True, 192, "team")
    service.call(O.GET, p.GetRequestPayload(unique_identifier=first))
    (second,) = _locate(service, FRESH)
    assert second != first


def test_nothing_is_made_that_was_not_looked_for(service: Service) -> None:
    service.configure(replace(service.services.settings, filled_groups={"team": FilledGroup()}))
    assert _locate(service, FRESH, (Tag.CRYPTOGRAPHIC_LENGTH, 128)) == ()
    assert _locate(service, FRESH, (Tag.OBJECT_GROUP, "other")) == ()
    service.configure(replace(service.services.settings, filled_groups={"nobody's": FilledGroup()}))
    auditor = Principal("auditor", service.principal.group, "auditor")
    request = locate_request(V1_4, [(Tag.OBJECT_GROUP, "nobody's")], object_group_member=FRESH)
    found_by_auditor = service.call(O.LOCATE, request, principal=auditor)
    assert found_by_auditor.unique_identifier == (), "who may not create does not by locating"
    assert len(service.call(O.LOCATE, request).unique_identifier) == 1
