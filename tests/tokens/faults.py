"""Driving p11fault.c: which call misbehaves, how, and how often, in whatever process has loaded the module."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

from kmipd_pkcs11.codes import CKR

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
_RULES = 32
_ANY = 1000


class Action(IntEnum):
    """What a rule does; the delay comes first, and all but RETURN then go on with the call."""

    RETURN = 0
    SLOW = 1
    HANG = 2  # until the rules change
    CRASH = 3  # SIGSEGV
    KILL_SESSIONS = 4  # once in every process


class _Rule(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("armed", "function", "after", "action", "code", "delay_us")] + [
        ("skip", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("fired", ctypes.c_uint64),
    ]


class _Control(ctypes.Structure):
    """`struct control` of p11fault.c."""

    _fields_ = [("epoch", ctypes.c_uint64), ("calls", ctypes.c_uint64 * len(FUNCTIONS)), ("rule", _Rule * _RULES)]


def build(directory: Path) -> Path:
    """The compiled library. FileNotFoundError when there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise FileNotFoundError("no C compiler for the fault-injecting module")
    built = directory / "p11fault.so"
    source = Path(__file__).with_name("p11fault.c")
    options = ["-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", built, source, "-ldl", "-lpthread"], check=True)
    return built


class Faults:
    """The rules of one copy of the module, which stands in front of `real` and bears its name, so that its facts
    apply."""

    def __init__(self, library: Path, real: Path, directory: Path) -> None:
        folder = directory / "faulty"
        folder.mkdir()
        self.module = folder / real.name
        shutil.copy(library, self.module)
        self.module.with_name(f"{real.name}.real").symlink_to(real)
        control = self.module.with_name(f"{real.name}.control")
        control.write_bytes(bytes(ctypes.sizeof(_Control)))
        with control.open("r+b") as file:
            self._control = _Control.from_buffer(mmap.mmap(file.fileno(), 0))
        self._used = 0

    def settings(self, token: Any, **overrides: Any) -> dict[str, Any]:
        """For `open_store`: this module in front of the token's own."""
        return {"module": self.module, **overrides}

    def fail(self, function: str, code: CKR | int, *, after: bool = False, skip: int = 0, count: int = -1) -> None:
        """From now on `function` returns `code`; with `after` it does its work first: the reply is lost."""
        self.clear()
        self.add(function, Action.RETURN, code=int(code), after=after, skip=skip, count=count)

    def slow(self, function: str, seconds: float, count: int = -1) -> None:
        self.clear()
        self.add(function, Action.SLOW, seconds=seconds, count=count)

    def hang(self, function: str, *, after: bool = False, count: int = -1) -> None:
        """`function` does not return before the rules change."""
        self.clear()
        self.add(function, Action.HANG, after=after, count=count)

    def crash(self, function: str, *, after: bool = False, count: int = 1) -> None:
        """The process that calls `function` dies of SIGSEGV."""
        self.clear()
        self.add(function, Action.CRASH, after=after, count=count)

    def kill_sessions(self) -> None:
        """As if the token had been pulled out and put back: in every process, at its next call."""
        self.clear()
        self.add("*", Action.KILL_SESSIONS)

    def add(
        self,
        function: str,
        action: Action,
        *,
        code: int = 0,
        seconds: float = 0.0,
        after: bool = False,
        skip: int = 0,
        count: int = -1,
    ) -> None:
        """One more rule, behind those there are; `*` is every function but C_Initialize and C_Finalize."""
        rule = self._control.rule[self._used]
        self._used += 1
        rule.function = _ANY if function == "*" else FUNCTIONS.index(function.removeprefix("C_"))
        rule.after, rule.action, rule.code = after, action, code
        rule.delay_us, rule.skip, rule.count, rule.fired = int(seconds * 1e6), skip, count, 0
        rule.armed = 1

    def clear(self) -> None:
        """No rules; what hangs goes on."""
        for rule in self._control.rule[: self._used]:
            rule.armed = 0
        self._used = 0
        self._control.epoch += 1

    def fired(self, rule: int = 0) -> int:
        """How often the rule of this number, counted from the last `clear`, has worked."""
        count: int = self._control.rule[rule].fired
        return count

    def calls(self, function: str) -> int:
        """How often `function` was called in all processes."""
        count: int = self._control.calls[FUNCTIONS.index(function.removeprefix("C_"))]
        return count


def eventually(what: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether `what` becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return what()
