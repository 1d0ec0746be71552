"""Real SoftHSM2 tokens in memory. Each has a copy of the library, so that many configurations live in one process."""

from __future__ import annotations

import itertools
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kmipd.core.errors import StoreUnavailable
from kmipd_pkcs11.provision import SoftHSM, find_softhsm, provision_softhsm
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens import backends
from tests.tokens.faults import Faults, build

PIN = "correct-horse-1234"
SO_PIN = "security-officer-1"
_numbers = itertools.count()


@dataclass
class Token:
    """A token and what it takes to connect to it."""

    softhsm: SoftHSM
    directory: Path

    def settings(self, **overrides: Any) -> StoreSettings:
        values: dict[str, Any] = {
            "name": f"store-{next(_numbers)}",
            "module": self.softhsm.module,
            "token_label": self.softhsm.token_label,
            "pin": lambda: PIN,
            "environment": self.softhsm.environment,
            "lock_file": self.directory / "lock",
            "backoff_first": 0.1,
            "backoff_max": 0.2,
        }
        return StoreSettings(**values | overrides)


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A directory in memory, where a token object costs half a millisecond instead of ten."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="kmipd-tokens-", dir=shm if shm.is_dir() else None) as path:
        yield Path(path)


@pytest.fixture(scope="session")
def library() -> Path:
    try:
        return find_softhsm()
    except StoreUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def make_token(memory: Path, library: Path) -> Callable[..., Token]:
    def make(label: str = "alpha", **options: Any) -> Token:
        directory = memory / secrets.token_hex(4)
        directory.mkdir()
        own = directory / library.name  # the name tells which facts apply
        shutil.copy(library, own)
        return Token(provision_softhsm(directory, label, PIN, SO_PIN, module=own, **options), directory)

    return make


@pytest.fixture
def token(make_token: Callable[..., Token]) -> Token:
    return make_token()


@pytest.fixture
def open_store() -> Iterator[Callable[..., PKCS11Store]]:
    """Stores that are prepared, and closed when the test ends."""
    stores: list[PKCS11Store] = []

    def open_one(token: Token, prepare: bool = True, **overrides: Any) -> PKCS11Store:
        store = PKCS11Store(token.settings(**overrides))
        stores.append(store)
        if prepare:
            store.prepare()
        return store

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(token: Token, open_store: Callable[..., PKCS11Store]) -> PKCS11Store:
    return open_store(token)


@pytest.fixture(scope="session")
def nss_settings(memory: Path) -> StoreSettings:
    """The one NSS database of this process."""
    try:
        return backends.nss_settings(memory / "nss")
    except StoreUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["softhsm2", "nss"])
def shared(request: pytest.FixtureRequest) -> Iterator[PKCS11Store]:
    """One store for all tests of a module that leave it healthy, on each of the tokens."""
    if request.param == "softhsm2":
        settings = request.getfixturevalue("make_token")("shared").settings()
    else:
        settings = request.getfixturevalue("nss_settings")
    with backends.prepared(settings) as store:
        yield store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a token lacks and where a vendor errs."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is None or "shared" not in callspec.params:
            continue
        place = callspec.params["shared"], item.name.replace(f"[{callspec.params['shared']}-", "[")
        for name in (place[1], place[1].split("[")[0]):
            if reason := backends.LACKS.get((place[0], name)):
                item.add_marker(pytest.mark.skip(reason=f"{place[0]} lacks {reason}"))
            if reason := backends.DEFECTS.get((place[0], name)):
                item.add_marker(pytest.mark.xfail(reason=f"{place[0]}: {reason}", strict=True))


@pytest.fixture(scope="session")
def fault_library(memory: Path) -> Path:
    """The fault-injecting pass-through module, compiled once."""
    try:
        return build(memory)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def faults(fault_library: Path, token: Any) -> Faults:
    return Faults(fault_library, token.softhsm.module, token.directory)


@pytest.fixture
def faulty(faults: Faults, token: Any, open_store: Any) -> PKCS11Store:
    return open_store(token, **faults.settings(token))
