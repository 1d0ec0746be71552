"""Clients that repeat one request all the time, and count what becomes of it."""

from __future__ import annotations

import threading
import time
from typing import Any

from kmipd.spec.enumerations import Operation
from tests.support.client import Client, Ended, Refused
from tests.support.server import Identity, Server

_PAUSE = 0.01  # seconds between requests: steady, and no flood


class Repeating:
    """Begins at once; `stop` ends it and gives the numbers."""

    def __init__(self, server: Server, identity: Identity, operation: Operation, payload: Any) -> None:
        self._server, self._identity = server, identity
        self._request = operation, payload
        self.done = 0
        self.refused: list[str] = []
        self.ended = 0  # connections that were lost
        self.longest = 0.0  # seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client.connect(self._server, self._identity) as client:
                    while not self._stop.is_set():
                        self._once(client)
                        time.sleep(_PAUSE)
            except (Ended, OSError):
                self.ended += 1
                time.sleep(_PAUSE)

    def _once(self, client: Client) -> None:
        begun = time.monotonic()
        try:
            client.call(*self._request)
            self.done += 1
        except Refused as error:
            self.refused.append(str(error.message))
        finally:
            self.longest = max(self.longest, time.monotonic() - begun)

    def stop(self) -> str:
        """In words, for the report."""
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a request never came back"
        return (
            f"{self.done} answered, {len(self.refused)} refused, {self.ended} connections lost, "
            f"longest {self.longest:.2f} s"
        )
