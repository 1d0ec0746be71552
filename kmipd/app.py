"""The composition root: the one file that knows every room and joins them."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kmipd import __version__, protocol
from kmipd.config import Settings
from kmipd.core import asynchronous, recovery, vault
from kmipd.core.batch import KeyService
from kmipd.core.keystores import ConnectionState, KeyStoreRecord
from kmipd.core.model import Principal
from kmipd.core.notifications import Outbox
from kmipd.core.operations import HANDLERS
from kmipd.core.services import CoreSettings, Services
from kmipd.doors.background import BackgroundWork
from kmipd.doors.channel import Channels
from kmipd.doors.kmip import MessageHandler
from kmipd.doors.surroundings import Surroundings
from kmipd.doors.worker import Worker
from kmipd.keystores.credentials import Credentials
from kmipd.keystores.directory import OpenStore, StoreDirectory
from kmipd.keystores.opening import Opener, adopt_root, with_file
from kmipd.keystores.watching import Watcher
from kmipd.provisioning import Provisioner
from kmipd.registry import Registry
from kmipd.trust.authority import Authority
from kmipd.trust.contexts import server_context
from kmipd.trust.credentials import SettingsCredentials
from kmipd.trust.identity import Identities

log = logging.getLogger(__name__)
HOUSEKEEPING_SECONDS = 60.0
CONNECT_SECONDS = 10.0  # that a starting worker waits for its tokens: one that hangs must not keep it from serving
LOOK_SECONDS = 5.0  # that its first look at the key stores may take; one that is late must not keep it from serving
HUNG = 75  # the exit code of a worker that is to be replaced because calls hang in it (EX_TEMPFAIL)
# An asynchronous request that is still waiting then was of a worker that died: its own would have begun it.
SWEPT_AFTER_SECONDS = 3


class SystemClock:
    """The machine's clock; KMIP's Date-Time has whole seconds."""

    def now(self) -> int:
        return int(time.time())


class TTLVCodec:
    def dump(self, structure: object) -> bytes:
        return protocol.dump_structure(structure)

    def load(self, cls: type, data: bytes) -> Any:
        return protocol.load_structure(cls, data)


@dataclass(frozen=True, slots=True)
class Application:
    """The rooms of one process, joined."""

    settings: Settings
    registry: Registry
    directory: StoreDirectory
    opener: Opener
    services: Services
    background: BackgroundWork

    def service(self) -> KeyService:
        """The service, with its asynchronous work begun."""
        service = KeyService(self.services, HANDLERS)
        self.background.start(service.perform, self._waiting)
        return service

    def _waiting(self) -> tuple[str, ...]:
        now = self.services.clock.now()
        return self.registry.requests.waiting(now - SWEPT_AFTER_SECONDS)

    @property
    def store(self) -> OpenStore:
        """The root store: the one of kmipd.toml."""
        return cast(OpenStore, self.services.store)  # or what stands in for it, which refuses everything

    def records(self) -> list[KeyStoreRecord]:
        """All key stores, as they are wished to be now."""
        return with_file(self.registry.key_stores.all(), self.settings)

    def trouble(self) -> str:
        """Why only another process can go on; empty as long as this one can."""
        return self.directory.stuck() or self.background.trouble()

    def lane(self, principal: Principal) -> str:
        """The key store of this client's new keys, where there are several: a slow one keeps only its own waiting."""
        return self.services.settings.store_for(principal.group) if len(self.services.stores) > 1 else ""

    @property
    def identities(self) -> Identities:
        return Identities(self.registry.clients.principal, self.settings.identities, self.registry.clients.revoked)

    def close(self) -> None:
        self.directory.close()
        self.registry.close()


def compose(settings: Settings) -> Application:
    """Join the rooms. Opens the registry; a token is opened by its first use."""
    registry = Registry(settings.registry, settings.audit_log)
    groups = settings.groups.items()
    core = CoreSettings(
        placement=settings.keys.placement,
        group_placement={name: group.placement for name, group in groups if group.placement is not None},
        group_store={name: group.store for name, group in groups if group.store},
        default_store=settings.keys.store,
        root_store=settings.store.name,
        unique_names=settings.keys.unique_names,
        lease_time_seconds=settings.keys.lease_time_seconds,
        server_version=__version__,
        rng_seed=settings.keys.rng_seed,
        wrapped_value=settings.keys.wrapped_value,
        withheld=settings.keys.withheld,
        certify_with=settings.keys.certify_with,
        certify_days=settings.keys.certify_days,
        rsa_bits_min=settings.keys.rsa_bits_min,
        foreign_objects=settings.keys.foreign_objects,
        interop=settings.keys.interop,
        re_provision=settings.keys.re_provision,
        https=settings.server.https,
        filled_groups=settings.filled_groups,
        validations=settings.validations,
        extensions=settings.extensions,
    )
    background = BackgroundWork(lambda correlation: _done(registry, correlation))
    opener = Opener(settings, registry, Credentials(registry, lambda: directory.stores[settings.store.name]))
    directory = StoreDirectory(opener.open)
    services = Services(
        registry=registry,
        clock=SystemClock(),
        codec=TTLVCodec(),
        settings=core,
        stores=directory.stores,
        requests=registry.requests,
        background=background,
        tickets=registry.tickets,
        credentials=SettingsCredentials(settings.credentials),
        provisioner=Provisioner(registry, lambda: Authority.load(settings.authority)),
    )
    application = Application(settings, registry, directory, opener, services, background)
    directory.follow(application.records())
    return application


def _done(registry: Registry, correlation: bytes) -> bool:
    entry = registry.requests.find(correlation)
    return entry is None or entry.done


def make_ready(application: Application) -> recovery.Recovered:
    """Before the first worker starts: the root token answers, a wrapping key is there, nothing is left half done."""
    adopt_root(application.registry, application.settings)
    root = application.directory.records[0]
    if root.state is ConnectionState.CONNECTED:
        application.opener.settle_pins(root)
        application.store.check()
        vault.ensure_wrapping_key(application.services, application.store)
    asynchronous.tidy(application.services, everything=True)
    return recovery.recover(application.services, everything=True)


def run_worker(settings: Settings, *, index: int, listener_fds: Sequence[int], lifeline_fd: int, ready_fd: int) -> None:
    """One worker process, until the supervisor says stop or is gone."""
    application = compose(settings)
    application.directory.connect(CONNECT_SECONDS)  # one that starts while a token is away says so to clients
    protocol.prepare()
    _tune_memory()
    tls = settings.tls
    worker = Worker(
        [socket.socket(fileno=fd) for fd in listener_fds],
        MessageHandler(application.service(), settings.messages),
        context=lambda: server_context(tls.certificate, tls.key, tls.client_cas, tls.crls),
        principal=application.identities.principal,
        limits=settings.limits,
        message_limits=settings.messages,
        https=settings.server.https,
        channels=Channels(lambda who, version: Outbox(application.services, who, version), settings.messages),
        surroundings=Surroundings(beat=lambda: _beat(ready_fd), trouble=application.trouble, lane=application.lane),
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole group; the supervisor decides
    signal.signal(signal.SIGHUP, lambda *_: _reload(worker, application))
    _in_background(lambda: _end_with(lifeline_fd), "lifeline")
    watcher = Watcher(application.registry, settings.directory, application.directory, index, application.records)
    _in_background(watcher.run, "key stores")
    watcher.wait_for_a_look(LOOK_SECONDS)  # whoever asks a server that is ready for a store's health gets it
    if index == 0:
        _in_background(lambda: _keep_house(application), "housekeeping")
    os.set_blocking(ready_fd, False)
    os.write(ready_fd, b"R")
    worker.run()
    if worker.hung:  # whoever waited for the threads that hang, or for the library's own clean-up, would hang too
        os._exit(HUNG)
    application.background.stop(settings.limits.drain)
    application.close()


def _beat(ready_fd: int) -> None:
    """A sign of life. One that does not fit into the pipe is not missed; without a supervisor the lifeline ends us."""
    with contextlib.suppress(OSError):
        os.write(ready_fd, b".")


def _tune_memory() -> None:
    """Requests make no cycles: what is made at start is never looked at again, and the rest seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _reload(worker: Worker, application: Application) -> None:
    try:
        worker.reload()
        application.registry.reopen_audit_log()
        log.info("certificates, authorities and revocation lists were read again")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the new ones, the old ones go on
        log.error("the reload failed, the old certificates stay in use: %s", error)


def _end_with(lifeline_fd: int) -> None:
    """A worker without its supervisor would hold the port for ever and be replaced by nobody."""
    os.read(lifeline_fd, 1)
    os._exit(1)


def _keep_house(application: Application) -> None:
    while True:
        time.sleep(HOUSEKEEPING_SECONDS)
        try:
            done = recovery.recover(application.services)
            asynchronous.tidy(application.services)
            if done != recovery.Recovered():
                log.info("recovery: %s", done)
        except Exception as error:  # noqa: BLE001 - it will be tried again
            log.warning("recovery could not run: %s", error)


def _in_background(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
