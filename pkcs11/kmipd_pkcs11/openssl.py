"""Modules that use OpenSSL inside our process, as SoftHSM2 does, share its error queue with Python's TLS.

What a module leaves in the queue of a thread (an engine that is not there, a padding that was wrong) is taken for an
error of TLS when a read in the same thread next has to wait: the connection of somebody else is lost. So the queue is
emptied after a call that failed, and after C_Initialize.
"""

from __future__ import annotations

import _ssl
import ctypes
from collections.abc import Callable


def _finder() -> Callable[[], object]:
    """ERR_clear_error of the very OpenSSL that Python uses; nothing to do when that is not to be found: linked
    statically, it shares no queue with anybody."""
    try:
        clear = ctypes.CDLL(_ssl.__file__).ERR_clear_error
    except (AttributeError, OSError):
        return lambda: None
    clear.restype, clear.argtypes = None, ()
    found: Callable[[], object] = clear
    return found


forget_errors = _finder()
