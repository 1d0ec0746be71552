"""SoftHSM2 tokens beside the server's own: each with a library, a configuration and a store of its own."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from kmipd_pkcs11.provision import CONFIGURATION, find_softhsm, provision_softhsm


@dataclass(frozen=True)
class SpareToken:
    """A token that commands can be told of, and whose storage can be pulled away from under it."""

    directory: Path
    label: str
    pin: str

    @classmethod
    def make(cls, directory: Path, label: str) -> SpareToken:
        directory.mkdir()
        library = directory / find_softhsm().name
        shutil.copy(find_softhsm(), library)  # SoftHSM2 has one configuration a file and process
        pin = secrets.token_hex(8)
        provision_softhsm(directory, label, pin, "security-officer", module=library)
        made = cls(directory, label, pin)
        made.write_pin(pin)
        return made

    @property
    def pin_file(self) -> Path:
        return self.directory / "pin"

    def write_pin(self, pin: str) -> None:
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text(f"{pin}\n")

    def options(self, *, pin: bool = True) -> list[object]:
        """How `kmipd store create` is told of it."""
        source = ["--pin-file", self.pin_file] if pin else []
        library, configuration = self.directory / find_softhsm().name, self.directory / CONFIGURATION
        where = ["--module", library, "--softhsm2-conf", configuration]
        return [*where, "--token-label", self.label, *source]

    def vanish(self) -> None:
        """The storage is gone: SoftHSM2 goes on answering, and finds nothing."""
        tokens = self.directory / "tokens"
        tokens.rename(tokens.with_name("away"))
        tokens.mkdir(mode=0o700)

    def come_back(self) -> None:
        tokens = self.directory / "tokens"
        tokens.rmdir()
        tokens.with_name("away").rename(tokens)
