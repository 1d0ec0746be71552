"""Asynchronous results."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import Call, Method


def get(call: Call) -> dict[str, Any]:
    handle = call.params.number("asyncHandle")
    found, details = call.cluster.results.get(handle, keep=call.params.flag("keepResult", False))
    answer: dict[str, Any] = {
        "status": "complete" if found.completed else "running",
        "resultType": found.kind,
        "createTime": found.created,
        "lastUpdateTime": found.updated,
    }
    if not found.completed:
        answer["details"] = details
    elif found.error is not None:
        answer["error"] = found.error
    else:
        answer["result"] = found.data
    return answer


def list_all(call: Call) -> dict[str, Any]:
    handles = [
        {
            "asyncResultID": found.id,
            "completed": found.completed,
            "success": found.completed and found.error is None,
            "createTime": found.created,
            "lastUpdateTime": found.updated,
            "resultType": found.kind,
            "data": found.data,
        }
        for found in call.cluster.results.all(call.params.texts_or_none("asyncResultTypes"))
    ]
    return {"asyncHandles": handles}


_ACCESS: Final = frozenset({"read", "write"})
METHODS: Final = (Method("GetAsyncResult", get, _ACCESS), Method("ListAsyncResults", list_all, _ACCESS))
