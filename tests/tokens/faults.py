"""Driving p11fault.so: which call fails, with what, and how often."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.providers import facts_of

_NAMES = """
Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo GetMechanismList
GetMechanismInfo InitToken InitPIN SetPIN OpenSession CloseSession CloseAllSessions GetSessionInfo
GetOperationState SetOperationState Login Logout CreateObject CopyObject DestroyObject GetObjectSize
GetAttributeValue SetAttributeValue FindObjectsInit FindObjects FindObjectsFinal EncryptInit Encrypt
EncryptUpdate EncryptFinal DecryptInit Decrypt DecryptUpdate DecryptFinal DigestInit Digest DigestUpdate
DigestKey DigestFinal SignInit Sign SignUpdate SignFinal SignRecoverInit SignRecover VerifyInit Verify
VerifyUpdate VerifyFinal VerifyRecoverInit VerifyRecover DigestEncryptUpdate DecryptDigestUpdate
SignEncryptUpdate DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey UnwrapKey DeriveKey SeedRandom
GenerateRandom GetFunctionStatus CancelFunction WaitForSlotEvent"""
FUNCTIONS = _NAMES.split()  # in the order of CK_FUNCTION_LIST


class Faults:
    """The rules of one copy of the module."""

    def __init__(self, library: Path, real: Path, directory: Path) -> None:
        self.module = directory / "p11fault.so"
        shutil.copy(library, self.module)
        self._rules, self._stats = directory / "rules", directory / "stats"
        self._number = 0
        self.facts = facts_of(real)
        self.environment = {
            "P11FAULT_MODULE": str(real),
            "P11FAULT_RULES": str(self._rules),
            "P11FAULT_STATS": str(self._stats),
        }
        self.clear()

    def settings(self, token: Any, **overrides: Any) -> dict[str, Any]:
        """For `open_store`: this module in front of the token's own."""
        environment = {**token.softhsm.environment, **self.environment}
        facts = replace(self.facts)
        return {"module": self.module, "environment": environment, "facts": facts, **overrides}

    def fail(self, function: str, code: CKR | int, *, after: bool = False, skip: int = 0, count: int = -1) -> None:
        """From now on `function` returns `code`; with `after` it does its work first: the reply is lost."""
        self._write(f"{function} {'post' if after else 'pre'} {int(code):#x} 0 {skip} {count}\n")

    def slow(self, function: str, seconds: float, count: int = -1) -> None:
        self._write(f"{function} pre 0x0 {int(seconds * 1e6)} 0 {count}\n")

    def kill_sessions(self) -> None:
        """As if the token had been pulled out and put back."""
        self._write("KILL\n")

    def clear(self) -> None:
        self._write("")

    def calls(self, function: str) -> int:
        values = struct.unpack(f"{len(FUNCTIONS)}Q", self._stats.read_bytes())
        return values[FUNCTIONS.index(function.removeprefix("C_"))]

    def _write(self, rules: str) -> None:
        self._number += 1
        new = self._rules.with_suffix(".new")
        new.write_text(f"# {self._number:08d}\n{rules}")
        new.replace(self._rules)
