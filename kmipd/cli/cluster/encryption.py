"""Changing the master key, and encryption by drives."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from kmipd.cli.cluster.driving import REFUSED, Session, driving
from kmipd.cli.output import print_json, print_table

_STATES = {
    "CreateNewMasterKey": "making the new master key and reading it back",
    "RewrapDataEncryptionKeys": "rewrapping the data keys",
    "DecommissionOldMasterKey": "the new master key is in use; destroying the old one",
    "Ready": "done",
}


@click.command()
@driving
@click.option(
    "--to", type=click.Choice(["external", "internal"]), help="Where the new key is managed; without: as now."
)
@click.option("--provider", type=int, help="The key provider; needed with --to external.")
@click.option("--wait", is_flag=True, help="Show progress until it is complete.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
def rekey(session: Session, to: str | None, provider: int | None, wait: bool, timeout: float) -> None:
    """Replace the master key. Data stays as it is; only the data keys are wrapped anew."""
    handle = session.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType=to, keyProviderID=provider)[
        "asyncHandle"
    ]
    if not wait:
        session.done(
            {"asyncHandle": handle}, f"asyncHandle {handle}; follow it: kmipd cluster async-result {handle} --keep"
        )
        return
    _show(session, handle, _follow(session, handle, timeout))


def _follow(session: Session, handle: int, timeout: float) -> dict[str, Any]:
    console = Console(stderr=True, highlight=False)
    with console.status(f"asyncHandle {handle}") as status:

        def progress(found: dict[str, Any]) -> None:
            details = found.get("details") or {}
            state = details.get("state", "")
            waits = details.get("waitingFor")
            status.update(_STATES.get(state, state) + (f" - {waits}" if waits else ""))

        return session.client.wait(handle, progress, timeout)


def _show(session: Session, handle: int, found: dict[str, Any]) -> None:
    if session.as_json:
        print_json(found)
    elif "error" not in found:
        data = found.get("result") or found.get("details") or {}
        rows = [("asyncHandle", handle), ("status", found.get("status")), ("state", data.get("state"))]
        for name, label in (("keyToDecommission", "old key"), ("newKey", "new key")):
            key = data.get(name) or {}
            where = key.get("keyManagementType", "")
            if "keyProviderID" in key:
                where += f", key provider {key['keyProviderID']}"
            rows.append((label, f"{key.get('keyID')} ({where})" if key else None))
        rows += [("waiting for", data["waitingFor"])] if "waitingFor" in data else []
        print_table(("what", "is"), rows, "")
    if "error" in found:
        error = found["error"]
        click.echo(f"Error: {error.get('message')} ({error.get('name')})", err=True)
        raise SystemExit(REFUSED)


@click.command("async-result")
@driving
@click.argument("handle", type=int)
@click.option("--keep", is_flag=True, help="Keep a completed result; without, reading it purges it.")
@click.option("--wait", is_flag=True, help="Wait until it is complete.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait.")
def async_result(session: Session, handle: int, keep: bool, wait: bool, timeout: float) -> None:
    """Show the result of an asynchronous method. Exit code 1 when it failed."""
    if wait:
        _follow(session, handle, timeout)
    _show(session, handle, session.call("GetAsyncResult", asyncHandle=handle, keepResult=keep))


@click.command("abandon-old-key")
@driving
@click.confirmation_option(prompt="The old master key stays on its key server, undestroyed. Go on?")
def abandon_old_key(session: Session) -> None:
    """End a rekey whose old key cannot be destroyed, because its provider is gone for good. Ours only, not Element."""
    handle = session.call("KmipdAbandonOldMasterKey")["asyncHandle"]
    session.done({"asyncHandle": handle}, f"the rekey {handle} is complete; its old key was given up")


@click.command("enable-drives")
@driving
@click.option("--provider", type=int, help="Keep the drives' key there; without, inside the cluster.")
def enable_drives(session: Session, provider: int | None) -> None:
    """Enable encryption at rest by self-encrypting drives; follow it with `kmipd cluster info`."""
    session.done(session.call("EnableEncryptionAtRest", keyProviderID=provider), "enabling")


@click.command("disable-drives")
@driving
def disable_drives(session: Session) -> None:
    """Disable encryption at rest by drives. Software encryption is not touched."""
    session.done(session.call("DisableEncryptionAtRest"), "disabling")


COMMANDS = (rekey, async_result, abandon_old_key, enable_drives, disable_drives)
