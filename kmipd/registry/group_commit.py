"""Threads that wait to write are written together: one transaction, and one wait for the disk, for all of them.

Whoever gets the turn writes for everybody who has come in the meantime. Each unit stands in a savepoint of its own, so
that one which conflicts takes back its own changes and nobody else's, and sees those before it as if they had been
committed. Nobody is told anything before the commit that holds his changes is on the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from kmipd.registry.engine import Connections, Link, RegistryError


class _Waiting:
    """A write that somebody waits for."""

    __slots__ = ("action", "done", "error")

    def __init__(self, action: Callable[[Link], object]) -> None:
        self.action = action
        self.done = False
        self.error: Exception | None = None


class GroupCommit:
    """Of one process; safe to use from many threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._turn = threading.Lock()
        self._waiting: deque[_Waiting] = deque()  # appending and popping are atomic

    def write(self, action: Callable[[Link], object]) -> None:
        """Run `action` in a transaction; it is on the disk when this returns. Raises what `action` raises, and
        RegistryError when the transaction could not be committed: nothing was changed then."""
        mine = _Waiting(action)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._write_all()
        if mine.error is not None:
            raise mine.error

    def _write_all(self) -> None:
        group: list[_Waiting] = []
        try:
            with self._connections.transaction() as link:
                self._take(group)  # not before: while another process held the lock, more have come
                if len(group) == 1:
                    group[0].action(link)  # its failure is that of the transaction
                else:
                    for one in group:
                        one.error = _alone(link, one.action)
        except BaseException as error:
            if not group:  # it did not come so far; otherwise, who has come since has not been tried
                self._take(group)
            for one in group:  # whatever became of each before: it may have been because of what is gone now
                one.error = error if len(group) == 1 and isinstance(error, Exception) else RegistryError(str(error))
            if not isinstance(error, Exception):
                raise
        finally:
            for one in group:
                one.done = True

    def _take(self, group: list[_Waiting]) -> None:
        with suppress(IndexError):
            while True:
                group.append(self._waiting.popleft())


def _alone(link: Link, action: Callable[[Link], object]) -> Exception | None:
    """Run one of several; what it raises, after its own changes were taken back."""
    link.run("SAVEPOINT one")
    try:
        action(link)
    except Exception as error:  # noqa: BLE001 - it is raised where the action came from
        link.run("ROLLBACK TO one")  # impossible when SQLite has ended the transaction (disk full): then all fail
        link.run("RELEASE one")
        return error
    link.run("RELEASE one")
    return None
