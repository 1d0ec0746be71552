"""Key servers."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import Call, Method
from kmipd.cluster.element.params import Params
from kmipd.cluster.keyservers import Facts, ServerView


def show(view: ServerView) -> dict[str, Any]:
    server = view.server
    return {
        "keyServerID": server.id,
        "kmipKeyServerName": server.name,
        "kmipKeyServerHostnames": server.hostnames,
        "kmipKeyServerPort": server.port,
        "kmipCaCertificate": server.ca_pem,
        "kmipClientCertificate": server.client_pem,
        "keyProviderID": server.provider_id,
        "kmipAssignedProviderIsActive": view.active,
    }


def _port(params: Params) -> int | None:
    return params.number_or_none("kmipKeyServerPort")


def create(call: Call) -> dict[str, Any]:
    params = call.params
    facts = Facts(
        name=params.text("kmipKeyServerName"),
        hostnames=params.texts("kmipKeyServerHostnames"),
        port=_port(params),
        ca_pem=params.text("kmipCaCertificate"),
        client_pem=params.text("kmipClientCertificate"),
    )
    return {"kmipKeyServer": show(call.cluster.key_servers.create(facts))}


def modify(call: Call) -> dict[str, Any]:
    params = call.params
    number = params.number("keyServerID")
    facts = Facts(
        name=params.text_or_none("kmipKeyServerName"),
        hostnames=params.texts_or_none("kmipKeyServerHostnames"),
        port=_port(params),
        ca_pem=params.text_or_none("kmipCaCertificate"),
        client_pem=params.text_or_none("kmipClientCertificate"),
    )
    view = call.cluster.key_servers.modify(number, facts)
    call.cluster.keeper.wake()  # what waits for this server may go on now
    call.cluster.watch.wake()
    return {"kmipKeyServer": show(view)}


def delete(call: Call) -> dict[str, Any]:
    call.cluster.key_servers.delete(call.params.number("keyServerID"))
    call.cluster.watch.wake()
    return {}


def get(call: Call) -> dict[str, Any]:
    return {"kmipKeyServer": show(call.cluster.key_servers.get(call.params.number("keyServerID")))}


def list_all(call: Call) -> dict[str, Any]:
    provider = call.params.number_or_none("keyProviderID")
    active = call.params.flag_or_none("kmipAssignedProviderIsActive")
    assigned = call.params.flag_or_none("kmipHasProviderAssigned")
    found = [
        show(view)
        for view in call.cluster.key_servers.all()
        if provider in (None, view.server.provider_id)
        and active in (None, bool(view.active))
        and assigned in (None, view.server.provider_id is not None)
    ]
    return {"kmipKeyServers": found}


def test(call: Call) -> dict[str, Any]:
    call.cluster.key_servers.test(call.params.number("keyServerID"))
    call.cluster.keeper.wake()
    call.cluster.watch.wake()
    return {}


METHODS: Final = (
    Method("CreateKeyServerKmip", create),
    Method("ModifyKeyServerKmip", modify),
    Method("DeleteKeyServerKmip", delete),
    Method("GetKeyServerKmip", get),
    Method("ListKeyServersKmip", list_all),
    Method("TestKeyServerKmip", test),
)
