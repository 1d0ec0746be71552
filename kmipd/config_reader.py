"""Values of `kmipd.toml` as types, and what is wrong with them: the file, the key, what it must be."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from kmipd.core.model import Placement
from kmipd.core.object_groups import FilledGroup
from kmipd.core.policy import ROLES
from kmipd.core.services import ForeignObjects, RNGSeeding, WrappedValue
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType
from kmipd.spec.from_text import NotOfTheStandard, structure_of
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.trust.credentials import DEVICE_FIELDS, CredentialRule, WrongHash, parse
from kmipd.trust.identity import Rule

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong. Names the file, the key, what is wrong with it, and what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """What is different for one group; None and empty: as in [keys]."""

    placement: Placement | None = None
    store: str = ""


class Reader:
    """The tables of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrong(self, table: str, key: str, what: str) -> SettingsError:
        return SettingsError(f"{self._path}: [{table}] {key} {what}")

    def refuse_unknown(self, table: str, given: Mapping[str, Any], known: set[str]) -> None:
        for key in given:
            if key not in known:
                place = f"[{table}] {key}" if table else f"[{key}]"
                raise SettingsError(f"{self._path}: {place} is not a setting; known are {', '.join(sorted(known))}")

    def section(self, cls: type[T], table: str, tables: Mapping[str, Any], directory: Path) -> T:
        given = tables.get(table, {})
        if not isinstance(given, dict):
            raise SettingsError(f"{self._path}: [{table}] must be a table")
        hints = get_type_hints(cls)
        self.refuse_unknown(table, given, set(hints))
        values = {key: self._value(table, key, hints[key], value) for key, value in given.items()}
        made: Any = cls(**values)
        absolute = {f.name: _absolute(getattr(made, f.name), directory) for f in dataclasses.fields(made)}
        return cls(**absolute)

    def _value(self, table: str, key: str, hint: Any, value: Any) -> Any:
        if hint in (Path, Path | None) and isinstance(value, str):
            return Path(value)
        if hint == tuple[Path, ...] and isinstance(value, list):
            return tuple(Path(v) for v in value)
        if hint == tuple[str, ...] and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        if hint is Placement:
            return self._placement(table, key, value)
        if hint in (RNGSeeding, ForeignObjects, WrappedValue):
            return self._choice(table, key, hint, value)
        if key == "withheld":
            return self._kinds(table, key, value)
        if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is hint:
            return value
        raise self.wrong(table, key, f"must be a {getattr(hint, '__name__', hint)}")

    def _choice(self, table: str, key: str, choices: type[Enum], value: Any) -> Any:
        if value not in [choice.value for choice in choices]:
            raise self.wrong(table, key, f"must be one of {', '.join(choice.value for choice in choices)}")
        return choices(value)

    def _kinds(self, table: str, key: str, value: Any) -> frozenset[ObjectType | CryptographicAlgorithm]:
        """Object types and algorithms by their names in the standard, as "private-key" or "one-time-pad"."""
        known = {kind.name: kind for kind in (*CryptographicAlgorithm, *ObjectType)}
        names = [str(name).upper().replace("-", "_") for name in value] if isinstance(value, list) else [""]
        if not set(names) <= set(known):
            raise self.wrong(table, key, 'must be a list of object types and algorithms, such as ["private-key"]')
        return frozenset(known[name] for name in names)

    def _placement(self, table: str, key: str, value: Any) -> Placement:
        if value not in (Placement.RESIDENT.value, Placement.WRAPPED.value):
            raise self.wrong(table, key, "must be 'resident' or 'wrapped'")
        return Placement(value)

    def group(self, name: str, given: Any) -> GroupSettings:
        table = f"groups.{name}"
        if not isinstance(given, dict) or not given:
            raise self.wrong(table, "placement", "or store must be given")
        self.refuse_unknown(table, given, {"placement", "store"})
        placement = self._placement(table, "placement", given["placement"]) if "placement" in given else None
        store = given.get("store", "")
        if not isinstance(store, str):
            raise self.wrong(table, "store", "must be the name of a key store")
        return GroupSettings(placement=placement, store=store)

    def _principal(self, table: str, cls: type[Any], given: Any, *tables: str) -> dict[str, Any]:
        """The fields of a rule that names a principal; `tables` are those with a table of text as their value."""
        if not isinstance(given, dict) or "principal" not in given:
            raise self.wrong(table, "principal", "is missing")
        values = dict(given)
        self.refuse_unknown(table, values, {f.name for f in dataclasses.fields(cls)})
        if values.get("role", "client") not in ROLES:
            raise self.wrong(table, "role", f"must be one of {', '.join(ROLES)}")
        for key in tables:
            if not isinstance(values.get(key, {}), dict):
                raise self.wrong(table, key, 'must be a table such as { O = "Example" }')
            values[key] = tuple(values.get(key, {}).items())
        values.setdefault("group", values["principal"])
        return values

    def filled_group(self, name: str, given: Any) -> FilledGroup:
        table = f"object_group.{name}"
        if not isinstance(given, dict):
            raise self.wrong(table, "algorithm", "must be in a table")
        self.refuse_unknown(table, given, {"algorithm", "length", "usage"})
        values: dict[str, Any] = {}
        if "algorithm" in given:
            values["algorithm"] = self._named(table, "algorithm", CryptographicAlgorithm, given["algorithm"])
        if "length" in given:
            values["length"] = self._value(table, "length", int, given["length"])
        if "usage" in given:
            uses = self._value(table, "usage", tuple[str, ...], given["usage"])
            bits = [self._named(table, "usage", CryptographicUsageMask, use) for use in uses]
            values["usage"] = functools.reduce(operator.or_, bits, CryptographicUsageMask(0))
        return FilledGroup(**values)

    def _named(self, table: str, key: str, choices: type[Enum], value: Any) -> Any:
        """A member of one of the standard's enumerations, as "aes" or "triple-des"."""
        found = choices.__members__.get(str(value).upper().replace("-", "_"))
        if found is None:
            raise self.wrong(table, key, f"{value!r} is not a name of the standard")
        return found

    def structures(self, cls: type[T], table: str, tables: Mapping[str, Any]) -> tuple[T, ...]:
        """`[[table]]`s as structures of the standard."""
        given = tables.get(table, [])
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise self.wrong(table, "", f"must be tables: [[{table}]]")
        try:
            return tuple(structure_of(cls, one) for one in given)
        except NotOfTheStandard as error:
            raise self.wrong(table, "", str(error)) from None

    def credential(self, given: Any) -> CredentialRule:
        table = "credential"
        values = self._principal(table, CredentialRule, given, "device")
        clients = values.pop("clients", [])
        if not isinstance(clients, list) or not all(isinstance(c, str) for c in clients):
            raise self.wrong(table, "clients", "must be a list of names of clients")
        rule = CredentialRule(**values, clients=tuple(clients))
        if bool(rule.username) == bool(rule.device):
            raise self.wrong(table, "username", "or device must be given, and not both")
        if not {name for name, _ in rule.device} <= DEVICE_FIELDS:
            raise self.wrong(table, "device", f"may have {', '.join(sorted(DEVICE_FIELDS))}")
        try:
            parse(rule.password)
        except WrongHash:
            raise self.wrong(table, "password", "must be what `kmipd client password` prints") from None
        return rule

    def rule(self, given: Any) -> Rule:
        rule = Rule(**self._principal("identity", Rule, given, "subject", "issuer"))
        if not rule.conditions():
            raise self.wrong("identity", "principal", f"{rule.principal!r} has no condition: it would fit everybody")
        return rule


def _absolute(value: Any, directory: Path) -> Any:
    """Paths in the file are relative to the directory it is in."""
    if isinstance(value, Path):
        return directory / value
    if isinstance(value, tuple) and value and isinstance(value[0], Path):
        return tuple(directory / v for v in value)
    return value
