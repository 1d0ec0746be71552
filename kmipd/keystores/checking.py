"""Every open key store is asked now and then: a token that dies while nobody uses it is noticed all the same."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from kmipd.core.errors import StoreError
from kmipd.keystores.directory import OpenStore, StoreDirectory

CHECK_SECONDS = 10.0  # between two questions to one store; monitoring asks about as often


class Checks:
    """Of one process. Each store is asked in a thread of its own: one whose token hangs holds up no other."""

    def __init__(self, stores: StoreDirectory) -> None:
        self._stores = stores
        self._threads: dict[OpenStore, threading.Thread] = {}
        self._asked: dict[OpenStore, float] = {}

    def go_round(self) -> None:
        """Ask those whose turn it is. What is down is left to what heals it."""
        now = time.monotonic()
        opened = self._stores.opened()
        self._asked = {store: self._asked.get(store, now) for store in opened}  # one that was just opened answered
        self._threads = {store: thread for store, thread in self._threads.items() if thread.is_alive()}
        for store in opened:
            if now - self._asked[store] < CHECK_SECONDS or store in self._threads or not store.health().up:
                continue
            self._asked[store] = now
            thread = threading.Thread(target=_ask, args=(store,), name=f"check-{store.name}", daemon=True)
            self._threads[store] = thread
            thread.start()


def _ask(store: OpenStore) -> None:
    with suppress(StoreError, RuntimeError):  # the store's health says it from now on; or the interpreter is ending
        store.check()
