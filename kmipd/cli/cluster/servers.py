"""Key servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kmipd.cli.cluster.driving import Session, driving
from kmipd.cli.output import print_json, print_table

_pem = click.Path(path_type=Path, exists=True, dir_okay=False)
_SERVER_COLUMNS = ("id", "name", "hosts", "port", "provider", "active")


def _server_row(server: dict[str, Any]) -> tuple[object, ...]:
    hosts = ", ".join(server["kmipKeyServerHostnames"])
    identity = (server["keyServerID"], server["kmipKeyServerName"], hosts, server["kmipKeyServerPort"])
    return (*identity, server["keyProviderID"], server["kmipAssignedProviderIsActive"])


def _text(path: Path | None) -> str | None:
    return None if path is None else path.read_text()


@click.command("add-key-server")
@driving
@click.option("--name", required=True, help="For display.")
@click.option("--host", "hosts", multiple=True, required=True, help="Name or address; repeat for a clustered server.")
@click.option("--port", type=click.IntRange(1, 65535), default=5696, show_default=True)
@click.option("--ca-cert", type=_pem, required=True, help="PEM of the authorities that sign the server.")
@click.option("--client-cert", type=_pem, required=True, help="PEM of the certificate signed from our CSR.")
@click.option("--provider", type=int, help="Assign it to this key provider at once, which contacts it.")
def add_key_server(
    session: Session,
    name: str,
    hosts: tuple[str, ...],
    port: int,
    ca_cert: Path,
    client_cert: Path,
    provider: int | None,
) -> None:
    """Tell the cluster about a key server. It is contacted only when it is assigned or tested."""
    server = session.call(
        "CreateKeyServerKmip",
        kmipKeyServerName=name,
        kmipKeyServerHostnames=list(hosts),
        kmipKeyServerPort=port,
        kmipCaCertificate=_text(ca_cert),
        kmipClientCertificate=_text(client_cert),
    )["kmipKeyServer"]
    number = server["keyServerID"]
    if provider is not None:
        session.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=number)
        server = session.call("GetKeyServerKmip", keyServerID=number)["kmipKeyServer"]
    where = "" if provider is None else f", assigned to key provider {provider}"
    session.done(server, f"key server {number}{where}")


@click.command("modify-key-server")
@driving
@click.argument("server", type=int)
@click.option("--name")
@click.option("--host", "hosts", multiple=True)
@click.option("--port", type=click.IntRange(1, 65535))
@click.option("--ca-cert", type=_pem)
@click.option("--client-cert", type=_pem, help="A renewed certificate for the same key pair.")
def modify_key_server(
    session: Session,
    server: int,
    name: str | None,
    hosts: tuple[str, ...],
    port: int | None,
    ca_cert: Path | None,
    client_cert: Path | None,
) -> None:
    """Change key server SERVER. The cluster contacts it first; if it does not work, nothing changes."""
    found = session.call(
        "ModifyKeyServerKmip",
        keyServerID=server,
        kmipKeyServerName=name,
        kmipKeyServerHostnames=list(hosts) or None,
        kmipKeyServerPort=port,
        kmipCaCertificate=_text(ca_cert),
        kmipClientCertificate=_text(client_cert),
    )["kmipKeyServer"]
    session.done(found, f"key server {server} is changed")


@click.command("list-key-servers")
@driving
@click.option("--provider", type=int, help="Only those of this key provider.")
def list_key_servers(session: Session, provider: int | None) -> None:
    """List key servers."""
    found = session.call("ListKeyServersKmip", keyProviderID=provider)["kmipKeyServers"]
    if session.as_json:
        print_json(found)
    else:
        print_table(_SERVER_COLUMNS, [_server_row(server) for server in found], "no key servers")


@click.command("test-key-server")
@driving
@click.argument("server", type=int)
def test_key_server(session: Session, server: int) -> None:
    """Have the cluster contact key server SERVER: TLS both ways, KMIP version, operations, permission."""
    session.done(session.call("TestKeyServerKmip", keyServerID=server), f"key server {server} works")


@click.command("delete-key-server")
@driving
@click.argument("server", type=int)
def delete_key_server(session: Session, server: int) -> None:
    """Forget key server SERVER; refused for the last one of an active key provider."""
    session.done(session.call("DeleteKeyServerKmip", keyServerID=server), f"key server {server} is deleted")


@click.command()
@driving
@click.argument("server", type=int)
@click.option("--provider", type=int, required=True)
def assign(session: Session, server: int, provider: int) -> None:
    """Assign key server SERVER to a key provider; it is contacted, and given the provider's keys."""
    result = session.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=server)
    session.done(result, f"key server {server} is assigned to key provider {provider}")


@click.command("remove-key-server")
@driving
@click.argument("server", type=int)
def remove_key_server(session: Session, server: int) -> None:
    """Take key server SERVER out of its key provider."""
    session.done(
        session.call("RemoveKeyServerFromProviderKmip", keyServerID=server), f"key server {server} is unassigned"
    )


COMMANDS = (
    add_key_server,
    modify_key_server,
    list_key_servers,
    test_key_server,
    delete_key_server,
    assign,
    remove_key_server,
)
