"""Objects that this process has decoded, so that most requests decode none."""

from __future__ import annotations

from typing import NamedTuple

from kmipd.core.model import ManagedObject


class Cached(NamedTuple):
    obj: ManagedObject
    mark: int | None  # of `Changes`, from before it was read


class ObjectCache:
    """Decoded objects by identifier, good as long as nobody has written, or the row's version is the same. Sealed
    material only, never clear."""

    SIZE_MAX = 20_000  # about 2 kB each: bounded by memory, not by the number of keys

    def __init__(self) -> None:
        self._objects: dict[str, Cached] = {}

    def get(self, uid: str) -> Cached | None:
        return self._objects.get(uid)

    def put(self, obj: ManagedObject, mark: int | None) -> None:
        if len(self._objects) >= self.SIZE_MAX:
            self._objects.clear()
        self._objects[obj.uid] = Cached(obj, mark)

    def drop(self, uid: str) -> None:
        self._objects.pop(uid, None)
