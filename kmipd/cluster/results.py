"""Results of asynchronous methods: polled, read once, purged."""

from __future__ import annotations

from typing import Any

from kmipd.cluster.errors import ElementError
from kmipd.cluster.store import AsyncResult, Rekey, Store


class Results:
    """GetAsyncResult and ListAsyncResults."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, handle: int, *, keep: bool) -> tuple[AsyncResult, dict[str, Any]]:
        """The result and, while it runs, its details. Reading a completed one purges it unless `keep`."""
        with self._store.unit() as unit:
            found = unit.async_results.one(id=handle)
            if found is None:
                text = f"DBClient operation requested on a non-existent path at [/asyncresults/{handle}]"
                raise ElementError("xDBNoSuchPath", text)
            if found.completed and not keep:
                unit.async_results.delete(id=handle)
            return found, _details(found, unit.rekeys.one(async_id=handle))

    def all(self, kinds: list[str] | None) -> list[AsyncResult]:
        with self._store.unit() as unit:
            found = unit.async_results.all()
        wanted = None if kinds is None else {kind.lower() for kind in kinds}
        return [result for result in found if wanted is None or result.kind.lower() in wanted]

    def latest_rekey(self) -> int | None:
        """The handle of the last rekey, unless its result was read and purged."""
        with self._store.unit() as unit:
            rekey = unit.rekeys.one()
            known = rekey is not None and unit.async_results.one(id=rekey.async_id) is not None
            return rekey.async_id if rekey is not None and known else None


def _details(found: AsyncResult, rekey: Rekey | None) -> dict[str, Any]:
    if found.completed:
        return {}
    waits = {"waitingFor": rekey.last_error} if rekey is not None and rekey.last_error else {}
    return {**found.data, **waits}
