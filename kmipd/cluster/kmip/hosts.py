"""Which host to ask: in the configured order, the last that worked first, all within one budget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kmipd.cluster.clock import Deadline
from kmipd.cluster.kmip.endpoint import Endpoint
from kmipd.cluster.kmip.failures import HostStatus, Kind, KmipFailure, ServersFailed
from kmipd.cluster.kmip.session import Session
from kmipd.cluster.kmip.tls import connect
from kmipd.cluster.settings import KmipSettings

T = TypeVar("T")
NEEDED = frozenset({"CREATE", "LOCATE", "GET", "ACTIVATE", "REVOKE", "DESTROY", "GET_ATTRIBUTES"})


class Hosts:
    """Opens sessions. Remembers in memory which host of each key server answered last, and in which version."""

    def __init__(self, settings: KmipSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._last_good: dict[int, str] = {}

    def run(self, endpoint: Endpoint, action: Callable[[Session], T], deadline: Deadline) -> T:
        """Do `action` on the first host that can. It must be idempotent: a lost reply makes the next host do it again.

        A host that answered with a failure has the last word; only those that cannot be reached are passed over.
        """
        failures: list[KmipFailure] = []
        hosts = self._order(endpoint)
        for index, host in enumerate(hosts):
            if deadline.spent:
                failures.append(KmipFailure(Kind.CONNECTION, host, "not tried: no time was left"))
                continue
            share = deadline.part(deadline.left / (len(hosts) - index))  # a silent host must leave time for the next
            try:
                with self.session(endpoint, host, share) as session:
                    result = action(session)
            except KmipFailure as failure:
                failures.append(failure)
                if failure.kind is Kind.SERVER:
                    break
            else:
                with self._lock:
                    self._last_good[endpoint.server_id] = host
                return result
        raise ServersFailed(failures)

    def probe(self, endpoint: Endpoint, deadline: Deadline) -> list[HostStatus]:
        """Test every host; ServersFailed when none works."""
        found: list[HostStatus] = []
        failures: list[KmipFailure] = []
        for index, host in enumerate(endpoint.hostnames):
            share = deadline.part(deadline.left / (len(endpoint.hostnames) - index))
            try:
                with self.session(endpoint, host, share) as session:
                    check(session)
                    found.append(HostStatus(host, True, "works"))
            except KmipFailure as failure:
                failures.append(failure)
                found.append(HostStatus(host, False, failure.detail))
        if len(failures) == len(endpoint.hostnames):
            raise ServersFailed(failures)
        return found

    @contextmanager
    def session(self, endpoint: Endpoint, host: str, deadline: Deadline) -> Iterator[Session]:
        """A session whose version is agreed on."""
        session = self._negotiate(endpoint, host, deadline)
        try:
            yield session
        finally:
            session.close()

    def _order(self, endpoint: Endpoint) -> list[str]:
        with self._lock:
            good = self._last_good.get(endpoint.server_id)
        return sorted(endpoint.hostnames, key=lambda host: host != good)  # stable: the rest keeps its order

    def _open(self, endpoint: Endpoint, host: str, deadline: Deadline, version: str) -> Session:
        settings = self._settings
        part = deadline.part(settings.host_budget)
        sock = connect(host, endpoint, part, verify_hostname=settings.verify_hostname)
        session = Session(host, sock, deadline, settings.max_message)
        session.set_version(version)
        return session

    def _negotiate(self, endpoint: Endpoint, host: str, deadline: Deadline) -> Session:
        """Ask in our best version; a server that does not understand the question is asked in older ones."""
        refusal: KmipFailure | None = None
        for version in self._questions():
            session = self._open(endpoint, host, deadline, version)
            try:
                if version != "1.0":  # which has no Discover Versions
                    session.set_version(self._best(session, host))
                return session
            except KmipFailure as failure:
                session.close()
                if failure.kind is not Kind.SERVER:
                    raise
                refusal = failure
        assert refusal is not None
        raise refusal

    def _questions(self) -> list[str]:
        ours = self._settings.versions
        return list(dict.fromkeys([ours[0], *(v for v in ("1.2", "1.0") if v in ours)]))

    def _best(self, session: Session, host: str) -> str:
        theirs = session.discover()
        best = next((v for v in self._settings.versions if v in theirs), None)
        if best is None:
            text = f"no common KMIP version: the server speaks {', '.join(theirs) or 'none'}"
            raise KmipFailure(Kind.SERVER, host, text)
        return best


def check(session: Session) -> None:
    """Is this a server for a storage cluster, and does it let us in? TLS alone does not show the latter."""
    offered = session.query()
    lacking = sorted(NEEDED - offered)
    if lacking:
        words = ", ".join(name.replace("_", " ").title() for name in lacking)
        raise KmipFailure(Kind.SERVER, session.host, f"the server does not offer {words}")
    session.locate("x-SolidFire-KeyID-00000000-0000-0000-0000-000000000000", "-", maximum=1)
