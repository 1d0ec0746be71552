"""Volumes. These methods are ours, not Element's: a real cluster's data travels over iSCSI, never over its API."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from kmipd.cluster.crypto import BLOCK
from kmipd.cluster.element.method import Call, Method
from kmipd.cluster.errors import ElementError
from kmipd.cluster.store import Volume


def show(volume: Volume) -> dict[str, Any]:
    return {
        "volumeID": volume.id,
        "name": volume.name,
        "totalSize": volume.blocks * BLOCK,
        "blockSize": BLOCK,
        "createTime": volume.created,
    }


def create(call: Call) -> dict[str, Any]:
    volume = call.cluster.volumes.create(call.params.text("name"), call.params.number("totalSize"))
    return {"volume": show(volume)}


def list_all(call: Call) -> dict[str, Any]:
    return {"volumes": [show(volume) for volume in call.cluster.volumes.all()]}


def write(call: Call) -> dict[str, Any]:
    number, offset = call.params.number("volumeID"), call.params.number_or_none("offset") or 0
    try:
        data = base64.b64decode(call.params.text("data"), validate=True)
    except (binascii.Error, ValueError):
        raise ElementError("xInvalidParameter", "data must be base64.") from None
    call.cluster.volumes.write(number, offset, data)
    return {"written": len(data)}


def read(call: Call) -> dict[str, Any]:
    number, offset = call.params.number("volumeID"), call.params.number_or_none("offset") or 0
    data = call.cluster.volumes.read(number, offset, call.params.number("length"))
    return {"data": base64.b64encode(data).decode("ascii")}


def delete(call: Call) -> dict[str, Any]:
    call.cluster.volumes.delete(call.params.number("volumeID"))
    return {}


_VOLUMES: Final = frozenset({"volumes"})
METHODS: Final = (
    Method("KmipdCreateVolume", create, _VOLUMES),
    Method("KmipdListVolumes", list_all, _VOLUMES),
    Method("KmipdWriteVolume", write, _VOLUMES),
    Method("KmipdReadVolume", read, _VOLUMES),
    Method("KmipdDeleteVolume", delete, _VOLUMES),
)
