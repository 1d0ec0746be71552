"""The one place where PKCS#11 modules are opened.

python-pkcs11 calls C_Initialize(NULL), which promises the module a single thread, and yet releases the interpreter lock
in every call: SoftHSM2 then disables its mutexes and crashes (11 of 11 runs with threads). Its `initialize` can be
overridden, so `_Library` passes CKF_OS_LOCKING_OK, and the reserved string that NSS wants. A test guards that nobody
else opens modules.

A module is shared by all key stores that name the same file, since C_Initialize and C_Finalize concern the whole
process. `generation` counts initialisations: sessions and handles of an older one are void.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pkcs11 import _pkcs11
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Token

from kmipd.core.errors import StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import CallFailed, code_of, name_of
from kmipd_pkcs11.gate import Gate
from kmipd_pkcs11.openssl import forget_errors
from kmipd_pkcs11.raw import CKF_OS_LOCKING_OK, Functions
from kmipd_pkcs11.structures import InitializeArguments

_registry_lock = threading.Lock()
_registry: dict[str, Module] = {}
_generations = itertools.count(1)
#: The process has one environment, which modules read in C_Initialize. One that wants nothing of it takes no part: it
#: may hang there for as long as its HSM is away, and would keep all others from being initialised.
_environment_lock = threading.Lock()


class _Library(_pkcs11.lib):
    """python-pkcs11's module, initialised for threads. `initialize` is what its constructor calls."""

    functions: Functions
    _reserved: str
    shareable: bool  # whether it may be used as somebody else in this process has initialised it
    _ours = False  # we have initialised it: if it says that it is initialised already, it has refused C_Finalize

    def __new__(cls, so: str, reserved: str, shareable: bool) -> Self:
        self: Self = super().__new__(cls, so)  # type: ignore[call-arg]  # loads the file; C_Initialize comes later
        # Never unloaded: python-pkcs11's destructor fails noisily when the interpreter is half gone, and vendors'
        # libraries bear unloading badly.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
        self._reserved = reserved
        self.shareable = shareable
        # python-pkcs11 keeps its function list as the first field of the object, and offers no way to it. It must be
        # this very list: p11-kit-client.so makes a new, separate instance each time it is asked for one.
        address = ctypes.c_void_p.from_address(id(self) + object.__basicsize__).value
        self.functions = Functions(_checked(so, address or 0))
        return self

    def __init__(self, so: str, reserved: str, shareable: bool) -> None:  # noqa: ARG002
        super().__init__(so)

    def initialize(self) -> None:
        arguments = InitializeArguments(flags=CKF_OS_LOCKING_OK)
        if self._reserved:
            text = ctypes.create_string_buffer(self._reserved.encode())
            arguments.pReserved = ctypes.cast(text, ctypes.c_void_p)
        code = self.functions.code("C_Initialize", ctypes.byref(arguments))
        if code == CKR.CRYPTOKI_ALREADY_INITIALIZED and (self._ours or self.shareable):
            return
        if code != CKR.OK:
            raise CallFailed("C_Initialize", code)
        self._ours = True

    def finalize(self) -> None:
        code = self.functions.code("C_Finalize", None)
        if code not in (CKR.OK, CKR.CRYPTOKI_NOT_INITIALIZED):
            raise CallFailed("C_Finalize", code)
        self._ours = False


def _restore(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _checked(so: str, address: int) -> int:
    """`address`, when it is the function list; guards against another memory layout of python-pkcs11."""
    library = ctypes.CDLL(so)
    first, second = ctypes.c_void_p(), ctypes.c_void_p()
    codes = [library.C_GetFunctionList(ctypes.byref(one)) for one in (first, second)]
    if any(codes) or (first.value == second.value and first.value != address):
        raise CallFailed("C_GetFunctionList", CKR.LIBRARY_LOAD_FAILED)
    return address


class Module:
    """A PKCS#11 module file, loaded once per process. All methods but `initialize` want the gate held exclusively."""

    def __init__(self, path: str, environment: Mapping[str, str], reserved: str) -> None:
        self.path = path
        self.environment = dict(environment)
        self.reserved = reserved
        self.gate = Gate()
        self.generation = 0  # 0: not initialised
        self.users = 0
        self._loaded: _Library | None = None
        self._library: _Library | None = None  # the same, once it was initialised

    @property
    def functions(self) -> Functions:
        if self._library is None:
            raise StoreUnavailable(f"the module {self.path} is not loaded")
        return self._library.functions

    def initialize(self) -> None:
        """Load the file and C_Initialize, if that has not been done. StoreUnavailable says why it failed."""
        if self.generation:
            return
        with _environment_lock if self.environment else contextlib.nullcontext():
            before = {name: os.environ.get(name) for name in self.environment}
            as_it_is = before == self.environment  # somebody else may use it too, a wrapper around it: by our settings
            if not as_it_is:
                os.environ.update(self.environment)
            try:
                self._start(as_it_is)
            except (PKCS11Error, CallFailed) as error:
                _restore(before)
                code = code_of(error)
                why = str(error) if code == CKR.LIBRARY_LOAD_FAILED else name_of(code or 0)
                failure = FailureReason.MODULE_NOT_LOADABLE
                if code == CKR.CRYPTOKI_ALREADY_INITIALIZED:
                    failure = FailureReason.MODULE_SETTINGS_CLASH
                    why += ": something else in this process uses it, with settings of its own"
                raise StoreUnavailable(f"the module {self.path} does not start: {why}", failure=failure) from error
        forget_errors()
        self.generation = next(_generations)

    def _start(self, as_it_is: bool) -> None:
        """C_Initialize. The file is loaded once, however often that fails: what is loaded stays, and remembers whether
        it was we who have initialised it, also where the questions after that found no answer."""
        if self._loaded is None:
            self._loaded = _Library.__new__(_Library, self.path, self.reserved, as_it_is)
        self._loaded.shareable = as_it_is
        if self._library is None:
            self._loaded.__init__(self.path, self.reserved, as_it_is)  # type: ignore[misc]
            self._library = self._loaded
        else:
            self._library.initialize()

    def finalize(self) -> None:
        """C_Finalize; every session and handle is void afterwards. Never raises: a broken module may refuse."""
        if self._library is not None and self.generation:
            self.generation = 0
            with contextlib.suppress(CallFailed):  # C_Initialize comes next and tells
                self._library.finalize()

    def tokens(self) -> list[Token]:
        """The tokens in all slots that answer; the error of one that does not, when none does."""
        found, failure = self.look()
        if not found and failure is not None:
            raise failure
        return found

    def look(self) -> tuple[list[Token], PKCS11Error | None]:
        """The tokens in all slots, and what one answered that is broken: it hides no healthy one (python-pkcs11's
        get_token would)."""
        if self._library is None or not self.generation:
            raise CallFailed("C_GetSlotList", CKR.CRYPTOKI_NOT_INITIALIZED)
        found: list[Token] = []
        failure: PKCS11Error | None = None
        for slot in self._library.get_slots():
            try:
                found.append(slot.get_token())
            except PKCS11Error as error:
                failure = error
        return found, failure


def open_module(path: Path | str, environment: Mapping[str, str], reserved: str = "") -> Module:
    """The module of that file, shared; nothing is loaded yet. Give it back with `close_module`.

    StoreUnavailable when the file is missing, or in use with other settings: a module initialises once per process.
    """
    real = Path(path).resolve()
    if not real.is_file():
        raise StoreUnavailable(
            f"no PKCS#11 module at {path}: install it or correct the path", failure=FailureReason.MODULE_NOT_FOUND
        )
    with _registry_lock:
        module = _registry.setdefault(str(real), Module(str(real), environment, reserved))
        if (module.environment, module.reserved) != (dict(environment), reserved):
            if module.users or module.generation:  # or it is just being closed
                raise StoreUnavailable(
                    f"the module {path} is already in use with other settings; "
                    "give every key store of this module the same ones, or a copy of the file under another name",
                    failure=FailureReason.MODULE_SETTINGS_CLASH,
                )
            module.environment, module.reserved = dict(environment), reserved
        module.users += 1
        return module


def close_module(module: Module, drain: float) -> None:
    """The last user finalises the module; `drain` is how long calls in flight may take, in seconds."""
    with _registry_lock:
        module.users -= 1
        if module.users:
            return
    # Not under the lock: C_Finalize may hang, and other modules are opened meanwhile.
    with module.gate.exclusive(drain):
        if not module.users:  # who comes only now waits at the gate and initialises it anew
            module.finalize()
