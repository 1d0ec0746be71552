"""Key providers."""

from __future__ import annotations

import ssl
from typing import Any, Final

from kmipd.cluster.element.method import Call, Method
from kmipd.cluster.providers import ProviderView

CAPABILITIES: Final = f"PyKMIP over {ssl.OPENSSL_VERSION}; KMIP 1.0 to 1.4; FIPS: no"


def show(view: ProviderView) -> dict[str, Any]:
    return {
        "keyProviderID": view.provider.id,
        "keyProviderName": view.provider.name,
        "keyProviderIsActive": view.active,
        "keyServerIDs": view.server_ids,
        "kmipCapabilities": CAPABILITIES,
    }


def create(call: Call) -> dict[str, Any]:
    return {"kmipKeyProvider": show(call.cluster.providers.create(call.params.text("keyProviderName")))}


def delete(call: Call) -> dict[str, Any]:
    call.cluster.providers.delete(call.params.number("keyProviderID"))
    return {}


def get(call: Call) -> dict[str, Any]:
    return {"kmipKeyProvider": show(call.cluster.providers.get(call.params.number("keyProviderID")))}


def list_all(call: Call) -> dict[str, Any]:
    active = call.params.flag_or_none("keyProviderIsActive")
    assigned = call.params.flag_or_none("kmipKeyProviderHasServerAssigned")
    found = [
        show(view)
        for view in call.cluster.providers.all()
        if active in (None, view.active) and assigned in (None, bool(view.server_ids))
    ]
    return {"kmipKeyProviders": found}


def test(call: Call) -> dict[str, Any]:
    call.cluster.providers.test(call.params.number("keyProviderID"))
    call.cluster.keeper.wake()  # the provider is back: what waits for it may go on
    call.cluster.watch.wake()
    return {}


def add_server(call: Call) -> dict[str, Any]:
    call.cluster.providers.add_server(call.params.number("keyProviderID"), call.params.number("keyServerID"))
    call.cluster.watch.wake()
    return {}


def remove_server(call: Call) -> dict[str, Any]:
    call.cluster.providers.remove_server(call.params.number("keyServerID"))
    call.cluster.watch.wake()
    return {}


METHODS: Final = (
    Method("CreateKeyProviderKmip", create),
    Method("DeleteKeyProviderKmip", delete),
    Method("GetKeyProviderKmip", get),
    Method("ListKeyProvidersKmip", list_all),
    Method("TestKeyProviderKmip", test),
    Method("AddKeyServerToProviderKmip", add_server),
    Method("RemoveKeyServerFromProviderKmip", remove_server),
)
