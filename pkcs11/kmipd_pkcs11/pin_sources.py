"""Where a PIN comes from: a file, a systemd credential, a variable of the environment, or what a program prints.

A source is asked at each login and its answer is not kept, so a PIN can be changed while the server runs. No PIN is
ever in an argument of ours, in a log or in an error: errors name the source. The environment is the weakest of the
four, since every process of the same user can read it in /proc; prefer a credential.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from kmipd.core.errors import StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import PinKind, PinSource

PIN_BYTES_MAX: Final = 4096  # what is longer is no PIN, but a program that prints something else
COMMAND_SECONDS: Final = 10.0  # a login waits for it, and clients for the login


def pin_from(source: PinSource) -> Callable[[], str]:
    """A function that reads the PIN of this source; it raises StoreUnavailable with the remedy."""
    read = _READERS[source.kind]
    return lambda: read(*source.value)


def _unreadable(what: str) -> StoreUnavailable:
    return StoreUnavailable(what, failure=FailureReason.PIN_SOURCE_UNREADABLE)


def from_file(path: str | Path) -> str:
    """The first line of a file that is not open to everybody."""
    path = Path(path)
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise _unreadable(f"the PIN file {path} is open to everybody: chmod 600 {path}")
        with path.open("rb") as file:
            raw = file.read(PIN_BYTES_MAX + 1)
    except OSError as error:
        raise _unreadable(f"the PIN file {path} cannot be read: {error.strerror}") from error
    return _first_line(raw, f"the PIN file {path}", "put the user PIN on its first line")


def _from_credential(name: str) -> str:
    """systemd's LoadCredential= or LoadCredentialEncrypted= (systemd.exec(5))."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise _unreadable(f"there is no systemd credential {name!r}: the service sets no LoadCredential=")
    path = Path(directory) / name
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(f"the systemd credential {name!r} cannot be read: {error.strerror}") from error
    return _first_line(raw, f"the systemd credential {name!r}", "give it the user PIN")


def _from_environment(name: str) -> str:
    raw = os.environb.get(name.encode(), b"")
    return _first_line(raw, f"the environment variable {name}", "set it for the daemon")


def _from_command(*words: str) -> str:
    """No shell; nothing of what it says goes anywhere but to the login."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except OSError as error:
        raise _unreadable(f"the PIN command {words[0]} did not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise _unreadable(f"the PIN command {words[0]} did not end within {COMMAND_SECONDS:g} s") from None
    if done.returncode:
        raise _unreadable(f"the PIN command {words[0]} ended with exit code {done.returncode}")
    return _first_line(done.stdout, f"the PIN command {words[0]}", "it must print the user PIN")


def _first_line(raw: bytes, what: str, remedy: str) -> str:
    line = raw.split(b"\n", 1)[0].rstrip(b"\r")
    if len(line) > PIN_BYTES_MAX:
        raise _unreadable(f"{what} gives more than {PIN_BYTES_MAX} bytes: that is no PIN")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable(f"{what} gives something that is not UTF-8") from None
    if not text:
        raise _unreadable(f"{what} is empty: {remedy}")
    return text


_READERS: Final[Mapping[PinKind, Callable[..., str]]] = {
    PinKind.FILE: from_file,
    PinKind.CREDENTIAL: _from_credential,
    PinKind.ENVIRONMENT: _from_environment,
    PinKind.COMMAND: _from_command,
}
