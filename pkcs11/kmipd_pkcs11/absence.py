"""Whether not finding a key may be believed.

SoftHSM2 keeps a view of the token in every process. When another process dies in the middle of its work, the view of
one that lives on may lack keys that were made meanwhile (seen: 17 of 23 files), though the sentinel is in it. So a key
that another process has made is missing only when a view that was made after the question lacks it too. What was made
here is in the view here.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Final

PROVED_SECONDS: Final = 60.0  # a client that asks for a lost key again and again must not start a new view each time
_REMEMBERED: Final = 4_096  # keys; some 150 bytes each


class Absences:
    """Of one connection. `lags` is the provider's fact; without it every view is true."""

    def __init__(self, lags: bool) -> None:
        self._lags = lags
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._proved: OrderedDict[bytes, float] = OrderedDict()

    def known_here(self, cka_id: bytes) -> None:
        """This process makes a key of this CKA_ID, or destroys it: its own view knows what becomes of that."""
        if self._lags:
            self._remember(self._known, cka_id)

    def believed(self, cka_id: bytes, *, fresh: bool) -> bool:
        """Whether a key that is not found is not there; `fresh` when the view is younger than the question."""
        if not self._lags or cka_id in self._known:
            return True
        if fresh:
            self._remember(self._proved, cka_id)
            return True
        return time.monotonic() - self._proved.get(cka_id, -PROVED_SECONDS) < PROVED_SECONDS

    def _remember(self, where: OrderedDict[bytes, float], cka_id: bytes) -> None:
        with self._lock:
            where[cka_id] = time.monotonic()
            where.move_to_end(cka_id)
            if len(where) > _REMEMBERED:
                where.popitem(last=False)
