"""A SoftHSM2 token for `kmipd init`: a configuration, a directory only we can read, an initialised token.

PINs go through memory only: softhsm2-util would want them in argv, where every user of the machine can read them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from pkcs11.constants import TokenFlag
from pkcs11.exceptions import PKCS11Error

from kmipd.core.errors import StoreUnavailable
from kmipd_pkcs11.errors import CallFailed, code_of, name_of
from kmipd_pkcs11.module import Module, close_module, open_module
from kmipd_pkcs11.providers import known
from kmipd_pkcs11.raw import CKU_SO
from kmipd_pkcs11.sessions import close_quietly

CONFIGURATION = "softhsm2.conf"
_TEMPLATE = """\
# Made by kmipd. SoftHSM2 reads it in C_Initialize, through the environment variable SOFTHSM2_CONF.
directories.tokendir = {tokens}
objectstore.backend = file
objectstore.umask = 0077
log.level = ERROR
slots.removable = false
slots.mechanisms = {mechanisms}
library.reset_on_fork = false
"""
_DRAIN = 10.0  # seconds; nobody else uses the module while a token is made
_LABEL_BYTES = 32  # CK_TOKEN_INFO
_PIN_BYTES = (4, 255)  # what SoftHSM2 accepts


@dataclass(frozen=True, slots=True)
class SoftHSM:
    """A token that was made: what `StoreSettings` wants of it."""

    module: Path
    environment: dict[str, str]
    token_label: str
    token_serial: str


def find_softhsm() -> Path:
    """The library; StoreUnavailable with the remedy when it is not installed."""
    return known()["softhsm2"].find()


def random_pin() -> str:
    """144 random bits as 24 letters, digits, - and _: for a PIN that a file remembers and nobody types."""
    return secrets.token_urlsafe(18)


def write_configuration(directory: Path, mechanisms: str = "ALL") -> dict[str, str]:
    """`directory` (mode 0700) with `softhsm2.conf` (0600) and `tokens` (0700); the environment that selects it.

    An existing configuration is kept. `mechanisms` is SoftHSM2's list of what to offer.
    """
    tokens = directory / "tokens"
    for folder in (directory, tokens):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    configuration = directory / CONFIGURATION
    if not configuration.exists():
        configuration.touch(mode=0o600)
        configuration.write_text(_TEMPLATE.format(tokens=tokens, mechanisms=mechanisms), "utf-8")
    return {known()["softhsm2"].configuration_variable: str(configuration)}


def provision_softhsm(
    directory: Path, label: str, pin: str, so_pin: str, *, module: Path | None = None, mechanisms: str = "ALL"
) -> SoftHSM:
    """Make a token `label` in `directory`. ValueError for a bad label or PIN; StoreUnavailable when the library is
    missing, a token of this label is there already, or the library refuses. Afterwards call `PKCS11Store.prepare`.
    """
    if not label or len(label.encode()) > _LABEL_BYTES:
        raise ValueError(f"a token label has 1 to {_LABEL_BYTES} bytes")
    if any(not _PIN_BYTES[0] <= len(one.encode()) <= _PIN_BYTES[1] for one in (pin, so_pin)):
        raise ValueError(f"a PIN has {_PIN_BYTES[0]} to {_PIN_BYTES[1]} bytes")
    path = module or find_softhsm()
    environment = write_configuration(directory, mechanisms)
    opened = open_module(path, environment)
    try:
        with opened.gate.exclusive(_DRAIN):
            opened.finalize()  # another directory may have been read before
            opened.initialize()
            serial = _initialise(opened, label, pin, so_pin)
    except (PKCS11Error, CallFailed) as error:
        code = name_of(code_of(error) or 0)
        raise StoreUnavailable(f"the token {label!r} could not be initialised: {code}") from None
    finally:
        close_module(opened, _DRAIN)
    return SoftHSM(path, environment, label, serial)


def _initialise(module: Module, label: str, pin: str, so_pin: str) -> str:
    """Initialise a blank token and set its user PIN; its serial number. The gate is held."""
    tokens = module.tokens()
    if any(token.label == label and token.flags & TokenFlag.TOKEN_INITIALIZED for token in tokens):
        raise StoreUnavailable(f"there is a token {label!r} already: nothing was changed; choose another label")
    blank = next((token for token in tokens if not token.flags & TokenFlag.TOKEN_INITIALIZED), None)
    if blank is None:
        raise StoreUnavailable("the module offers no blank slot for a new token")
    module.functions.init_token(blank.slot.slot_id, so_pin, label)
    # SoftHSM2 gives the token another slot number, derived from its new serial.
    made = next(token for token in module.tokens() if token.label == label)
    session = made.open(rw=True)
    try:
        handle: int = session.handle  # type: ignore[attr-defined]  # Cython's, not in the stubs
        code = module.functions.login(handle, CKU_SO, so_pin)
        if code:
            raise CallFailed("C_Login", code)
        module.functions.init_pin(handle, pin)
        module.functions.call("C_Logout", handle)
    finally:
        close_quietly(session)
    return made.serial.decode("ascii")
