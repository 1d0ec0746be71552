"""The cluster itself: create it, look at it."""

from __future__ import annotations

import click

from kmipd.cli.cluster.driving import REFUSED, Session, driving
from kmipd.cli.output import print_json, print_table


@click.command()
@driving
@click.option("--mvip", default="127.0.0.1", show_default=True, help="Management address.")
@click.option("--svip", default="127.0.0.1", show_default=True, help="Storage address.")
@click.option("--node", "nodes", multiple=True, default=("127.0.0.1",), show_default=True, help="May be repeated.")
@click.option("--software-encryption/--no-software-encryption", default=True, show_default=True)
def create(session: Session, mvip: str, svip: str, nodes: tuple[str, ...], software_encryption: bool) -> None:
    """Create the cluster, with --user and its password as the first administrator."""
    session.call(
        "CreateCluster",
        mvip=mvip,
        svip=svip,
        username=session.user,
        password=session.password,
        nodes=list(nodes),
        acceptEula=True,
        enableSoftwareEncryptionAtRest=software_encryption,
    )
    session.done({}, f"created; {session.user} administers it")


@click.command()
@driving
def info(session: Session) -> None:
    """Show the cluster, its encryption and its master key."""
    about = session.call("GetClusterInfo")["clusterInfo"]
    software = session.call("GetSoftwareEncryptionAtRestInfo")
    key = software.get("masterKeyInfo") or {}
    if session.as_json:
        print_json({"clusterInfo": about, "softwareEncryptionAtRest": software})
        return
    rows = [
        ("name", about["name"]),
        ("uuid", about["uuid"]),
        ("nodes", ", ".join(about["ensemble"])),
        ("software encryption", software["state"]),
        ("drive encryption", about["encryptionAtRestState"]),
        ("master key", key.get("keyID")),
        ("managed", key.get("keyManagementType")),
        ("key provider", key.get("keyProviderID")),
        ("created", key.get("keyCreatedTime")),
        ("last rekey", software.get("rekeyMasterKeyAsyncResultID")),
    ]
    print_table(("what", "is"), rows, "")


@click.command()
@driving
@click.option("--types", type=click.Choice(["current", "resolved", "all"]), default="current", show_default=True)
def faults(session: Session, types: str) -> None:
    """List faults. Exit code 1 when there is an open one of severity error or critical."""
    found = session.call("ListClusterFaults", faultTypes=types)["faults"]
    if session.as_json:
        print_json(found)
    else:
        rows = [
            (f["code"], f["severity"], "resolved" if f["resolved"] else "open", f["date"], f["details"]) for f in found
        ]
        print_table(("fault", "severity", "state", "since", "details"), rows, "no faults")
    if any(not f["resolved"] and f["severity"] in ("error", "critical") for f in found):
        raise SystemExit(REFUSED)


COMMANDS = (create, info, faults)
