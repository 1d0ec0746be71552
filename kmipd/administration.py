"""What an operator does to a kmipd directory: make it, enrol and revoke clients. The commands call these functions."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kmipd import app, config, server_certificate
from kmipd.core.errors import StoreError
from kmipd.provisioning import record_of
from kmipd.registry import Registry, schema
from kmipd.registry.clients import ClientExists, ClientRecord, ClientUnknown
from kmipd.registry.engine import RegistryError
from kmipd.trust import csr, files
from kmipd.trust.authority import Authority, Issued, KeyType, TrustError
from kmipd_pkcs11 import provision

Progress = Callable[[str], None]
ROLES = ("client", "operator", "auditor")
_ALWAYS = ("localhost", "127.0.0.1", "::1")  # so that checks on the machine itself can verify the server


class AdministrationError(Exception):
    """The command could not do its work. One sentence: what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    directory: Path
    hosts: tuple[str, ...] = ()
    port: int = 5696
    module: Path | None = None  # None: SoftHSM2, with a token of its own
    token_label: str = "kmipd"
    pin_file: Path | None = None
    key_type: KeyType = "rsa"


def initialise(options: InitOptions, progress: Progress) -> config.Settings:
    """Make a kmipd directory; takes back what it made when something fails."""
    directory = options.directory
    if directory.exists() and any(directory.iterdir()):
        raise AdministrationError(f"{directory} is not empty; it is left as it is. Give a new directory")
    existed = directory.exists()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    try:
        return _initialise(options, progress)
    except BaseException:
        if existed:
            for child in directory.iterdir():
                shutil.rmtree(child) if child.is_dir() else child.unlink()
        else:
            shutil.rmtree(directory)
        raise


def _initialise(options: InitOptions, progress: Progress) -> config.Settings:
    directory = options.directory.resolve()
    hosts = tuple(dict.fromkeys((*options.hosts, socket.gethostname(), *_ALWAYS)))
    _write_settings(directory, options, _token(directory, options, progress))
    authority = Authority.create(directory / "authority", f"kmipd authority of {hosts[0]}"[:64], options.key_type)
    progress(f"made the authority {directory / 'authority/ca.pem'}")
    settings = config.load(directory, {})
    tls = settings.tls
    server_certificate.write(tls.certificate, tls.key, authority.issue_server(hosts, options.key_type), authority)
    progress(f"made the server certificate for {', '.join(hosts)}")
    schema.upgrade(settings.registry)
    application = app.compose(settings)
    try:
        application.store.prepare()
        app.make_ready(application)
    finally:
        application.close()
    progress(f"made the registry {settings.registry} and the first wrapping key in the token")
    return settings


def _token(directory: Path, options: InitOptions, progress: Progress) -> list[str]:
    """The [store] section; for SoftHSM2 the token itself as well."""
    if options.module is not None:
        if options.pin_file is None:
            raise AdministrationError("with --module, give --pin-file: the file that holds the user PIN of the token")
        progress(f"using the token {options.token_label!r} of {options.module}")
        return [
            f'module = "{options.module.resolve()}"',
            f'token_label = "{options.token_label}"',
            f'pin_file = "{options.pin_file.resolve()}"',
        ]
    pin, so_pin = provision.random_pin(), provision.random_pin()
    files.write(directory / "pin", f"{pin}\n".encode(), files.SECRET)
    files.write(directory / "so-pin", f"{so_pin}\n".encode(), files.SECRET)
    made = provision.provision_softhsm(directory / "softhsm2", options.token_label, pin, so_pin)
    progress(
        f"made a SoftHSM2 token {made.token_label!r} in {directory / 'softhsm2'}; its PIN is in {directory / 'pin'}"
    )
    return [
        f'module = "{made.module}"',
        f'token_label = "{made.token_label}"',
        'pin_file = "pin"',
        f'softhsm2_conf = "softhsm2/{provision.CONFIGURATION}"',
    ]


def _write_settings(directory: Path, options: InitOptions, store: list[str]) -> None:
    lines = [
        "# kmipd settings; docs/configuration.md lists all of them. Paths are relative to this directory.",
        "[server]",
        f"port = {options.port}",
        "",
        "[store]",
        *store,
        "",
        "[keys]",
        '# Where keys go that the server makes: "resident" in the token, or "wrapped" under a key in the token.',
        'placement = "resident"',
        "",
        "# [groups.bulk]             # a group that makes keys by the thousand",
        '# placement = "wrapped"',
    ]
    files.write(directory / config.FILE, ("\n".join(lines) + "\n").encode(), files.SECRET)


# Clients -----------------------------------------------------------------------------------------------------


class Clients:
    """Enrolment in one kmipd directory."""

    def __init__(self, settings: config.Settings) -> None:
        schema.require_current(settings.registry)
        self._settings = settings
        self._registry = Registry(settings.registry, settings.audit_log)

    def close(self) -> None:
        self._registry.close()

    def issue(self, name: str, out: Path, *, group: str, role: str, key_type: KeyType = "rsa") -> Path:
        """A key and a certificate, written with the authority's into `out`."""
        authority = Authority.load(self._settings.authority)
        _refuse_existing(out, "key.pem", "cert.pem")
        if self._known(name) is not None:
            raise ClientExists(name)
        issued = authority.issue_client(name, key_type)
        key = {"key.pem": (issued.key_pem, files.SECRET)}
        with _written(out, 0o700, {**key, **_public(issued, authority)}):
            self._enrol(name, group, role, issued)
        return out

    def sign(
        self, name: str, request: Path, out: Path, *, group: str | None, role: str | None
    ) -> tuple[Path, csr.SigningRequest]:
        """A certificate for the key of a CSR. A known client gets a further certificate: both stay good.

        None for `group` and `role`: the client's own name and "client", or what a known client has.
        """
        authority = Authority.load(self._settings.authority)
        _refuse_existing(out, "cert.pem")
        known = self._known(name)
        if known is not None:
            _refuse_change(known, group, role)
        try:
            signing_request = csr.load(request.read_bytes())
        except OSError as error:
            raise AdministrationError(f"{request} cannot be read: {error.strerror}") from None
        except csr.BadRequest as error:
            raise AdministrationError(f"{request}: {error}") from None
        issued = authority.sign(signing_request)
        with _written(out, 0o755, _public(issued, authority)):
            self._enrol(name, group or name, role or ROLES[0], issued)
        return out, signing_request

    def _known(self, name: str) -> ClientRecord | None:
        """The client of this name; refuses names that cannot be listed or logged on one line, and revoked clients."""
        if not name.isprintable() or name != name.strip():
            raise AdministrationError(f"{name!r} is no name for a client: it must be printable, without spaces around")
        known = self._registry.clients.find(name)
        if known is not None and known.revoked is not None:
            raise AdministrationError(f"the client {name!r} was revoked; enrol it under another name")
        return known

    def _enrol(self, name: str, group: str, role: str, issued: Issued) -> None:
        if self._known(name) is None:
            self._registry.clients.add(name, group, role, int(time.time()))
        self._registry.clients.add_certificate(name, record_of(issued.certificate))

    def all(self) -> Sequence[ClientRecord]:
        return self._registry.clients.all()

    def revoke(self, name: str) -> int:
        """Revoke a client; returns how many certificates that took. New connections are refused at once after SIGHUP,
        open ones within seconds."""
        authority = Authority.load(self._settings.authority)
        try:
            self._registry.clients.revoke(name, int(time.time()))
        except ClientUnknown:
            raise AdministrationError(f"there is no client {name!r}; `kmipd client list` shows all") from None
        revoked = [
            (int(c.serial, 16), dt.datetime.fromtimestamp(c.revoked, dt.UTC))
            for record in self._registry.clients.all()
            for c in record.certificates
            if c.revoked is not None
        ]
        authority.write_crl(revoked)
        found = self._registry.clients.find(name)
        return 0 if found is None else len(found.certificates)


def _refuse_existing(out: Path, *names: str) -> None:
    for name in names:
        if (out / name).exists():
            raise AdministrationError(f"{out / name} exists and is not overwritten")


def _refuse_change(known: ClientRecord, group: str | None, role: str | None) -> None:
    if (group or known.group, role or known.role) != (known.group, known.role):
        raise AdministrationError(
            f"the client {known.name!r} is enrolled with the group {known.group!r} and the role {known.role!r}, "
            "and a further certificate changes neither: leave --group and --role out"
        )


def _public(issued: Issued, authority: Authority) -> dict[str, tuple[bytes, int]]:
    return {"cert.pem": (issued.certificate_pem, files.PUBLIC), "ca.pem": (authority.certificate_pem, files.PUBLIC)}


@contextmanager
def _written(out: Path, mode: int, contents: Mapping[str, tuple[bytes, int]]) -> Iterator[None]:
    """Write the files, then do what follows: nobody is enrolled whose certificate could not be written down.

    What is new is taken back when either fails. After a crash in between, the files hold a certificate that stands for
    nobody.
    """
    new = [out / name for name in contents if not (out / name).exists()]
    directory_is_new = not out.exists()
    try:
        out.mkdir(mode=mode, parents=True, exist_ok=True)
        for name, (data, file_mode) in contents.items():
            files.write(out / name, data, file_mode)
        yield
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.unlink(missing_ok=True)
            if directory_is_new:
                out.rmdir()
        raise


# What a command may meet and says in one sentence, with the exit code of each.
FAILURES: tuple[tuple[type[Exception], int], ...] = (
    (config.SettingsError, 3),
    (StoreError, 4),
    (RegistryError, 5),
    (TrustError, 6),
    (AdministrationError, 1),
)
