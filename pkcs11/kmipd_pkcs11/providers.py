"""Facts about vendor modules, from `providers/*.toml`: where the file is, what it does differently, how it recovers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pkcs11.constants import Attribute

from kmipd.core.errors import StoreUnavailable
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import ErrorClass, Overrules, Verb

_VERBS = frozenset(verb.value for verb in Verb)
_VERSION = re.compile(r"\.so(\.\d+)+$")  # libx.so.1.2 is libx.so
_HERE = Path(__file__).parent
#: In the wheel the facts lie inside the package, in the checkout beside it.
_FOLDERS = (_HERE / "providers", _HERE.parent / "providers")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is for people: nothing here changes what kmipd does."""

    tried: str = ""  # on what this was seen, or that it was only read
    read: tuple[str, ...] = ()  # sources of what was not tried
    strategy: str = ""  # how the module gets over a loss, in a sentence
    notes: tuple[str, ...] = ()
    token_objects: int = 0  # more is not sensible


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """One vendor's module. The defaults are what the standard promises."""

    name: str = "PKCS#11"
    install: str = ""  # the remedy when the file is missing
    files: tuple[str, ...] = ()  # names of the shared library
    paths: tuple[str, ...] = ()  # where to look for it, in this order
    configuration_variable: str = ""  # the environment variable that the module reads in C_Initialize
    sessions: int = 0  # most sessions of one process; 0: no known limit
    secret_bytes: int = 0  # the longest generic secret; 0: no known limit
    serialise: bool = True  # one mutex around create, destroy and find
    not_read_back: frozenset[Attribute] = frozenset()  # attributes that the module does not report truly
    wrap_pads_with_zeros: bool = False  # RFC 3394 wraps take keys of any length, padded to eight bytes
    wraps_unextractable: bool = False  # C_WrapKey does not look at CKA_EXTRACTABLE, so we do
    pairs_in_step: bool = False  # a private key is made only with a public key that does the opposite
    view_lags: bool = False  # a process may not see keys of others until it initialises the module again
    caches_pin: bool = False  # a PIN that another process has changed counts after C_Initialize only
    reinitialise: bool = True  # C_Finalize and C_Initialize may cure it
    replace_worker_after: float = 0.0  # seconds down, after which only a new process may cure it; 0: never
    overrules: Overrules = field(default_factory=dict)
    about: About = field(default_factory=About)

    def find(self) -> Path:
        """The module's file; StoreUnavailable with the remedy when there is none."""
        for path in self.paths:
            if Path(path).is_file():
                return Path(path)
        remedy = f"; {self.install}" if self.install else ""
        raise StoreUnavailable(f"no {self.name} library in any of {', '.join(self.paths)}{remedy}")


GENERIC = ProviderFacts()


def load(text: str) -> ProviderFacts:
    """Facts from TOML. ValueError on a key nobody reads: a typing error in a quirk must not go unnoticed."""
    document = tomllib.loads(text)
    sections = {name: document.pop(name, {}) for name in ("limits", "quirks", "recovery", "errors", "about")}
    flat: dict[str, Any] = dict(document)
    for name in ("limits", "quirks", "recovery"):
        flat.update(sections[name])
    about = sections["about"]
    unknown = set(flat) - set(ProviderFacts.__dataclass_fields__) | set(flat) & {"overrules"}
    unknown |= set(about) - set(About.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown facts: {', '.join(sorted(unknown))}")
    for name in ("read", "notes"):
        about[name] = tuple(about.get(name, ()))
    for name in ("files", "paths"):
        flat[name] = tuple(flat.get(name, ()))
    flat["not_read_back"] = frozenset(Attribute[name] for name in flat.get("not_read_back", ()))
    return ProviderFacts(**flat, overrules=_overrules(sections["errors"]), about=About(**about))


def _overrules(section: Mapping[str, str]) -> Overrules:
    """{"decrypt CKR_GENERAL_ERROR": "caller"}; the verb may be `*`, the code a number such as `CKR 0x80000001`."""
    found: dict[tuple[str, str], ErrorClass] = {}
    for key, value in section.items():
        verb, _, code = key.partition(" ")
        if verb != "*" and verb not in _VERBS:
            raise ValueError(f"unknown verb in {key!r}; known are {', '.join(sorted(_VERBS))} and *")
        if not (
            (code.startswith("CKR_") and code.removeprefix("CKR_") in CKR.__members__) or code.startswith("CKR 0x")
        ):
            raise ValueError(f"unknown return code in {key!r}")
        found[verb, code] = ErrorClass(value)
    return found


@cache
def known() -> Mapping[str, ProviderFacts]:
    """All facts that come with kmipd, by the stem of their file: `softhsm2`, `nss`."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    files = sorted(folder.glob("*.toml")) if folder else []
    return {file.stem: load(file.read_text("utf-8")) for file in files}


def library_name(module: Path | str) -> str:
    """The name of the library without its version: the same for `libx.so` and the file behind that link."""
    return _VERSION.sub(".so", Path(module).name)


def facts_of(module: Path | str) -> ProviderFacts:
    """The facts of the module with this file name; `GENERIC` for a vendor nobody has described yet."""
    name = library_name(module)
    return next((facts for facts in known().values() if name in facts.files), GENERIC)
