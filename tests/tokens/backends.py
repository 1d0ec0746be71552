"""The tokens that the suite runs on, what each lacks, and where each does not do what PKCS#11 says."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kmipd_pkcs11.module import close_module, open_module
from kmipd_pkcs11.providers import known
from kmipd_pkcs11.raw import CKU_SO
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.store import PKCS11Store

NSS_PIN = "nss-pin-1234"
NSS_LABEL = "NSS Certificate DB"

#: (token, test) -> the capability that the token lacks: skipped by this name.
LACKS: Final[Mapping[tuple[str, str], str]] = {
    ("nss", "test_secret_keys_come_back_at_their_true_length[9-4096-512]"): "generic secrets of more than 256 bytes",
    ("nss", "test_cmac[TRIPLE_DES]"): "CKM_DES3_CMAC",
    ("nss", "test_every_known_answer_holds[DES3_CMAC]"): "CKM_DES3_CMAC",
    ("nss", "test_a_secret_too_short_for_the_tokens_hmac_is_for_software"): "a least length of HMAC secrets",
}

#: (token, test) -> the vendor's defect: an xfail by this name, and strict, so that we notice when it is mended.
DEFECTS: Final[Mapping[tuple[str, str], str]] = {
    ("nss", "test_attributes_are_final"): "CKA_LOCAL is false for a key that it made",
}


def nss_settings(directory: Path) -> StoreSettings:
    """A new NSS database in `directory`, with a PIN: one in a process. StoreUnavailable when NSS is not installed."""
    library = known()["nss"].find()
    directory.mkdir()
    reserved = f"configdir='sql:{directory}' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
    module = open_module(library, {}, reserved)
    with module.gate.exclusive(5):
        module.initialize()
        token = next(one for one in module.tokens() if one.label == NSS_LABEL)
        session = token.open(rw=True)
        assert module.functions.login(session.handle, CKU_SO, "") == 0
        module.functions.init_pin(session.handle, NSS_PIN)
        session.close()
    close_module(module, 5)
    name = f"nss-{secrets.token_hex(2)}"
    return StoreSettings(name=name, module=library, token_label=NSS_LABEL, pin=lambda: NSS_PIN, reserved=reserved)


@contextmanager
def prepared(settings: StoreSettings) -> Iterator[PKCS11Store]:
    """A store with its sentinel, closed in the end."""
    store = PKCS11Store(settings)
    try:
        store.prepare()
        yield store
    finally:
        store.close()
