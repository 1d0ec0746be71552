"""Kills a server process at its n-th step, for every n, and looks at what is left.

    python -m tests.faults.crasher DIRECTORY FIRST LAST

A step is every statement for the registry, every call of the token, and the moments before and after each commit. Each
try is a process of its own (forked before any PKCS#11 module is loaded) that performs a fixed list of requests and says
what was answered; a second process then starts as the server would, recovers, and checks. Prints a JSON line a try.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kmipd import app, config
from kmipd.core.batch import KeyService
from kmipd.core.model import Caller, Placement, Principal
from kmipd.core.operations import HANDLERS
from kmipd.core.ports import KeyClass, KeyStore
from kmipd.core.recovery import orphans
from kmipd.registry.engine import Link
from kmipd.registry.unit_of_work import SQLUnitOfWork
from kmipd.spec import payloads as p
from kmipd.spec.attributes import RevocationReason
from kmipd.spec.enumerations import Operation, ResultReason, ResultStatus, RevocationReasonCode
from kmipd.spec.versions import V1_4, V2_1
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.raw import Functions
from kmipd_pkcs11.store import PKCS11Store
from tests.faults import stepping
from tests.support.asking import aes, create_request
from tests.support.client import request

KILLED = 77  # the exit code of a process that was killed at its step
RESIDENT = Caller(Principal("resident", "resident"), "test")
WRAPPED = Caller(Principal("wrapped", "wrapped"), "test")
_STEPS: tuple[tuple[type, str], ...] = (
    (Link, "run"),
    (Link, "run_many"),
    (SQLUnitOfWork, "commit"),
    (Functions, "call"),
    (Functions, "destroy"),
    (Functions, "attributes"),
    (PKCS11Store, "generate_key"),
    (PKCS11Store, "destroy"),
    (PKCS11Store, "seal"),
)


def arm(fatal: int) -> None:
    """Die at the step of this number: no exception, no clean-up, nothing flushed."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == fatal:
            os._exit(KILLED)

    stepping.watch(_STEPS, step)


class Asker:
    """Requests to a service in this process; every answer is written down at once."""

    def __init__(self, application: app.Application, answers: int) -> None:
        self._application = application
        self._service = KeyService(application.services, HANDLERS)
        self._answers = answers

    def ask(self, caller: Caller, operation: Operation, payload: Any) -> Any:
        answer = self._service.handle(request((operation, payload), version=V1_4), caller).batch_item[0]
        if answer.result_status is not ResultStatus.SUCCESS:
            raise AssertionError(f"{operation.name}: {answer.result_reason} {answer.result_message}")
        return answer.response_payload

    def say(self, **fact: Any) -> None:
        os.write(self._answers, (json.dumps(fact) + "\n").encode())

    def made(self, uid: str) -> None:
        obj = self._application.registry.unit().get(uid)
        assert obj is not None
        self.say(made=uid, cka_id=obj.cka_id.hex())


def perform(directory: Path, fatal: int, answers: int) -> None:
    """Create, re-key, activate, revoke and destroy, resident and wrapped."""
    application = app.compose(config.load(directory, {}))
    application.store.connect()
    asker = Asker(application, answers)
    arm(fatal)
    for caller in (RESIDENT, WRAPPED):
        old = asker.ask(caller, Operation.CREATE, create_request(V1_4, aes())).unique_identifier
        asker.made(old)
        new = asker.ask(caller, Operation.RE_KEY, p.ReKeyRequestPayload(unique_identifier=old)).unique_identifier
        asker.made(new)
        asker.ask(caller, Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=old))
        asker.say(destroyed=old)
        asker.ask(caller, Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=new))
        asker.say(activated=new)
        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
        asker.ask(caller, Operation.REVOKE, p.RevokeRequestPayload(unique_identifier=new, revocation_reason=reason))
        asker.ask(caller, Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=new))
        asker.say(destroyed=new)
    kept = asker.ask(RESIDENT, Operation.CREATE, create_request(V1_4, aes())).unique_identifier
    asker.made(kept)


def check(directory: Path, facts: list[dict[str, str]]) -> list[str]:
    """What a server that starts after the crash finds wrong: nothing, that is."""
    application = app.compose(config.load(directory, {}))
    app.make_ready(application)
    service = KeyService(application.services, HANDLERS)
    wrong = [f"orphan {o.cka_id.hex()} {o.label}" for o in orphans(application.services, where_keys_go(application))]
    wrong += [f"intent {i.cka_id.hex()}" for i in application.registry.intents(application.services.clock.now() + 1)]
    wrong += [f"unfinished destroy of {uid}" for uid in application.registry.pending_destroys()]
    destroyed = {fact["destroyed"] for fact in facts if "destroyed" in fact}
    begun = _begun(facts)
    for fact in facts:
        if "made" in fact:
            wrong += _check_key(application, service, fact, destroyed, begun)
    store = where_keys_go(application)
    if isinstance(store, GroupStore):
        wrong += _unequal(application, store)
    for obj in application.registry.objects(limit=10_000):
        if obj.placement is Placement.RESIDENT and not store.exists(obj.cka_id):
            wrong.append(f"{obj.uid} is in the registry and not in the token")
    application.close()
    return wrong


def where_keys_go(application: app.Application) -> KeyStore:
    return application.services.store_for(RESIDENT.principal.group)


def _unequal(application: app.Application, group: GroupStore) -> list[str]:
    """Every key is in all members, and the same one."""
    wrong = []
    for row in group.inventory():
        if row.internal or row.key_class is not KeyClass.SECRET or row.cka_id == group.transport_key:
            continue
        values = set()
        for name, member in group.members.items():
            if not member.exists(row.cka_id):
                wrong.append(f"{row.cka_id.hex()} is not in {name}")
                continue
            values.add(member.transport.check_value(group.transport_key, row.cka_id, KeyClass.SECRET))
        if len(values) != 1:
            wrong.append(f"the copies of {row.cka_id.hex()} differ")
    return wrong + [f"{one.member} has still to {one.action}" for one in application.registry.ledger("ha").pending()]


def _begun(facts: list[dict[str, str]]) -> str:
    """The key whose destruction may have been under way, and so may go either way."""
    made = [fact["made"] for fact in facts if "made" in fact]
    return made[-2] if "made" in facts[-1] and len(made) % 2 == 0 else made[-1]


def _check_key(
    application: app.Application, service: KeyService, fact: dict[str, str], destroyed: set[str], begun: str
) -> list[str]:
    uid, caller = fact["made"], RESIDENT if fact["cka_id"] else WRAPPED
    message = request((Operation.GET, p.GetRequestPayload(unique_identifier=uid)), version=V2_1)
    item = service.handle(message, caller).batch_item[0]
    if uid in destroyed:
        gone = item.result_reason is ResultReason.OBJECT_DESTROYED
        left = fact["cka_id"] and where_keys_go(application).exists(bytes.fromhex(fact["cka_id"]))
        return [] if gone and not left else [f"{uid} was destroyed and is still there: {item.result_reason}"]
    if item.result_status is ResultStatus.SUCCESS or uid == begun:
        return []
    return [f"{uid} was acknowledged and is lost: {item.result_reason} {item.result_message}"]


def in_child(work: Callable[[int], None]) -> tuple[int, str]:
    """Run in a fork; its exit code and what it wrote."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        code = 1
        try:
            work(writer)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def one_try(directory: Path, fatal: int) -> dict[str, Any]:
    code, text = in_child(lambda out: perform(directory, fatal, out))
    facts = [json.loads(line) for line in text.splitlines()]
    if code not in (0, KILLED):
        return {"step": fatal, "done": True, "wrong": [f"the process ended with {code}"]}

    def look(out: int) -> None:
        os.write(out, json.dumps(check(directory, facts) if facts else check_nothing(directory)).encode())

    checked, found = in_child(look)
    wrong = json.loads(found) if checked == 0 else [f"the check ended with {checked}"]
    return {"step": fatal, "done": code == 0, "facts": len(facts), "wrong": wrong}


def check_nothing(directory: Path) -> list[str]:
    """The crash came before the first answer: only leftovers can be wrong."""
    application = app.compose(config.load(directory, {}))
    app.make_ready(application)
    wrong = [f"orphan {o.cka_id.hex()} {o.label}" for o in orphans(application.services, where_keys_go(application))]
    application.close()
    return wrong


def main() -> None:
    directory, first, last, stride = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for fatal in range(first, last + 1, stride):
        result = one_try(directory, fatal)
        print(json.dumps(result), flush=True)
        if result["done"]:
            break


if __name__ == "__main__":
    main()
