"""Poll, Cancel and Process, and what they leave behind, with work that is done when the test says so."""

from __future__ import annotations

from typing import Any

import pytest

from kmipd.core import asynchronous
from kmipd.core.errors import StoreUnavailable
from kmipd.core.model import Principal
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import AsynchronousIndicator, CancellationResult, ProcessingStage, ResultStatus
from kmipd.spec.enumerations import BatchErrorContinuationOption as Continuation
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.messages import ResponseBatchItem
from kmipd.spec.payloads.parts import AsynchronousCorrelationValues, Operations
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, create_request, locate_request, name

MUST = AsynchronousIndicator.MANDATORY
CREATE = (O.CREATE, create_request(V1_4, aes((Tag.NAME, name("late")))))


def _pending(service: Service, item: tuple[O, Any] = CREATE, **header: Any) -> bytes:
    header.setdefault("asynchronous_indicator", True)
    answer = service.send(item, **header).batch_item[0]
    assert answer.result_status is ResultStatus.OPERATION_PENDING
    assert answer.operation is item[0]
    assert answer.response_payload is None
    assert answer.asynchronous_correlation_value is not None
    return answer.asynchronous_correlation_value


def _poll(service: Service, correlation: bytes, **options: Any) -> ResponseBatchItem:
    request = p.PollRequestPayload(asynchronous_correlation_value=correlation)
    return service.send((O.POLL, request), **options).batch_item[0]


def _cancel(service: Service, correlation: bytes) -> CancellationResult:
    request = p.CancelRequestPayload(asynchronous_correlation_value=correlation)
    return CancellationResult(service.call(O.CANCEL, request).cancellation_result)


def _located(service: Service) -> tuple[str, ...]:
    return tuple(service.call(O.LOCATE, locate_request(V1_4, [(Tag.NAME, name("late"))])).unique_identifier)


def test_poll_gives_the_answer_that_would_have_been_given(service: Service) -> None:
    correlation = _pending(service)
    assert _located(service) == (), "nothing is done before its time"
    answer = _poll(service, correlation)
    assert (answer.operation, answer.result_status) == (O.CREATE, ResultStatus.SUCCESS)
    payload: Any = answer.response_payload
    assert _located(service) == (payload.unique_identifier,)
    assert _poll(service, correlation) == answer, "the first reply may have been lost"


def test_poll_says_pending_while_it_is_at_work(service: Service) -> None:
    service.background.stuck = True
    correlation = _pending(service)
    answer = _poll(service, correlation)
    assert answer.result_status is ResultStatus.OPERATION_PENDING
    assert answer.asynchronous_correlation_value == correlation
    service.background.stuck = False
    assert _poll(service, correlation).result_status is ResultStatus.SUCCESS


def test_what_is_cancelled_is_never_done(service: Service) -> None:
    correlation = _pending(service)
    assert _cancel(service, correlation) is CancellationResult.CANCELED
    answer = _poll(service, correlation)
    assert (answer.operation, answer.result_reason) == (O.CREATE, R.OPERATION_CANCELED_BY_REQUESTER)
    assert _located(service) == ()
    assert _cancel(service, correlation) is CancellationResult.UNAVAILABLE


def test_what_is_done_cannot_be_cancelled(service: Service) -> None:
    done, refused = _pending(service), _pending(service, (O.GET, p.GetRequestPayload(unique_identifier="nobody")))
    assert _poll(service, refused).result_reason is R.ITEM_NOT_FOUND
    assert _poll(service, done).result_status is ResultStatus.SUCCESS
    assert _cancel(service, done) is CancellationResult.COMPLETED
    assert _cancel(service, refused) is CancellationResult.FAILED
    assert len(_located(service)) == 1


def test_what_was_begun_cannot_be_cancelled(service: Service) -> None:
    correlation = _pending(service)
    entry = service.services.requests.find(correlation)
    assert entry is not None
    assert asynchronous.claim(service.services, entry.batch, service.clock.time) is not None
    assert _cancel(service, correlation) is CancellationResult.UNABLE_TO_CANCEL
    assert asynchronous.claim(service.services, entry.batch, service.clock.time) is None, "nobody does it twice"


def test_a_stranger_sees_nothing(service: Service) -> None:
    correlation = _pending(service)
    stranger = Principal("stranger", service.principal.group)
    poll = p.PollRequestPayload(asynchronous_correlation_value=correlation)
    reason = service.refusal(O.POLL, poll, version=V2_1, principal=stranger)
    assert reason is R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE
    assert service.refusal(O.POLL, poll, principal=stranger) is R.ITEM_NOT_FOUND
    cancel = p.CancelRequestPayload(asynchronous_correlation_value=correlation)
    item = service.send((O.CANCEL, cancel), principal=stranger).batch_item[0].response_payload
    assert item.cancellation_result is CancellationResult.UNAVAILABLE  # type: ignore[union-attr]
    assert _poll(service, correlation).result_status is ResultStatus.SUCCESS


@pytest.mark.parametrize("indicator", [None, False, AsynchronousIndicator.PROHIBITED])
def test_nothing_is_late_unless_the_client_can_wait(service: Service, indicator: Any) -> None:
    version = V2_1 if isinstance(indicator, AsynchronousIndicator) else V1_4
    item = (O.CREATE, create_request(version, aes()))
    answer = service.send(item, version=version, asynchronous_indicator=indicator).batch_item[0]
    assert answer.result_status is ResultStatus.SUCCESS


def test_a_batch_keeps_its_placeholder_and_its_undo(service: Service) -> None:
    create = (O.CREATE, create_request(V2_1, aes((Tag.NAME, name("late")))))
    get = (O.GET, p.GetRequestPayload())
    sent = service.send(create, get, version=V2_1, asynchronous_indicator=MUST)
    values = [i.asynchronous_correlation_value for i in sent.batch_item]
    assert all(v is not None for v in values)
    answers = [_poll(service, v, version=V2_1) for v in values if v]
    assert [a.result_status for a in answers] == [ResultStatus.SUCCESS, ResultStatus.SUCCESS]
    nobody = (O.GET, p.GetRequestPayload(unique_identifier="nobody"))
    again = (O.CREATE, create_request(V2_1, aes((Tag.NAME, name("undone")))))
    options: dict[str, Any] = {"batch_error_continuation_option": Continuation.UNDO}
    sent = service.send(again, nobody, version=V2_1, asynchronous_indicator=MUST, **options)
    answers = [_poll(service, i.asynchronous_correlation_value or b"", version=V2_1) for i in sent.batch_item]
    assert [a.result_status for a in answers] == [ResultStatus.OPERATION_UNDONE, ResultStatus.OPERATION_FAILED]
    found = service.call(O.LOCATE, locate_request(V1_4, [(Tag.NAME, name("undone"))]))
    assert found.unique_identifier == ()


def test_process_has_it_done(service: Service) -> None:
    correlation = _pending(service)
    request = p.ProcessRequestPayload(asynchronous_correlation_value=correlation)
    service.call(O.PROCESS, request, version=V2_1)
    assert len(_located(service)) == 1
    assert service.refusal(O.PROCESS, request, version=V2_1) is R.DUPLICATE_PROCESS_REQUEST


def test_the_server_lists_what_has_not_been_obtained(service: Service) -> None:
    first = _pending(service)
    second = _pending(service, (O.LOCATE, locate_request(V1_4, [])))

    def listed(**asked: Any) -> list[tuple[bytes, Any, Any]]:
        request = p.QueryAsynchronousRequestsRequestPayload(**asked)
        found = service.call(O.QUERY_ASYNCHRONOUS_REQUESTS, request, version=V2_1).asynchronous_request
        assert all(r.submission_date == service.clock.time * 1_000_000 for r in found)
        return [(r.asynchronous_correlation_value, r.operation, r.processing_stage) for r in found]

    waits = ProcessingStage.SUBMITTED
    assert set(listed()) == {(first, O.CREATE, waits), (second, O.LOCATE, waits)}
    assert listed(operations=Operations(operation=(O.LOCATE,))) == [(second, O.LOCATE, waits)]
    values = AsynchronousCorrelationValues(asynchronous_correlation_value=(first,))
    assert listed(asynchronous_correlation_values=values) == [(first, O.CREATE, waits)]
    entry = service.services.requests.find(first)
    assert entry is not None
    service.background.await_end(entry.batch, 0, first)
    assert (first, O.CREATE, ProcessingStage.COMPLETED) in listed()
    _poll(service, first)
    assert listed() == [(second, O.LOCATE, waits)]


def test_nobody_fills_the_registry(service: Service) -> None:
    locate = (O.LOCATE, locate_request(V1_4, []))
    for _ in range(asynchronous.OUTSTANDING_MAX):
        _pending(service, locate)
    answer = service.send(locate, asynchronous_indicator=True).batch_item[0]
    assert answer.result_status is ResultStatus.SUCCESS, "done at once, since the client only can wait"
    locate = (O.LOCATE, locate_request(V2_1, []))
    answer = service.send(locate, version=V2_1, asynchronous_indicator=MUST).batch_item[0]
    assert answer.result_reason is R.SERVER_LIMIT_EXCEEDED
    service.clock.time += asynchronous.KEPT_SECONDS + 1
    asynchronous.tidy(service.services)
    assert service.services.requests.of(service.principal) == ()


def test_after_a_crash_the_client_is_told_to_look(service: Service) -> None:
    correlation = _pending(service)
    entry = service.services.requests.find(correlation)
    assert entry is not None
    asynchronous.claim(service.services, entry.batch, service.clock.time)
    asynchronous.tidy(service.services)
    assert not (service.services.requests.find(correlation) or entry).done, "it may still be at work"
    asynchronous.tidy(service.services, everything=True)
    answer = _poll(service, correlation)
    assert (answer.operation, answer.result_reason) == (O.CREATE, R.GENERAL_FAILURE)


def _away(*_: object) -> bytes:
    raise StoreUnavailable("the token is away")


def test_nothing_is_lost_while_the_token_is_away(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    correlation = _pending(service)
    entry = service.services.requests.find(correlation)
    assert entry is not None
    monkeypatch.setattr(type(service.services.store), "unseal", _away)
    with pytest.raises(StoreUnavailable):
        service.background.await_end(entry.batch, 0, correlation)
    monkeypatch.undo()
    assert entry.batch in service.services.requests.waiting(service.clock.time + 1)
    assert _poll(service, correlation).result_status is ResultStatus.SUCCESS


def test_without_a_token_what_needs_none_is_answered_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(service.services.store), "random", _away)
    locate = (O.LOCATE, locate_request(V1_4, []))
    assert service.send(locate, asynchronous_indicator=True).batch_item[0].result_status is ResultStatus.SUCCESS
    locate = (O.LOCATE, locate_request(V2_1, []))
    answer = service.send(locate, version=V2_1, asynchronous_indicator=MUST).batch_item[0]
    assert answer.result_reason is R.GENERAL_FAILURE
    assert "not available" in (answer.result_message or "")


def test_an_answer_that_cannot_be_kept_is_not_made_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    correlation = _pending(service, (O.LOCATE, locate_request(V1_4, [])))
    entry = service.services.requests.find(correlation)
    assert entry is not None
    monkeypatch.setattr(type(service.services.store), "seal", _away)
    service.background.await_end(entry.batch, 0, correlation)
    monkeypatch.undo()
    answer = _poll(service, correlation)
    assert (answer.operation, answer.result_reason) == (O.LOCATE, R.GENERAL_FAILURE)


def test_requests_and_answers_are_kept_sealed(service: Service) -> None:
    made = service.call(*CREATE).unique_identifier
    correlation = _pending(service, (O.GET, p.GetRequestPayload(unique_identifier=made)))
    entry = service.services.requests.find(correlation)
    assert entry is not None
    assert made.encode() not in entry.sealed
    payload: Any = _poll(service, correlation).response_payload
    entry = service.services.requests.find(correlation)
    assert entry is not None
    assert payload.managed_object.key_block.key_value.key_material not in entry.sealed
