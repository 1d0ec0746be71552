"""Health and what is there: the facts behind `status` and `doctor`."""

from __future__ import annotations

import shutil
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from kmipd import app, key_inspection
from kmipd.config import Settings
from kmipd.core.errors import StoreError
from kmipd.core.keystores import ConnectionState, PinKind
from kmipd.core.recovery import orphans
from kmipd.registry import schema
from kmipd.registry.engine import RegistryError
from kmipd.store_administration import KeyStoreAdministration
from kmipd.trust.authority import TrustError
from kmipd.trust.contexts import server_context

WARN_DAYS = 30  # storage vendors warn at 30, 7 and 3 days; ours begins with them
DISK_MIN = 100 * 1024 * 1024  # bytes: a registry that cannot grow refuses every new key
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Check:
    """One thing doctor looked at."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def status(settings: Settings) -> dict[str, Any]:
    """Health in one structure; `ok` is the whole of it. RegistryError when the registry is of another release."""
    schema.require_current(settings.registry)
    application = app.compose(settings)
    try:
        store = _store_health(application)
        objects = application.registry.counts()
        pending = len(application.registry.pending_destroys()), len(application.registry.intents(int(time.time()) + 1))
        others = [one for one in KeyStoreAdministration(application).all() if not one.record.root]
    finally:
        application.close()
    certificate = _certificate(settings.tls.certificate)
    days = None if certificate is None else _days_left(certificate)
    listening = {address: _listening(*address) for address in settings.server.addresses}
    return {
        "ok": bool(
            store["up"]
            and not any(one.trouble for one in others)
            and all(listening.values())
            and (days is None or days > 0)
        ),
        "server": {
            "host": settings.server.host,
            "port": settings.server.port,
            "listening": all(listening.values()),
            "also_listen": list(settings.server.also_listen),
            "https": settings.server.https,
        },
        "store": store,
        "other_stores": [
            {"name": one.record.name, "state": one.record.state.value, "health": one.health, "trouble": one.trouble}
            for one in others
        ],
        "objects": objects,
        "destroys_pending": pending[0],
        "intents": pending[1],
        "server_certificate_days_left": days,
    }


def _store_health(application: app.Application) -> dict[str, Any]:
    try:
        application.store.check()
    except StoreError as error:
        return {"name": application.store.name, "up": False, "reason": str(error)}
    health = application.store.health()
    return {
        "name": application.store.name,
        "up": health.up,
        "reason": health.reason,
        "module": health.module,
        "token_label": health.token_label,
        "token_serial": health.token_serial,
    }


def _listening(host: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def _certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _days_left(certificate: x509.Certificate) -> int:
    return int((certificate.not_valid_after_utc.timestamp() - time.time()) // _DAY)


# Doctor ------------------------------------------------------------------------------------------------------


def doctor(settings: Settings) -> list[Check]:
    """Every check, in the order in which a server needs them."""
    checks: tuple[Callable[[Settings], Check], ...] = (
        _check_secrets,
        _check_disk,
        _check_registry,
        _check_tls,
        _check_expiry,
        _check_clients,
        _check_token,
        _check_stores,
        _check_orphans,
        _check_port,
    )
    return [_looked(check, settings) for check in checks]


def _looked(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """One that cannot be made is one that found something: the others are made all the same."""
    try:
        return check(settings)
    except (RegistryError, StoreError, OSError) as error:
        name = check.__name__.removeprefix("_check_")
        return Check(name, ok=False, detail=str(error), remedy="see the checks above")


def _check_secrets(settings: Settings) -> Check:
    secret = [settings.tls.key, settings.authority / "ca.key", settings.registry]
    if settings.store.pin_source.kind is PinKind.FILE:
        secret.insert(0, settings.store.pin_file)
    for path in secret:
        if not path.exists():
            return Check("files", ok=False, detail=f"{path} is missing", remedy="restore it from a backup")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Check("files", ok=False, detail=f"{path} can be read by others", remedy=f"chmod 600 {path}")
    return Check("files", ok=True, detail="secrets are there and private")


def _check_disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.directory).free
    detail = f"{free // 1024 // 1024} MiB free"
    return Check("disk", ok=free >= DISK_MIN, detail=detail, remedy="make room: new keys would be refused")


def _check_registry(settings: Settings) -> Check:
    try:
        schema.require_current(settings.registry)
    except RegistryError as error:
        return Check("registry", ok=False, detail=str(error), remedy="as the detail says")
    return Check("registry", ok=True, detail=f"{settings.registry} has the schema of this release")


def _check_tls(settings: Settings) -> Check:
    tls = settings.tls
    try:
        server_context(tls.certificate, tls.key, tls.client_cas, tls.crls)
    except TrustError as error:
        return Check("tls", ok=False, detail=str(error), remedy="see [tls] in kmipd.toml")
    return Check("tls", ok=True, detail="certificate, key, client authorities and revocation lists fit")


def _check_expiry(settings: Settings) -> Check:
    certificate = _certificate(settings.tls.certificate)
    if certificate is None:
        return Check("expiry", ok=False, detail=f"{settings.tls.certificate} cannot be read", remedy="restore it")
    days = _days_left(certificate)
    detail = f"the server certificate ends in {days} days"
    return Check("expiry", ok=days > WARN_DAYS, detail=detail, remedy="run `kmipd renew`, then send SIGHUP to kmipd")


def _check_clients(settings: Settings) -> Check:
    application = app.compose(settings)
    try:
        clients = [c for c in application.registry.clients.all() if c.revoked is None]
    finally:
        application.close()
    soon = time.time() + WARN_DAYS * _DAY
    late = [c.name for c in clients if c.certificates and max(x.not_after for x in c.certificates) < soon]
    if late:
        detail = f"the certificates of {', '.join(late)} end within {WARN_DAYS} days"
        return Check("clients", ok=False, detail=detail, remedy="kmipd client sign NAME --csr FILE")
    return Check("clients", ok=True, detail=f"{len(clients)} enrolled")


def _check_token(settings: Settings) -> Check:
    application = app.compose(settings)
    try:
        health = _store_health(application)
    finally:
        application.close()
    if not health["up"]:
        return Check("token", ok=False, detail=health["reason"], remedy="see pkcs11/README.md")
    return Check("token", ok=True, detail=f"token {health['token_label']!r} answers, its sentinel is there")


def _check_stores(settings: Settings) -> Check:
    """The other key stores: what the workers of a running server see of them, and whether those that are needed are
    there."""
    application = app.compose(settings)
    try:
        stores = {one.record.name: one for one in KeyStoreAdministration(application).all()}
    finally:
        application.close()
    named = {settings.keys.store, *(group.store for group in settings.groups.values())} - {""}
    wrong = [f"{name}: kmipd.toml sends new keys there, and there is none" for name in sorted(named - set(stores))]
    others = [one for one in stores.values() if not one.record.root]
    for one in others:
        if one.trouble:
            wrong.append(f"{one.record.name}: {one.trouble}")
        elif one.record.state is ConnectionState.DISCONNECTED and (one.keys or one.record.name in named):
            needs = f"{one.keys} keys are in it" if one.keys else "kmipd.toml sends new keys there"
            wrong.append(f"{one.record.name}: DISCONNECTED, and {needs}")
    if wrong:
        remedy = "kmipd store describe NAME says what leads on; or correct `store` in kmipd.toml"
        return Check("stores", ok=False, detail="; ".join(wrong), remedy=remedy)
    return Check("stores", ok=True, detail=f"{len(others)} beside the root store")


def _check_orphans(settings: Settings) -> Check:
    application = app.compose(settings)
    services, names = application.services, key_inspection.connected_stores(application)
    try:
        found = sum(len(orphans(services, services.stores[name])) for name in names)
    except StoreError as error:
        return Check("orphans", ok=False, detail=str(error), remedy="see the token check")
    finally:
        application.close()
    detail = f"{found} token objects are not in the registry"
    return Check("orphans", ok=not found, detail=detail, remedy="kmipd store orphans; was the registry restored?")


def _check_port(settings: Settings) -> Check:
    addresses = {f"{host}:{port}": _listening(host, port) for host, port in settings.server.addresses}
    served = [f"somebody serves {address}" for address, serves in addresses.items() if serves]
    free = [f"nobody serves {address}; `kmipd serve` can" for address, serves in addresses.items() if not serves]
    return Check("port", ok=True, detail="; ".join(served + free))
