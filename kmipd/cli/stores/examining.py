"""An examination in a process of its own: a module may hang, where no Ctrl-C reaches it, or crash."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd_pkcs11.probe import Finding, Report, examine
from kmipd_pkcs11.settings import StoreSettings

TIDY_SECONDS = 5.0  # after Ctrl-C, for the keys that were made to be removed
_Said = Finding | Report | str  # what was found last, everything, or why not
_fork = multiprocessing.get_context("fork")  # a module is loaded first in the child, and no thread runs yet


def examined(settings: StoreSettings, silence: float, progress: Callable[[str], None]) -> Report:
    """What `examine` finds. StoreUnavailable also when the module crashes, or says nothing for `silence` seconds."""
    receiver, sender = _fork.Pipe(duplex=False)
    process = _fork.Process(target=_examine, args=(settings, sender), daemon=True)
    process.start()
    sender.close()
    last = "nothing was found yet"
    try:
        while receiver.poll(silence):
            said: _Said = receiver.recv()
            if isinstance(said, Report):
                return said
            if isinstance(said, str):
                raise StoreUnavailable(said)
            last = f"the last thing that was found: {said.section}, {said.subject}"
            progress(f"{said.section}: {said.subject}")
        raise StoreUnavailable(f"the module {settings.module} has not answered for {silence:g} s; {last}")
    except EOFError:
        process.join()
        raise StoreUnavailable(f"the module {settings.module} {_end_of(process.exitcode or 0)}; {last}") from None
    except KeyboardInterrupt:
        process.join(TIDY_SECONDS)
        raise
    finally:
        process.kill()
        process.join()
        receiver.close()


def _end_of(code: int) -> str:
    if code < 0:
        return f"crashed the process that tried it with {signal.Signals(-code).name}: ask its vendor"
    return f"ended the process that tried it with exit code {code}"


def _examine(settings: StoreSettings, sender: Connection) -> None:
    """In the child."""
    try:
        report = examine(settings, sender.send)
    except StoreError as error:
        sender.send(str(error))
    except (KeyboardInterrupt, BrokenPipeError):  # the parent says it, or has gone
        return
    else:
        sender.send(replace(report, tell=None))
