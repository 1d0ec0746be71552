"""Keys of the cluster on its key servers: found by key ID, made once, read back, copied, destroyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kmipd.cluster.clock import Deadline
from kmipd.cluster.kmip.endpoint import Endpoint
from kmipd.cluster.kmip.failures import HostStatus, KeyConflict, KmipFailure, ServersFailed
from kmipd.cluster.kmip.hosts import Hosts
from kmipd.cluster.kmip.session import DEAD_STATES, GONE, Session
from kmipd.cluster.secret import Secret

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Label:
    """How a key is found on a key server: by an attribute named after its key ID, whose value is the cluster."""

    key_id: str
    cluster: str

    @property
    def name(self) -> str:
        return f"x-SolidFire-KeyID-{self.key_id}"

    @property
    def custom(self) -> tuple[tuple[str, str], ...]:
        return ((self.name, self.cluster),)


def _nothing(_step: str) -> None:
    return None


class RemoteKeys:
    """Keys of one provider. `endpoints` are its key servers, which this class keeps in step."""

    def __init__(self, hosts: Hosts, endpoints: Sequence[Endpoint]) -> None:
        self._hosts, self._endpoints = hosts, tuple(endpoints)

    def make(self, label: Label, deadline: Deadline, step: Step = _nothing) -> tuple[str, Secret]:
        """The key of this label on every server: taken if it is there, created if not. Repeating it changes nothing.

        Returns the unique identifier on the first server, and the key.
        """
        first, *rest = self._endpoints
        uid, key = self._hosts.run(first, lambda session: _ensure(session, label, step), deadline)
        for endpoint in rest:
            self.copy(endpoint, label, key, deadline)
        return uid, key

    def copy(self, endpoint: Endpoint, label: Label, key: Secret, deadline: Deadline) -> None:
        """Have this server hold the key as well; KeyConflict when it holds another one under the same ID."""
        self._hosts.run(endpoint, lambda session: _copy(session, label, key), deadline)

    def fetch(self, label: Label, fits: Callable[[Secret], bool], deadline: Deadline) -> Secret | None:
        """The key, from whichever server has it; None when all servers answered and none has it."""
        failed: ServersFailed | None = None
        for endpoint in self._endpoints:
            try:
                key = self._hosts.run(endpoint, lambda session: _fetch(session, label, fits), deadline)
            except ServersFailed as failure:
                failed = failure
            else:
                if key is not None:
                    return key
        if failed is not None:
            raise failed
        return None

    def destroy(self, label: Label, deadline: Deadline, step: Step = _nothing) -> None:
        """Revoke and destroy the key on every server; done when none is left."""
        for endpoint in self._endpoints:
            self._hosts.run(endpoint, lambda session: _destroy(session, label, step), deadline)

    def probe(self, deadline: Deadline) -> list[HostStatus]:
        """Test every host of every server; each server must have one that works."""
        found: list[HostStatus] = []
        for index, endpoint in enumerate(self._endpoints):
            share = deadline.part(deadline.left / (len(self._endpoints) - index))
            found += self._hosts.probe(endpoint, share)
        return found


def _living(session: Session, label: Label) -> list[tuple[str, str]]:
    """Unique identifier and state of what is there; a destroyed key may leave a tombstone that Locate finds."""
    found = [(uid, session.state(uid)) for uid in session.locate(label.name, label.cluster)]
    return [(uid, state) for uid, state in found if state is not None and state not in DEAD_STATES]


def _ensure(session: Session, label: Label, step: Step) -> tuple[str, Secret]:
    living = _living(session, label)
    if living:
        uid, state = living[0]
    else:
        step("create.asked")
        uid, state = session.create(label.name, label.custom), "PRE_ACTIVE"
        step("create.made")
    if state == "PRE_ACTIVE":
        session.activate(uid)
        step("create.activated")
    return uid, session.get(uid)


def _copy(session: Session, label: Label, key: Secret) -> None:
    living = _living(session, label)
    for uid, _ in living:
        if session.get(uid) != key:
            raise KeyConflict(f"{session.host} holds a different key under key ID {label.key_id}")
    if not living:
        uid = session.register(label.name, label.custom, key)
        session.activate(uid)


def _fetch(session: Session, label: Label, fits: Callable[[Secret], bool]) -> Secret | None:
    keys = (session.get(uid) for uid, _ in _living(session, label))
    return next((key for key in keys if fits(key)), None)


def _destroy(session: Session, label: Label, step: Step) -> None:
    for uid, state in _living(session, label):
        try:
            if state == "ACTIVE":
                session.revoke(uid)
                step("decommission.revoked")
            session.destroy(uid)
        except KmipFailure as failure:
            if failure.reason not in GONE:
                raise
        step("decommission.destroyed")
