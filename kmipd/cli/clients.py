"""`kmipd client`: who may use the server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kmipd import administration
from kmipd.cli.output import day, directory_option, failures, json_option, print_json, print_table, settings_of
from kmipd.trust.authority import KeyType
from kmipd.trust.credentials import hashed

_group_option = click.option("--group", help="The group that owns its keys; its own name without it.")
_role_option = click.option(
    "--role", type=click.Choice(administration.ROLES), default="client", show_default=True, help="What it may do."
)
_out_option = click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The directory to write certificates into."
)


@contextmanager
def _clients(directory: Path) -> Iterator[administration.Clients]:
    with failures():
        clients = administration.Clients(settings_of(directory))
        try:
            yield clients
        finally:
            clients.close()


@click.group()
def client() -> None:
    """Enrol, list and revoke clients. A client that is not enrolled is refused."""


@client.command()
@click.argument("name")
@directory_option
@_out_option
@_group_option
@_role_option
@click.option("--key-type", type=click.Choice(["rsa", "ec"]), default="rsa", show_default=True)
def add(name: str, directory: Path, out: Path, group: str | None, role: str, key_type: KeyType) -> None:
    """Make a key and a certificate for NAME; writes ca.pem, cert.pem and key.pem into --out."""
    with _clients(directory) as clients:
        clients.issue(name, out, group=group or name, role=role, key_type=key_type)
    click.echo(f"enrolled {name}: {out}/ca.pem, {out}/cert.pem, {out}/key.pem")


@client.command()
@click.argument("name")
@click.option("--csr", type=click.Path(path_type=Path), required=True, help="The signing request, PEM or DER.")
@directory_option
@_out_option
@_group_option
@click.option("--role", type=click.Choice(administration.ROLES), help="What it may do; client without it.")
def sign(name: str, csr: Path, directory: Path, out: Path, group: str | None, role: str | None) -> None:
    """Sign the CSR of a device, which keeps its key; writes ca.pem and cert.pem into --out.

    Signing again for an enrolled NAME renews its certificate; the one before stays good until it ends. Group and role
    stay as they are.
    """
    with _clients(directory) as clients:
        _, request = clients.sign(name, csr, out, group=group, role=role)
    if request.version:
        click.echo(
            f"note: the request has version {request.version} where the standard has 0; Element clusters do that"
        )
    click.echo(f"enrolled {name} ({request.subject.rfc4514_string()}): {out}/ca.pem, {out}/cert.pem")


@client.command("list")
@directory_option
@json_option
def list_clients(directory: Path, as_json: bool) -> None:
    """List clients and when their certificates end."""
    with _clients(directory) as clients:
        found = clients.all()
    if as_json:
        print_json(
            [
                {
                    "name": c.name,
                    "group": c.group,
                    "role": c.role,
                    "revoked": c.revoked is not None,
                    "certificates": [
                        {"sha256": x.fingerprint, "serial": x.serial, "subject": x.subject, "not_after": x.not_after}
                        for x in c.certificates
                    ],
                }
                for c in found
            ]
        )
        return
    rows = [
        (
            c.name,
            c.group,
            c.role,
            "revoked" if c.revoked is not None else "good",
            day(max((x.not_after for x in c.certificates), default=None)),
            len(c.certificates),
        )
        for c in found
    ]
    print_table(("name", "group", "role", "state", "until", "certificates"), rows, "no client is enrolled")


@client.command()
@click.argument("name")
@directory_option
def revoke(name: str, directory: Path) -> None:
    """Revoke NAME and all its certificates. Its keys stay, for its group."""
    with _clients(directory) as clients:
        count = clients.revoke(name)
    click.echo(f"revoked {name} ({count} certificates); open connections end within seconds")


@client.command()
def password() -> None:
    """Read a password and print it as [[credential]] in kmipd.toml keeps it (scrypt)."""
    text: str
    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.readline().rstrip("\n")
    click.echo(hashed(text))
