"""Faults and events."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import READERS, Call, Method
from kmipd.cluster.errors import ElementError
from kmipd.cluster.store import Event, Fault

MAX_EVENTS: Final = 1000
_WANTED: Final = {"current": (False,), "resolved": (True,), "all": (False, True)}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "clusterFaultID": fault.id,
        "code": fault.code,
        "severity": fault.severity,
        "type": fault.kind,
        "details": fault.details,
        "data": None,
        "date": fault.date,
        "resolved": fault.resolved,
        "resolvedDate": fault.resolved_date,
        "driveID": 0,
        "driveIDs": [],
        "externalSource": "",
        "networkInterface": "",
        "nodeHardwareFaultID": 0,
        "nodeID": 0,
        "serviceID": 0,
        "blocksUpgrade": fault.severity in ("error", "critical"),
    }


def list_faults(call: Call) -> dict[str, Any]:
    kind = call.params.text_or_none("faultTypes") or "all"
    call.params.flag("bestPractices", False)
    if kind not in _WANTED:
        raise ElementError("xUnrecognizedEnumString", kind)
    with call.cluster.store.unit() as unit:
        found = unit.faults.all()
    return {"faults": [_fault(fault) for fault in found if fault.resolved in _WANTED[kind]]}


def _event(event: Event) -> dict[str, Any]:
    return {
        "eventID": event.id,
        "eventInfoType": event.kind,
        "message": event.message,
        "details": event.details,
        "severity": event.severity,
        "nodeID": 0,
        "serviceID": 0,
        "driveID": 0,
        "driveIDs": [],
        "timeOfReport": event.time,
        "timeOfPublish": event.time,
    }


def list_events(call: Call) -> dict[str, Any]:
    params = call.params
    limit = params.number_or_none("maxEvents")
    first = params.number_or_none("startEventID") or 0
    last = params.number_or_none("endEventID")
    kind = params.text_or_none("eventType")
    count = MAX_EVENTS if limit is None else max(0, min(limit, MAX_EVENTS))
    with call.cluster.store.unit() as unit:
        found = unit.events_between(first, last, kind, count)
    return {"eventQueueType": "mainEventQueue", "events": [_event(event) for event in found]}


METHODS: Final = (
    Method("ListClusterFaults", list_faults, READERS),
    Method("ListEvents", list_events, READERS),
)
