"""Tickets: what their holder may do, for how long and how often, and what is left of them afterwards."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from kmipd.core import tickets
from kmipd.core.model import Principal
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, UsageLimits
from kmipd.spec.enumerations import (
    AsynchronousIndicator,
    BlockCipherMode,
    CancellationResult,
    CredentialType,
    InteropFunction,
    ObjectType,
    QueryFunction,
    TicketType,
    UsageLimitsUnit,
)
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.messages import Authentication
from kmipd.spec.payloads.parts import ObjectGroups, Objects, Operations, Right, Rights
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, attributes_request, create_request, locate_request, symmetric
from tests.support.client import attributes

HOLDER = Principal("holder", "elsewhere")
PING = (O.PING, p.PingRequestPayload())


def _login(service: Service, **asked: Any) -> o.Ticket:
    ticket: o.Ticket = service.call(O.LOGIN, p.LoginRequestPayload(**asked), version=V2_1).ticket
    return ticket


def _delegate(service: Service, *rights: Right, **asked: Any) -> o.Ticket:
    request = p.DelegatedLoginRequestPayload(rights=Rights(right=rights), **asked)
    ticket: o.Ticket = service.call(O.DELEGATED_LOGIN, request, version=V2_1).ticket
    return ticket


def _right(*operations: O, **more: Any) -> Right:
    return Right(operations=Operations(operation=operations), **more)


def _with(ticket: o.Ticket) -> dict[str, Any]:
    credential = o.Credential(credential_type=CredentialType.TICKET, credential_value=o.TicketCredential(ticket=ticket))
    return {"version": V2_1, "principal": HOLDER, "authentication": Authentication(credential=(credential,))}


def _create(service: Service, *more: tuple[Tag, Any], **options: Any) -> str:
    return str(
        service.call(O.CREATE, create_request(V2_1, aes(*more)), **{"version": V2_1, **options}).unique_identifier
    )


def _get(uid: str) -> tuple[O, Any]:
    return O.GET, p.GetRequestPayload(unique_identifier=uid)


def test_a_ticket_stands_for_who_asked_for_it(service: Service) -> None:
    uid = _create(service)
    assert service.refusal(*_get(uid), version=V2_1, principal=HOLDER) is R.OBJECT_NOT_FOUND
    ticket = _login(service)
    assert service.call(*_get(uid), **_with(ticket)).unique_identifier == uid
    service.call(O.LOGOUT, p.LogoutRequestPayload(ticket=ticket), version=V2_1)
    assert service.refusal(*_get(uid), **_with(ticket)) is R.INVALID_TICKET
    assert service.refusal(O.LOGOUT, p.LogoutRequestPayload(ticket=ticket), version=V2_1) is R.INVALID_TICKET


def test_a_ticket_that_nobody_gave_out_is_none(service: Service) -> None:
    made_up = o.Ticket(ticket_type=TicketType.LOGIN, ticket_value=b"0" * 32)
    answer = service.send(PING, PING, **_with(made_up))
    assert [(i.operation, i.result_reason) for i in answer.batch_item] == [(O.PING, R.INVALID_TICKET)] * 2
    audited = json.loads(service.application.settings.audit_log.read_text().splitlines()[-1])
    assert (audited["principal"], audited["operation"], audited["reason"]) == ("holder", "PING", "INVALID_TICKET")
    assert service.refusal(O.LOGOUT, p.LogoutRequestPayload(ticket=_login(service)), version=V2_1, principal=HOLDER)


@pytest.mark.parametrize("asked", [60, 0, None, 10 * tickets.LEASE_SECONDS_MAX])
def test_a_ticket_ends(service: Service, asked: int | None) -> None:
    ticket = _login(service, lease_time=asked)
    lasts = 60 if asked == 60 else tickets.LEASE_SECONDS_MAX
    service.clock.time += lasts - 1
    assert service.refusal(*PING, **_with(ticket)) is None
    service.clock.time += 1
    assert service.refusal(*PING, **_with(ticket)) is R.INVALID_TICKET


def test_a_ticket_is_good_for_so_many_requests(service: Service) -> None:
    """A request is a message, however many items it has; another worker counts on."""
    ticket = _login(service, request_count=2)
    service.send(PING, PING, **_with(ticket))
    again = Service(service.application)
    assert again.refusal(*PING, **_with(ticket)) is None
    assert service.refusal(*PING, **_with(ticket)) is R.USAGE_LIMIT_EXCEEDED


def test_operations_of_a_ticket_are_counted(service: Service) -> None:
    limits = UsageLimits(usage_limits_total=2, usage_limits_unit=UsageLimitsUnit.OBJECT)
    ticket = _login(service, usage_limits=limits)
    assert [i.result_reason for i in service.send(PING, PING, **_with(ticket)).batch_item] == [None, None]
    assert service.refusal(*PING, **_with(ticket)) is R.USAGE_LIMIT_EXCEEDED


def test_bytes_of_a_ticket_are_counted(service: Service) -> None:
    uid = _create(service, (Tag.ACTIVATION_DATE, service.clock.time))
    limits = UsageLimits(usage_limits_total=40, usage_limits_unit=UsageLimitsUnit.BYTE)
    ticket = _login(service, usage_limits=limits)
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    encrypt = p.EncryptRequestPayload(unique_identifier=uid, data=b"0" * 32, cryptographic_parameters=ecb)
    assert service.refusal(O.ENCRYPT, encrypt, **_with(ticket)) is None
    assert service.refusal(O.ENCRYPT, encrypt, **_with(ticket)) is R.USAGE_LIMIT_EXCEEDED


def test_a_delegate_does_what_it_may_and_no_more(service: Service) -> None:
    mine, other = _create(service), _create(service)
    mine_only = _right(O.GET_ATTRIBUTES, objects=Objects(unique_identifier=(mine,)))
    ticket = _delegate(service, _right(O.QUERY, O.LOCATE), mine_only)
    assert service.refusal(O.GET_ATTRIBUTES, attributes_request(V2_1, mine), **_with(ticket)) is None
    for item in (
        (O.GET_ATTRIBUTES, attributes_request(V2_1, other)),
        _get(mine),
        (O.CREATE, create_request(V2_1, aes())),
        (O.LOGIN, p.LoginRequestPayload()),
    ):
        assert service.refusal(*item, **_with(ticket)) is R.NOT_AUTHORISED, item[0]
    query = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert service.call(O.QUERY, query, **_with(ticket)).operation == (O.LOCATE, O.GET_ATTRIBUTES, O.QUERY)
    assert len(service.call(O.LOCATE, locate_request(V2_1, []), **_with(ticket)).unique_identifier) == 2


def test_a_right_may_be_about_groups(service: Service) -> None:
    inside, outside = _create(service, (Tag.OBJECT_GROUP, "team")), _create(service)
    ticket = _delegate(service, Right(object_groups=ObjectGroups(object_group=("team",))))
    assert service.refusal(*_get(inside), **_with(ticket)) is None
    assert service.refusal(*_get(outside), **_with(ticket)) is R.NOT_AUTHORISED
    assert service.call(O.LOCATE, locate_request(V2_1, []), **_with(ticket)).unique_identifier == (inside,)
    made = _create(service, (Tag.OBJECT_GROUP, "team"), **_with(ticket))
    page = locate_request(V2_1, [], maximum_items=1, offset_items=1)
    found = service.call(O.LOCATE, page, **_with(ticket))
    assert (found.unique_identifier, found.located_items) == ((inside,), 2)
    assert service.refusal(O.CREATE, create_request(V2_1, aes()), **_with(ticket)) is R.NOT_AUTHORISED
    assert service.refusal(*_get(made), version=V2_1) is None, "it belongs to who gave the ticket"


def test_a_delegate_delegates_nothing(service: Service) -> None:
    ticket = _delegate(service, _right(O.LOGIN, O.DELEGATED_LOGIN))
    assert service.refusal(O.LOGIN, p.LoginRequestPayload(), **_with(ticket)) is R.NOT_AUTHORISED
    more = p.DelegatedLoginRequestPayload(rights=Rights(right=(_right(O.GET),)))
    assert service.refusal(O.DELEGATED_LOGIN, more, **_with(ticket)) is R.NOT_AUTHORISED


def test_a_delegate_does_not_fetch_the_client_s_answers(service: Service) -> None:
    """They may be about anything: the right to poll is not the right to every key the client asks for."""
    uid = _create(service)
    sent = service.send(_get(uid), version=V2_1, asynchronous_indicator=AsynchronousIndicator.MANDATORY)
    correlation = sent.batch_item[0].asynchronous_correlation_value or b""
    ticket = _delegate(service, _right(O.POLL, O.CANCEL, O.QUERY_ASYNCHRONOUS_REQUESTS))
    poll = p.PollRequestPayload(asynchronous_correlation_value=correlation)
    assert service.refusal(O.POLL, poll, **_with(ticket)) is R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE
    listed = service.call(O.QUERY_ASYNCHRONOUS_REQUESTS, p.QueryAsynchronousRequestsRequestPayload(), **_with(ticket))
    assert listed.asynchronous_request == ()
    cancel = p.CancelRequestPayload(asynchronous_correlation_value=correlation)
    result = service.call(O.CANCEL, cancel, **_with(ticket)).cancellation_result
    assert result is CancellationResult.UNAVAILABLE
    assert service.refusal(O.POLL, poll, version=V2_1) is None


def test_tickets_are_bounded(service: Service) -> None:
    for _ in range(tickets.LIVE_MAX):
        _login(service, lease_time=60)
    assert service.refusal(O.LOGIN, p.LoginRequestPayload(), version=V2_1) is R.SERVER_LIMIT_EXCEEDED
    service.clock.time += 60
    _login(service)


def test_a_ticket_of_a_revoked_client_is_void(service: Service) -> None:
    clients = service.application.registry.clients
    clients.add("leaver", service.principal.group, "client", service.clock.time)
    service.principal = Principal("leaver", service.principal.group)
    ticket = _login(service)
    assert service.refusal(*PING, **_with(ticket)) is None
    clients.revoke("leaver", service.clock.time)
    assert service.refusal(*PING, **_with(ticket)) is R.INVALID_TICKET


def test_log_quotes_what_clients_say(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    service.call(O.LOG, p.LogRequestPayload(log_message="one\nERROR two\x1b[2J"), version=V2_1)
    assert f"{service.principal.name} says: 'one\\nERROR two\\x1b[2J'" in caplog.text
    long = p.LogRequestPayload(log_message="x" * 5000)
    assert service.refusal(O.LOG, long, version=V2_1) is R.INVALID_FIELD


def test_interop_is_for_test_servers(service: Service) -> None:
    begin = p.InteropRequestPayload(interop_function=InteropFunction.BEGIN, interop_identifier="TC-1")
    query = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert service.refusal(O.INTEROP, begin, version=V2_1) is R.OPERATION_NOT_SUPPORTED
    assert O.INTEROP not in service.call(O.QUERY, query, version=V2_1).operation
    service.configure(replace(service.services.settings, interop=True))
    assert service.refusal(O.INTEROP, begin, version=V2_1) is None
    assert O.INTEROP in service.call(O.QUERY, query, version=V2_1).operation


def test_a_ticket_replaces_only_what_it_reaches(service: Service) -> None:
    """Import with Replace Existing names an object by its identifier alone."""
    mine, other = _create(service), _create(service)
    ticket = _delegate(service, _right(O.IMPORT, O.GET, objects=Objects(unique_identifier=(mine,))))
    before = service.call(*_get(other), version=V2_1).managed_object
    request = p.ImportRequestPayload(
        unique_identifier=other,
        object_type=ObjectType.SYMMETRIC_KEY,
        replace_existing=True,
        attributes=attributes(((Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),)),
        managed_object=symmetric(bytes(16)),
    )
    assert service.refusal(O.IMPORT, request, **_with(ticket)) is R.NOT_AUTHORISED
    assert service.call(*_get(other), version=V2_1).managed_object == before
    assert service.refusal(O.IMPORT, replace(request, unique_identifier=mine), **_with(ticket)) is None
