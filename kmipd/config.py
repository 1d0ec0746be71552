"""Settings: one typed value, read from `kmipd.toml` and the environment, validated once. Unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmipd import config_ranges
from kmipd.config_reader import GroupSettings, Reader
from kmipd.config_reader import SettingsError as SettingsError
from kmipd.core.keystores import NAME, NAME_RULE, PinKind, PinSource
from kmipd.core.model import Placement
from kmipd.core.object_groups import FilledGroup
from kmipd.core.services import CERTIFY_DAYS, RSA_BITS_MIN, ForeignObjects, RNGSeeding, WrappedValue
from kmipd.doors.limits import DoorLimits
from kmipd.protocol import Limits as MessageLimits
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType
from kmipd.spec.payloads.parts import ExtensionInformation, ValidationInformation
from kmipd.trust.credentials import CredentialRule
from kmipd.trust.identity import Rule

FILE = "kmipd.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    host: str = "0.0.0.0"
    port: int = 5696
    also_listen: tuple[str, ...] = ()  # further addresses, HOST:PORT; every one serves TLS and HTTPS
    https: bool = True
    workers: int = 2
    log_level: str = "info"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where to listen, the main address first."""
        return [(self.host, self.port), *map(_address, self.also_listen)]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    return host.removeprefix("[").removesuffix("]"), int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSSettings:
    certificate: Path = Path("tls/server.pem")
    key: Path = Path("tls/server.key")
    client_cas: tuple[Path, ...] = (Path("authority/ca.pem"),)
    crls: tuple[Path, ...] = (Path("authority/crl.pem"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSection:
    name: str = "main"
    module: Path = Path()
    token_label: str = ""
    token_serial: str = ""
    pin_file: Path = Path("pin")
    pin_credential: str = ""  # or: the name of a systemd credential,
    pin_variable: str = ""  # of an environment variable of the daemon,
    pin_command: tuple[str, ...] = ()  # or a program that prints the PIN
    rotate_pin: bool = False  # at start, to a PIN that only the server knows; it is then kept in pin_file
    softhsm2_conf: Path | None = None  # only for SoftHSM2: what SOFTHSM2_CONF is set to
    sessions_max: int = 16
    release_kek_uses_max: int = 256

    @property
    def pin_source(self) -> PinSource:
        if self.pin_credential:
            return PinSource(PinKind.CREDENTIAL, (self.pin_credential,))
        if self.pin_variable:
            return PinSource(PinKind.ENVIRONMENT, (self.pin_variable,))
        if self.pin_command:
            return PinSource(PinKind.COMMAND, self.pin_command)
        return PinSource(PinKind.FILE, (str(self.pin_file),))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    placement: Placement = Placement.RESIDENT
    store: str = ""  # the key store of new keys; empty: the one of this file
    unique_names: bool = True
    lease_time_seconds: int = 3600
    rsa_bits_min: int = RSA_BITS_MIN
    rng_seed: RNGSeeding = RNGSeeding.IGNORE
    certify_with: str = ""
    certify_days: int = CERTIFY_DAYS
    wrapped_value: WrappedValue = WrappedValue.STRUCTURE
    withheld: frozenset[ObjectType | CryptographicAlgorithm] = frozenset()
    foreign_objects: ForeignObjects = ForeignObjects.HIDDEN
    interop: bool = False
    re_provision: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    directory: Path
    server: ServerSettings = field(default_factory=ServerSettings)
    tls: TLSSettings = field(default_factory=TLSSettings)
    store: StoreSection = field(default_factory=StoreSection)
    keys: KeySettings = field(default_factory=KeySettings)
    limits: DoorLimits = field(default_factory=DoorLimits)
    messages: MessageLimits = field(default_factory=MessageLimits)
    groups: Mapping[str, GroupSettings] = field(default_factory=dict)
    identities: tuple[Rule, ...] = ()
    credentials: tuple[CredentialRule, ...] = ()
    filled_groups: Mapping[str, FilledGroup] = field(default_factory=dict)
    validations: tuple[ValidationInformation, ...] = ()
    extensions: tuple[ExtensionInformation, ...] = ()

    @property
    def registry(self) -> Path:
        return self.directory / "registry.db"

    @property
    def audit_log(self) -> Path:
        return self.directory / "audit.log"

    @property
    def authority(self) -> Path:
        return self.directory / "authority"


def load(directory: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a kmipd directory; SettingsError names what is wrong."""
    path = directory / FILE
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise SettingsError(f"there is no {path}: run `kmipd init --dir {directory}` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    _override(tables, environment)
    return _settings(Reader(path), directory.resolve(), tables)


# The environment may set what differs between machines that share a configuration.
_ENVIRONMENT = {
    "KMIPD_HOST": ("server", "host", str),
    "KMIPD_PORT": ("server", "port", int),
    "KMIPD_WORKERS": ("server", "workers", int),
    "KMIPD_LOG_LEVEL": ("server", "log_level", str),
}


def _override(tables: dict[str, Any], environment: Mapping[str, str]) -> None:
    for variable, (table, key, kind) in _ENVIRONMENT.items():
        if variable in environment:
            try:
                tables.setdefault(table, {})[key] = kind(environment[variable])
            except ValueError:
                raise SettingsError(f"the environment variable {variable} must be a {kind.__name__}") from None


_SECTIONS = {"server", "tls", "store", "keys", "limits", "messages", "groups"}
_LISTS = {"identity", "credential", "object_group", "validation", "extension"}
_TABLES = _SECTIONS | _LISTS


def _settings(reader: Reader, directory: Path, tables: dict[str, Any]) -> Settings:
    reader.refuse_unknown("", tables, _TABLES)
    settings = Settings(
        directory=directory,
        server=reader.section(ServerSettings, "server", tables, directory),
        tls=reader.section(TLSSettings, "tls", tables, directory),
        store=reader.section(StoreSection, "store", tables, directory),
        keys=reader.section(KeySettings, "keys", tables, directory),
        limits=reader.section(DoorLimits, "limits", tables, directory),
        messages=reader.section(MessageLimits, "messages", tables, directory),
        groups={n: reader.group(n, t) for n, t in tables.get("groups", {}).items()},
        identities=tuple(reader.rule(t) for t in tables.get("identity", [])),
        credentials=tuple(reader.credential(t) for t in tables.get("credential", [])),
        filled_groups={n: reader.filled_group(n, t) for n, t in tables.get("object_group", {}).items()},
        validations=reader.structures(ValidationInformation, "validation", tables),
        extensions=reader.structures(ExtensionInformation, "extension", tables),
    )
    _validate(reader, settings)
    return settings


def _validate(reader: Reader, settings: Settings) -> None:
    for table, key, problem in config_ranges.problems(settings):
        raise reader.wrong(table, key, problem)
    try:
        settings.server.addresses  # noqa: B018 - whether they are some
    except ValueError as error:
        raise reader.wrong("server", "also_listen", f"must be a list of HOST:PORT; {error} is none") from None
    if settings.server.log_level not in ("debug", "info", "warning", "error"):
        raise reader.wrong("server", "log_level", "must be debug, info, warning or error")
    if settings.keys.rsa_bits_min % 8:
        raise reader.wrong("keys", "rsa_bits_min", "must be a number of whole bytes")
    if not NAME.fullmatch(settings.store.name):
        raise reader.wrong("store", "name", f"must be the name of a key store: {NAME_RULE}")
    if not settings.store.token_label and not settings.store.token_serial:
        raise reader.wrong("store", "token_label", "or token_serial must be given")
    section = settings.store
    if sum(map(bool, (section.pin_credential, section.pin_variable, section.pin_command))) > 1:
        raise reader.wrong("store", "pin_command", "pin_variable and pin_credential exclude each other")
    if section.rotate_pin and section.pin_source.kind is not PinKind.FILE:
        raise reader.wrong("store", "rotate_pin", "needs pin_file: a new PIN can be kept nowhere else")
