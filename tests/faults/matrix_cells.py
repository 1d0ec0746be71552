"""What the fault matrix is made of: the verbs, the kinds of failure, and what was seen where they meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import name_of
from tests.faults.customers import DONE, STUCK
from tests.tokens.faults import Action

BOUND = 12.0  # seconds for any answer: the server's time-out and the wait for a lock or a login, on a loaded machine
RECOVERY = 40.0  # seconds: two attempts of the healer, or a worker that is replaced several times


@dataclass(frozen=True)
class Verb:
    """What the clients want, and the call in which it fails."""

    name: str
    function: str
    sessions_lost: bool = False  # so that the call is made at all


VERBS = (
    Verb("generate", "C_GenerateKey"),
    Verb("wrap", "C_WrapKey"),
    Verb("unwrap", "C_DecryptInit"),
    Verb("encrypt", "C_Encrypt"),
    Verb("decrypt", "C_Decrypt"),
    Verb("sign", "C_Sign"),
    Verb("find", "C_FindObjects"),
    Verb("destroy", "C_DestroyObject"),
    Verb("login", "C_Login", sessions_lost=True),
    Verb("open session", "C_OpenSession", sessions_lost=True),
)


@dataclass(frozen=True)
class Failure:
    """One kind: a return code of a class of errors, or a behaviour."""

    kind: str
    action: Action = Action.RETURN
    code: int = 0
    seconds: float = 0.0
    count: int = -1

    @property
    def shown(self) -> str:
        return name_of(self.code) if self.action is Action.RETURN else self.kind


FAILURES = (
    Failure("caller", code=CKR.DATA_INVALID),
    Failure("mechanism", code=CKR.MECHANISM_INVALID),
    Failure("busy", code=CKR.SESSION_COUNT),
    Failure("handle", code=CKR.KEY_HANDLE_INVALID),
    Failure("session", code=CKR.SESSION_HANDLE_INVALID),
    Failure("login", code=CKR.USER_NOT_LOGGED_IN),
    Failure("token", code=CKR.DEVICE_ERROR),
    Failure("token removed", code=CKR.TOKEN_NOT_PRESENT),
    Failure("module", code=CKR.CRYPTOKI_NOT_INITIALIZED),
    Failure("vague", code=CKR.GENERAL_ERROR),
    Failure("PIN", code=CKR.PIN_LOCKED),
    Failure("vendor's own", code=0x80000042),
    Failure("slow, 50 ms", Action.SLOW, seconds=0.05),
    Failure("hangs", Action.HANG, count=6),
    Failure("SIGSEGV", Action.CRASH, count=2),
)


@dataclass
class Cell:
    """What was seen."""

    verb: Verb
    failure: Failure
    after: bool
    fired: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0  # the longest answer, seconds
    recovery: float = -1.0  # seconds from the healing to the first whole life of the last client
    replaced: int = 0  # worker processes
    told: bool = True  # the log names the reason
    operator: bool = False  # the operator's word was needed

    @property
    def failed(self) -> int:
        return sum(count for said, count in self.answers.items() if said != DONE)

    def problems(self) -> Iterator[str]:
        name = f"{self.verb.name}, {self.failure.shown}, {'after' if self.after else 'before'}"
        if not self.fired:
            yield f"{name}: the call was never made"
        if self.answers[STUCK] or self.worst > BOUND:
            yield f"{name}: an answer took {self.worst:.1f} s"
        if self.recovery < 0:
            yield f"{name}: no recovery within {RECOVERY:.0f} s"
        if not self.told:
            yield f"{name}: the log does not name {self.failure.shown}"
        if self.answers["an internal error; the server's log has the details"]:
            yield f"{name}: an internal error"
