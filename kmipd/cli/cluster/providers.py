"""Key providers."""

from __future__ import annotations

import click

from kmipd.cli.cluster.driving import Session, driving
from kmipd.cli.output import print_json, print_table


@click.command("create-key-provider")
@driving
@click.option("--name", required=True)
def create_key_provider(session: Session, name: str) -> None:
    """Make a key provider: the place whose key servers hold the same keys."""
    found = session.call("CreateKeyProviderKmip", keyProviderName=name)["kmipKeyProvider"]
    session.done(found, f"key provider {found['keyProviderID']}")


@click.command("list-key-providers")
@driving
def list_key_providers(session: Session) -> None:
    """List key providers; one is active while it holds keys in use."""
    found = session.call("ListKeyProvidersKmip")["kmipKeyProviders"]
    if session.as_json:
        print_json(found)
        return
    rows = [
        (
            p["keyProviderID"],
            p["keyProviderName"],
            "active" if p["keyProviderIsActive"] else "inactive",
            ", ".join(str(number) for number in p["keyServerIDs"]),
        )
        for p in found
    ]
    print_table(("id", "name", "state", "key servers"), rows, "no key providers")


@click.command("test-key-provider")
@driving
@click.argument("provider", type=int)
def test_key_provider(session: Session, provider: int) -> None:
    """Have the cluster contact the servers of PROVIDER, and find its keys there."""
    session.done(session.call("TestKeyProviderKmip", keyProviderID=provider), f"key provider {provider} works")


@click.command("delete-key-provider")
@driving
@click.argument("provider", type=int)
def delete_key_provider(session: Session, provider: int) -> None:
    """Delete PROVIDER, which must not be active."""
    session.done(session.call("DeleteKeyProviderKmip", keyProviderID=provider), f"key provider {provider} is deleted")


COMMANDS = (create_key_provider, list_key_providers, test_key_provider, delete_key_provider)
