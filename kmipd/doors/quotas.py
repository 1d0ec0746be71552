"""How many connections a client may hold and how fast it may send, in one worker."""

from __future__ import annotations

import threading
import time
from collections import Counter

from kmipd.core.model import Principal
from kmipd.doors.limits import DoorLimits


class Quotas:
    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._connections: Counter[str] = Counter()
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was

    def admit(self, principal: Principal) -> bool:
        with self._lock:
            if self._connections[principal.name] >= self._limits.connections_per_client_max:
                return False
            self._connections[principal.name] += 1
            return True

    def leave(self, principal: Principal) -> None:
        with self._lock:
            self._connections[principal.name] -= 1
            if self._connections[principal.name] <= 0:
                del self._connections[principal.name]

    def allowed(self, principal: Principal) -> bool:
        """A token bucket of one second's worth."""
        rate = self._limits.rate_per_client_max
        if not rate:
            return True
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.get(principal.name, (float(rate), now))
            left = min(float(rate), left + (now - since) * rate)
            self._buckets[principal.name] = (left - 1 if left >= 1 else left, now)
            return left >= 1
