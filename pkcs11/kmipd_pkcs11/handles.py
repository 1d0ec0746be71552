"""A bounded cache of object handles by CKA_ID and class, each with the epoch of its login.

Finding is linear in the token's size (10,000 objects: 0.1 to 0.3 s). A handle of an older epoch is void: after a new
login the same number may name another key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict


class HandleCache:
    """Least recently used goes first. An entry takes some 250 bytes."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[bytes, int], tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, cka_id: bytes, object_class: int, epoch: int) -> int | None:
        """The handle, None when unknown or of another epoch."""
        key = (cka_id, object_class)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry[1] != epoch:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, cka_id: bytes, object_class: int, epoch: int, handle: int) -> None:
        with self._lock:
            self._entries[cka_id, object_class] = (handle, epoch)
            self._entries.move_to_end((cka_id, object_class))
            if len(self._entries) > self._maximum:
                self._entries.popitem(last=False)

    def drop(self, cka_id: bytes) -> None:
        """Forget every class of this CKA_ID."""
        with self._lock:
            for key in [(cka_id, object_class) for object_class in (2, 3, 4)]:  # CKO_PUBLIC, PRIVATE, SECRET_KEY
                self._entries.pop(key, None)
