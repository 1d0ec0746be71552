"""A service on a real token and a real registry, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kmipd import app, config
from kmipd.core.batch import KeyService
from kmipd.core.model import Caller, Principal
from kmipd.core.open_streams import Streams
from kmipd.core.operations import HANDLERS
from kmipd.core.services import CoreSettings
from kmipd.spec.messages import ResponseMessage
from kmipd.spec.versions import V1_4, Version
from tests.support.client import Refused, request
from tests.support.fixtures import softhsm
from tests.support.server import Server

__all__ = ["softhsm"]


class FakeClock:
    """Time by hand. Faked on purpose: the clock is a port."""

    def __init__(self) -> None:
        self.time = 1_800_000_000

    def now(self) -> int:
        return self.time


class AtOnce:
    """Background work by hand: nothing is begun before somebody waits for it. Faked on purpose: it is a port."""

    def __init__(self) -> None:
        self.service: KeyService | None = None
        self.stuck = False  # nobody has time

    def submitted(self, batch: str) -> None:
        return

    def await_end(self, batch: str, seconds: float, correlation: bytes) -> None:
        assert self.service is not None
        if not self.stuck:
            self.service.perform(batch)


class Service:
    """Requests of one principal to a service in this process."""

    def __init__(self, application: app.Application) -> None:
        self.clock = FakeClock()
        self.application = application
        self.background = AtOnce()
        self.services = replace(application.services, clock=self.clock, streams=Streams(), background=self.background)
        self._service = KeyService(self.services, HANDLERS)
        self.background.service = self._service
        self.principal = Principal("tester", "tester")
        self.version = V1_4

    def configure(self, settings: CoreSettings) -> None:
        """Other settings of the core, from now on."""
        self.services = replace(self.services, settings=settings)
        self._service = self.background.service = KeyService(self.services, HANDLERS)

    def send(
        self, *items: Any, version: Version | None = None, principal: Principal | None = None, **header: Any
    ) -> ResponseMessage:
        message = request(*items, version=version or self.version, **header)
        return self._service.handle(message, Caller(principal or self.principal, "test"))

    def call(self, operation: Any, payload: Any, **options: Any) -> Any:
        item = self.send((operation, payload), **options).batch_item[0]
        if item.response_payload is None:
            raise Refused(item.result_reason, item.result_message)
        return item.response_payload

    def refusal(self, operation: Any, payload: Any, **options: Any) -> Any:
        return self.send((operation, payload), **options).batch_item[0].result_reason


@pytest.fixture(scope="session")
def application(softhsm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[app.Application]:
    server = Server.make(tmp_path_factory.mktemp("core") / "kmipd")
    server.append('[groups.wrapped]\nplacement = "wrapped"')
    made = app.compose(config.load(server.directory, {}))
    made.store.connect()
    yield made
    made.close()


@pytest.fixture
def service(application: app.Application, request: pytest.FixtureRequest) -> Service:
    made = Service(application)
    made.principal = Principal(request.node.name, request.node.name)
    return made


Ask = Callable[..., Any]
