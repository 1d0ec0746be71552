"""What is not finished, or grows, and must not mislead or hurt anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kmipd.core import recovery
from kmipd.core.errors import StoreUnavailable
from kmipd.core.operations import derive_key
from kmipd.core.services import IDENTIFIER_SHOWN_MAX
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    ResultStatus,
)
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, attributes_request, create_request, locate_request, name
from tests.support.client import found, wanted

UNDO = {"batch_error_continuation_option": BatchErrorContinuationOption.UNDO}


def _create(service: Service, *more: tuple[Tag, Any], **options: Any) -> str:
    return str(service.call(O.CREATE, create_request(V1_4, aes(*more, **options))).unique_identifier)


def test_a_destroy_under_undo_whose_token_call_fails_was_not_undone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is written when the token is asked: saying "undone" of any of it would be untrue."""
    uid = _create(service)
    store = service.services.store
    create = (O.CREATE, create_request(V1_4, aes((Tag.NAME, name("beside")))))
    destroy = (O.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))

    def away(*_: object) -> None:
        raise StoreUnavailable("the token is away")

    monkeypatch.setattr(type(store), "destroy", away)
    answers = service.send(create, destroy, **UNDO).batch_item
    monkeypatch.undo()
    assert [a.result_status for a in answers] == [ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED]
    assert answers[1].result_reason is R.GENERAL_FAILURE
    get = p.GetRequestPayload(unique_identifier=uid)
    assert service.refusal(O.GET, get, version=V2_1) is R.OBJECT_DESTROYED, "never usable again"
    assert len(service.call(O.LOCATE, locate_request(V1_4, [(Tag.NAME, name("beside"))])).unique_identifier) == 1
    assert uid in service.services.registry.pending_destroys()
    recovery.recover(service.services)
    assert uid not in service.services.registry.pending_destroys()


def test_a_key_that_the_token_keeps_does_not_hold_up_the_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [_create(service) for _ in range(3)]
    store, registry = type(service.services.store), service.services.registry
    each = store.destroy_each

    def away(*_: object) -> None:
        raise StoreUnavailable("the token is away")

    monkeypatch.setattr(store, "destroy", away)
    for uid in uids:
        assert service.refusal(O.DESTROY, p.DestroyRequestPayload(unique_identifier=uid)) is R.GENERAL_FAILURE
    kept = registry.unit().get(uids[0]).cka_id  # type: ignore[union-attr]
    monkeypatch.setattr(store, "destroy_each", lambda self, ids: each(self, set(ids) - {kept}))
    done = recovery.recover(service.services)
    assert (done.destroyed, done.waiting) == (2, 1)
    assert [uid for uid in uids if uid in registry.pending_destroys()] == uids[:1]
    monkeypatch.setattr(store, "destroy_each", away)
    assert recovery.recover(service.services).waiting == 1
    monkeypatch.undo()
    assert recovery.recover(service.services).destroyed == 1


def test_what_a_batch_destroys_it_does_not_locate(service: Service) -> None:
    uid = _create(service, (Tag.NAME, name("going")))
    destroy = (O.DESTROY, p.DestroyRequestPayload(unique_identifier=uid))
    locate = (O.LOCATE, locate_request(V1_4, [(Tag.NAME, name("going"))]))
    answers = service.send(destroy, locate, **UNDO).batch_item
    assert answers[1].response_payload.unique_identifier == ()  # type: ignore[union-attr]


def test_a_base_does_not_grow_with_every_derivation(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive_key, "DERIVED_LINKS_MAX", 3)
    base = _create(service, mask=CryptographicUsageMask.DERIVE_KEY)
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
        derivation_data=b"volume",
        salt=b"salt",
        iteration_count=2,
    )
    pairs = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES), (Tag.CRYPTOGRAPHIC_LENGTH, 128))
    request = p.DeriveKeyRequestPayload(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(base,),
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=parameters,
        **wanted(V1_4, pairs),
    )
    derived = [service.call(O.DERIVE_KEY, request).unique_identifier for _ in range(5)]

    def links(uid: str) -> list[Any]:
        seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V1_4, uid, Tag.LINK)))["Link"]
        return list(seen) if isinstance(seen, list) else [seen]

    assert [link.linked_object_identifier for link in links(base)] == derived[:3]
    last = links(derived[4])[0]
    assert (last.link_type, last.linked_object_identifier) == (LinkType.DERIVATION_BASE_OBJECT_LINK, base)


def test_an_identifier_that_somebody_made_up_is_cut_in_the_audit_log(service: Service) -> None:
    made_up = "x" * 50_000
    answer = service.send((O.GET, p.GetRequestPayload(unique_identifier=made_up))).batch_item[0]
    assert answer.result_reason is R.ITEM_NOT_FOUND
    assert len(answer.result_message or "") < 2 * IDENTIFIER_SHOWN_MAX
    log = service.application.settings.audit_log.read_text().splitlines()
    assert json.loads(log[-1])["uid"] == made_up[:IDENTIFIER_SHOWN_MAX]
