"""Connects a key store whose PIN is rotated, and dies at every step, so many times.

    python -m tests.faults.pin_killer DIRECTORY STORE KILLS

A step is the moment before and the moment after: every call of the token that concerns PINs, every write of what is
remembered, every file operation of the root store's vault. Prints the number of the last step that was met.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

from kmipd import app, config
from kmipd.core.keystores import Command
from kmipd.keystores import preparing
from kmipd.keystores.pin_vaults import FileVault
from kmipd.registry.keystores import KeyStores
from kmipd.store_administration import KeyStoreAdministration
from kmipd_pkcs11.pins import PinLatch
from kmipd_pkcs11.raw import Functions
from tests.faults import stepping

_STEPS: tuple[tuple[type, str], ...] = (
    (Functions, "login"),
    (Functions, "set_pin"),
    (KeyStores, "put_member"),
    (FileVault, "remember"),
    (FileVault, "trying"),
    (Path, "replace"),
    (Path, "unlink"),
    (PinLatch, "refuse"),
)
count = 0


def arm(fatal: int) -> None:
    """Die at the step of this number: SIGKILL, nothing is flushed or cleaned up."""

    def step() -> None:
        global count
        count += 1
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    stepping.watch(_STEPS, step)


def attempt(directory: Path, store: str, fatal: int) -> None:
    """Rotate, as the start of a server or a connect does."""
    settings = config.load(directory, {})
    application = app.compose(settings)
    if store == settings.store.name:
        arm(fatal)
        app.make_ready(application)
    else:
        stores = KeyStoreAdministration(application)
        stores.disconnect(store)
        record = application.registry.key_stores.command(store, Command.CONNECT)
        application.store.check()  # the root store is open, as in a server: its login is no step
        arm(fatal)
        preparing.prepare(application.services, application.registry, application.opener, record)
    application.close()


def forked(directory: Path, store: str, fatal: int) -> int:
    """An attempt in a process of its own, forked before any module is loaded; its exit code, -9 when it was killed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        attempt(directory, store, fatal)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(directory: Path, store: str, kills: int) -> None:
    """Kill at step 1, 2, 3 … of attempts in a row, so that each begins with what the one before has left behind."""
    done = step = most = 0
    while done < kills:
        step += 1
        code = forked(directory, store, step)
        if code == -signal.SIGKILL:
            done, most = done + 1, max(most, step)
        elif code:
            sys.exit(f"after {done} kills, at step {step}, an attempt failed")
        else:
            step = 0  # it has fewer steps than that: from the beginning
    print(most)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
